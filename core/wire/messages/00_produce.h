// SPDX-License-Identifier: Apache-2.0
// Produce (key 0): appends record batches to partitions.
// v3 is the first with record batches v2 and a transactional id; v0 to v2 carry message sets of older formats. v5
// answers with the log start offset, v7 allows zstd, v8 says which record was refused, v9 is flexible, v10 names the
// new leader (KIP-951), v12 adds partitions to a transaction by itself (KIP-890), v13 names topics by id (KIP-516).
// With acks=0 no answer is sent.
#pragma once

#include "core/wire/field_types.h"

namespace klog::wire {

struct ProduceRequest {
    static constexpr std::int16_t api_key = 0;
    static constexpr Version version_first = 0, version_last = 13, flexible_since = 9;

    struct Partition {
        PartitionId index;
        std::optional<Records> records;
        bool operator==(const Partition&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Partition;
            field("index", &T::index);
            field("records", &T::records);
        }
    };
    struct Topic {
        std::string_view name;
        Uuid topic_id;
        std::vector<Partition> partition_data;
        bool operator==(const Topic&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Topic;
            field("name", &T::name, {.until = 12, .ignorable = true});
            field("topic_id", &T::topic_id, {.since = 13, .ignorable = true});
            field("partition_data", &T::partition_data);
        }
    };

    std::optional<std::string_view> transactional_id;
    std::int16_t acks = 0;  // 0: none, 1: the leader, -1: the whole ISR.
    std::int32_t timeout_ms = 0;
    std::vector<Topic> topic_data;
    bool operator==(const ProduceRequest&) const = default;

    static constexpr void wire(auto&& field) {
        using T = ProduceRequest;
        field("transactional_id", &T::transactional_id, {.since = 3});
        field("acks", &T::acks);
        field("timeout_ms", &T::timeout_ms);
        field("topic_data", &T::topic_data);
    }
};

struct ProduceResponse {
    static constexpr std::int16_t api_key = 0;
    static constexpr Version version_first = 0, version_last = 13, flexible_since = 9;

    struct RecordError {
        std::int32_t batch_index = 0;
        std::optional<std::string> batch_index_error_message;
        bool operator==(const RecordError&) const = default;

        static constexpr void wire(auto&& field) {
            using T = RecordError;
            field("batch_index", &T::batch_index, {.since = 8});
            field("batch_index_error_message", &T::batch_index_error_message, {.since = 8});
        }
    };
    struct LeaderIdAndEpoch {
        NodeId leader_id = base::no_node;
        LeaderEpoch leader_epoch = base::no_leader_epoch;
        bool operator==(const LeaderIdAndEpoch&) const = default;

        static constexpr void wire(auto&& field) {
            using T = LeaderIdAndEpoch;
            field("leader_id", &T::leader_id, {.since = 10});
            field("leader_epoch", &T::leader_epoch, {.since = 10});
        }
    };
    struct Partition {
        PartitionId index;
        ErrorCode error_code = ErrorCode::none;
        Offset base_offset;
        TimestampMs log_append_time_ms = -1;  // -1 where the topic keeps the producer's times.
        Offset log_start_offset{-1};
        std::vector<RecordError> record_errors;
        std::optional<std::string> error_message;
        LeaderIdAndEpoch current_leader;
        bool operator==(const Partition&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Partition;
            field("index", &T::index);
            field("error_code", &T::error_code);
            field("base_offset", &T::base_offset);
            field("log_append_time_ms", &T::log_append_time_ms, {.since = 2, .ignorable = true});
            field("log_start_offset", &T::log_start_offset, {.since = 5, .ignorable = true});
            field("record_errors", &T::record_errors, {.since = 8, .ignorable = true});
            field("error_message", &T::error_message, {.since = 8, .ignorable = true});
            field.tagged(0, "current_leader", &T::current_leader, {.since = 10});
        }
    };
    struct Topic {
        std::string name;
        Uuid topic_id;
        std::vector<Partition> partition_responses;
        bool operator==(const Topic&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Topic;
            field("name", &T::name, {.until = 12, .ignorable = true});
            field("topic_id", &T::topic_id, {.since = 13, .ignorable = true});
            field("partition_responses", &T::partition_responses);
        }
    };
    struct NodeEndpoint {
        NodeId node_id;
        std::string host;
        std::int32_t port = 0;
        std::optional<std::string> rack;
        bool operator==(const NodeEndpoint&) const = default;

        static constexpr void wire(auto&& field) {
            using T = NodeEndpoint;
            field("node_id", &T::node_id, {.since = 10});
            field("host", &T::host, {.since = 10});
            field("port", &T::port, {.since = 10});
            field("rack", &T::rack, {.since = 10});
        }
    };

    std::vector<Topic> responses;
    std::int32_t throttle_time_ms = 0;
    std::vector<NodeEndpoint> node_endpoints;
    bool operator==(const ProduceResponse&) const = default;

    static constexpr void wire(auto&& field) {
        using T = ProduceResponse;
        field("responses", &T::responses);
        field("throttle_time_ms", &T::throttle_time_ms, {.since = 1, .ignorable = true});
        field.tagged(0, "node_endpoints", &T::node_endpoints, {.since = 10});
    }
};

}  // namespace klog::wire
