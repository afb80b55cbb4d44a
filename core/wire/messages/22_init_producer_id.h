// SPDX-License-Identifier: Apache-2.0
// InitProducerId (key 22): an id for an idempotent or transactional producer.
// v2 is flexible, v3 lets a producer keep its id and raise its epoch (KIP-360). v6 (two-phase commit, KIP-939) is not
// final in Kafka 4.3 and is not served.
#pragma once

#include "core/wire/field_types.h"

namespace klog::wire {

struct InitProducerIdRequest {
    static constexpr std::int16_t api_key = 22;
    static constexpr Version version_first = 0, version_last = 6, flexible_since = 2;

    std::optional<std::string> transactional_id;
    std::int32_t transaction_timeout_ms = 0;
    ProducerId producer_id = base::no_producer_id;
    ProducerEpoch producer_epoch{-1};
    bool enable2_pc = false;
    bool keep_prepared_txn = false;
    bool operator==(const InitProducerIdRequest&) const = default;

    static constexpr void wire(auto&& field) {
        using T = InitProducerIdRequest;
        field("transactional_id", &T::transactional_id);
        field("transaction_timeout_ms", &T::transaction_timeout_ms);
        field("producer_id", &T::producer_id, {.since = 3});
        field("producer_epoch", &T::producer_epoch, {.since = 3});
        field("enable2_pc", &T::enable2_pc, {.since = 6});
        field("keep_prepared_txn", &T::keep_prepared_txn, {.since = 6});
    }
};

struct InitProducerIdResponse {
    static constexpr std::int16_t api_key = 22;
    static constexpr Version version_first = 0, version_last = 6, flexible_since = 2;

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    ProducerId producer_id = base::no_producer_id;
    ProducerEpoch producer_epoch;
    ProducerId ongoing_txn_producer_id = base::no_producer_id;
    ProducerEpoch ongoing_txn_producer_epoch{-1};
    bool operator==(const InitProducerIdResponse&) const = default;

    static constexpr void wire(auto&& field) {
        using T = InitProducerIdResponse;
        field("throttle_time_ms", &T::throttle_time_ms, {.ignorable = true});
        field("error_code", &T::error_code);
        field("producer_id", &T::producer_id);
        field("producer_epoch", &T::producer_epoch);
        field("ongoing_txn_producer_id", &T::ongoing_txn_producer_id, {.since = 6});
        field("ongoing_txn_producer_epoch", &T::ongoing_txn_producer_epoch, {.since = 6});
    }
};

}  // namespace klog::wire
