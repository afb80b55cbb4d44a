// SPDX-License-Identifier: Apache-2.0
// StopReplica (key 5): the controller tells a broker to stop serving replicas, and perhaps to delete them. Never
// announced to clients. As Kafka 3.9 published it last; 4.0 has no such message. v1 groups partitions by topic, v2 is
// flexible, v3 says for each partition whether it is to be deleted and under which leader epoch, v4 knows the kind of
// controller.
#pragma once

#include "core/wire/field_types.h"

namespace klog::wire {

struct StopReplicaRequest {
    static constexpr std::int16_t api_key = 5;
    static constexpr Version version_first = 0, version_last = 4, flexible_since = 2;

    struct UngroupedPartition {
        std::string topic_name;
        PartitionId partition_index;
        bool operator==(const UngroupedPartition&) const = default;

        static constexpr void wire(auto&& field) {
            using T = UngroupedPartition;
            field("topic_name", &T::topic_name, {.until = 0});
            field("partition_index", &T::partition_index, {.until = 0});
        }
    };
    struct TopicV1 {
        std::string name;
        std::vector<PartitionId> partition_indexes;
        bool operator==(const TopicV1&) const = default;

        static constexpr void wire(auto&& field) {
            using T = TopicV1;
            field("name", &T::name, {.since = 1, .until = 2});
            field("partition_indexes", &T::partition_indexes, {.since = 1, .until = 2});
        }
    };
    struct Partition {
        PartitionId partition_index;
        LeaderEpoch leader_epoch = base::no_leader_epoch;
        bool delete_partition = false;
        bool operator==(const Partition&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Partition;
            field("partition_index", &T::partition_index, {.since = 3});
            field("leader_epoch", &T::leader_epoch, {.since = 3});
            field("delete_partition", &T::delete_partition, {.since = 3});
        }
    };
    struct Topic {
        std::string topic_name;
        std::vector<Partition> partition_states;
        bool operator==(const Topic&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Topic;
            field("topic_name", &T::topic_name, {.since = 3});
            field("partition_states", &T::partition_states, {.since = 3});
        }
    };

    NodeId controller_id;
    bool is_kraft_controller = false;
    ControllerEpoch controller_epoch;
    BrokerEpoch broker_epoch{-1};
    bool delete_partitions = false;  // v0 to v2: for all of them.
    std::vector<UngroupedPartition> ungrouped_partitions;
    std::vector<TopicV1> topics;
    std::vector<Topic> topic_states;
    bool operator==(const StopReplicaRequest&) const = default;

    static constexpr void wire(auto&& field) {
        using T = StopReplicaRequest;
        field("controller_id", &T::controller_id);
        field("is_kraft_controller", &T::is_kraft_controller, {.since = 4});
        field("controller_epoch", &T::controller_epoch);
        field("broker_epoch", &T::broker_epoch, {.since = 1, .ignorable = true});
        field("delete_partitions", &T::delete_partitions, {.until = 2});
        field("ungrouped_partitions", &T::ungrouped_partitions, {.until = 0});
        field("topics", &T::topics, {.since = 1, .until = 2});
        field("topic_states", &T::topic_states, {.since = 3});
    }
};

struct StopReplicaResponse {
    static constexpr std::int16_t api_key = 5;
    static constexpr Version version_first = 0, version_last = 4, flexible_since = 2;

    struct Partition {
        std::string topic_name;
        PartitionId partition_index;
        ErrorCode error_code = ErrorCode::none;
        bool operator==(const Partition&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Partition;
            field("topic_name", &T::topic_name);
            field("partition_index", &T::partition_index);
            field("error_code", &T::error_code);
        }
    };

    ErrorCode error_code = ErrorCode::none;
    std::vector<Partition> partition_errors;
    bool operator==(const StopReplicaResponse&) const = default;

    static constexpr void wire(auto&& field) {
        using T = StopReplicaResponse;
        field("error_code", &T::error_code);
        field("partition_errors", &T::partition_errors);
    }
};

}  // namespace klog::wire
