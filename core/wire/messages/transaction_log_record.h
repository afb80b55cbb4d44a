// SPDX-License-Identifier: Apache-2.0
// A transactional id as it lies in __transaction_state: its producer, the state of its transaction and the partitions
// that are in it. A null value: the id has expired.
#pragma once

#include "core/wire/field_types.h"

namespace klog::wire {

struct TransactionLogKey {
    static constexpr std::int16_t api_key = 0;
    static constexpr Version version_first = 0, version_last = 0, flexible_since = never_flexible;

    std::string transactional_id;
    bool operator==(const TransactionLogKey&) const = default;

    static constexpr void wire(auto&& field) {
        using T = TransactionLogKey;
        field("transactional_id", &T::transactional_id);
    }
};

struct TransactionLogValue {
    static constexpr std::int16_t api_key = 0;
    static constexpr Version version_first = 0, version_last = 1, flexible_since = 1;

    struct Partitions {
        std::string topic;
        std::vector<PartitionId> partition_ids;
        bool operator==(const Partitions&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Partitions;
            field("topic", &T::topic);
            field("partition_ids", &T::partition_ids);
        }
    };
    ProducerId producer_id;
    ProducerId previous_producer_id = base::no_producer_id;
    ProducerId next_producer_id = base::no_producer_id;
    ProducerEpoch producer_epoch;
    ProducerEpoch next_producer_epoch{-1};
    std::int32_t transaction_timeout_ms = 0;
    std::int8_t transaction_status = 0;
    std::optional<std::vector<Partitions>> transaction_partitions;
    TimestampMs transaction_last_update_timestamp_ms = 0;
    TimestampMs transaction_start_timestamp_ms = 0;
    std::int16_t client_transaction_version = 0;
    bool operator==(const TransactionLogValue&) const = default;

    static constexpr void wire(auto&& field) {
        using T = TransactionLogValue;
        field("producer_id", &T::producer_id);
        field("producer_epoch", &T::producer_epoch);
        field("transaction_timeout_ms", &T::transaction_timeout_ms);
        field("transaction_status", &T::transaction_status);
        field("transaction_partitions", &T::transaction_partitions);
        field("transaction_last_update_timestamp_ms", &T::transaction_last_update_timestamp_ms);
        field("transaction_start_timestamp_ms", &T::transaction_start_timestamp_ms);
        field.tagged(0, "previous_producer_id", &T::previous_producer_id, {.since = 1});
        field.tagged(1, "next_producer_id", &T::next_producer_id, {.since = 1});
        field.tagged(2, "client_transaction_version", &T::client_transaction_version, {.since = 1});
        field.tagged(3, "next_producer_epoch", &T::next_producer_epoch, {.since = 1});
    }
};

}  // namespace klog::wire
