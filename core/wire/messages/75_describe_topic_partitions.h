// SPDX-License-Identifier: Apache-2.0
// DescribeTopicPartitions (key 75): topics and their partitions in pages (KIP-966).
#pragma once

#include "core/wire/field_types.h"

namespace klog::wire {

struct DescribeTopicPartitionsRequest {
    static constexpr std::int16_t api_key = 75;
    static constexpr Version version_first = 0, version_last = 0, flexible_since = 0;

    struct Topic {
        std::string name;
        bool operator==(const Topic&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Topic;
            field("name", &T::name);
        }
    };
    struct Cursor {
        std::string topic_name;
        PartitionId partition_index;
        bool operator==(const Cursor&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Cursor;
            field("topic_name", &T::topic_name);
            field("partition_index", &T::partition_index);
        }
    };

    std::vector<Topic> topics;
    std::int32_t response_partition_limit = 2000;
    std::optional<Cursor> cursor;
    bool operator==(const DescribeTopicPartitionsRequest&) const = default;

    static constexpr void wire(auto&& field) {
        using T = DescribeTopicPartitionsRequest;
        field("topics", &T::topics);
        field("response_partition_limit", &T::response_partition_limit);
        field("cursor", &T::cursor);
    }
};

struct DescribeTopicPartitionsResponse {
    static constexpr std::int16_t api_key = 75;
    static constexpr Version version_first = 0, version_last = 0, flexible_since = 0;

    struct Partition {
        ErrorCode error_code = ErrorCode::none;
        PartitionId partition_index;
        NodeId leader_id;
        LeaderEpoch leader_epoch = base::no_leader_epoch;
        std::vector<NodeId> replica_nodes;
        std::vector<NodeId> isr_nodes;
        std::optional<std::vector<NodeId>> eligible_leader_replicas;
        std::optional<std::vector<NodeId>> last_known_elr;
        std::vector<NodeId> offline_replicas;
        bool operator==(const Partition&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Partition;
            field("error_code", &T::error_code);
            field("partition_index", &T::partition_index);
            field("leader_id", &T::leader_id);
            field("leader_epoch", &T::leader_epoch, {.ignorable = true});
            field("replica_nodes", &T::replica_nodes);
            field("isr_nodes", &T::isr_nodes);
            field("eligible_leader_replicas", &T::eligible_leader_replicas);
            field("last_known_elr", &T::last_known_elr);
            field("offline_replicas", &T::offline_replicas, {.ignorable = true});
        }
    };
    struct Topic {
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> name;
        Uuid topic_id;
        bool is_internal = false;
        std::vector<Partition> partitions;
        std::int32_t topic_authorized_operations = std::numeric_limits<std::int32_t>::min();
        bool operator==(const Topic&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Topic;
            field("error_code", &T::error_code);
            field("name", &T::name);
            field("topic_id", &T::topic_id, {.ignorable = true});
            field("is_internal", &T::is_internal, {.ignorable = true});
            field("partitions", &T::partitions);
            field("topic_authorized_operations", &T::topic_authorized_operations);
        }
    };
    struct Cursor {
        std::string topic_name;
        PartitionId partition_index;
        bool operator==(const Cursor&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Cursor;
            field("topic_name", &T::topic_name);
            field("partition_index", &T::partition_index);
        }
    };

    std::int32_t throttle_time_ms = 0;
    std::vector<Topic> topics;
    std::optional<Cursor> next_cursor;  // Where the next page begins; null at the end.
    bool operator==(const DescribeTopicPartitionsResponse&) const = default;

    static constexpr void wire(auto&& field) {
        using T = DescribeTopicPartitionsResponse;
        field("throttle_time_ms", &T::throttle_time_ms, {.ignorable = true});
        field("topics", &T::topics);
        field("next_cursor", &T::next_cursor);
    }
};

}  // namespace klog::wire
