// SPDX-License-Identifier: Apache-2.0
// LeaderAndIsr (key 4): the controller tells a broker which replicas it has and who leads them. Never announced to
// clients. As Kafka 3.9 published it last; 4.0 has no such message.
// v2 groups partitions by topic, v3 knows reassignments, v4 is flexible, v5 has topic ids and says whether all
// partitions are listed, v6 knows unclean elections, v7 the kind of controller.
#pragma once

#include "core/wire/field_types.h"

namespace klog::wire {

struct LeaderAndIsrRequest {
    static constexpr std::int16_t api_key = 4;
    static constexpr Version version_first = 0, version_last = 7, flexible_since = 4;

    struct Partition {
        std::string topic_name;
        PartitionId partition_index;
        ControllerEpoch controller_epoch;
        NodeId leader;
        LeaderEpoch leader_epoch;
        std::vector<NodeId> isr;
        std::int32_t partition_epoch = 0;  // The version of the partition's state in the store.
        std::vector<NodeId> replicas;
        std::vector<NodeId> adding_replicas;
        std::vector<NodeId> removing_replicas;
        bool is_new = false;
        std::int8_t leader_recovery_state = 0;  // 1: after an unclean election.
        bool operator==(const Partition&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Partition;
            field("topic_name", &T::topic_name, {.until = 1, .ignorable = true});
            field("partition_index", &T::partition_index);
            field("controller_epoch", &T::controller_epoch);
            field("leader", &T::leader);
            field("leader_epoch", &T::leader_epoch);
            field("isr", &T::isr);
            field("partition_epoch", &T::partition_epoch);
            field("replicas", &T::replicas);
            field("adding_replicas", &T::adding_replicas, {.since = 3, .ignorable = true});
            field("removing_replicas", &T::removing_replicas, {.since = 3, .ignorable = true});
            field("is_new", &T::is_new, {.since = 1, .ignorable = true});
            field("leader_recovery_state", &T::leader_recovery_state, {.since = 6});
        }
    };
    struct Topic {
        std::string topic_name;
        Uuid topic_id;
        std::vector<Partition> partition_states;
        bool operator==(const Topic&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Topic;
            field("topic_name", &T::topic_name, {.since = 2});
            field("topic_id", &T::topic_id, {.since = 5, .ignorable = true});
            field("partition_states", &T::partition_states, {.since = 2});
        }
    };
    struct LiveLeader {
        NodeId broker_id;
        std::string host_name;
        std::int32_t port = 0;
        bool operator==(const LiveLeader&) const = default;

        static constexpr void wire(auto&& field) {
            using T = LiveLeader;
            field("broker_id", &T::broker_id);
            field("host_name", &T::host_name);
            field("port", &T::port);
        }
    };

    NodeId controller_id;
    bool is_kraft_controller = false;
    ControllerEpoch controller_epoch;
    BrokerEpoch broker_epoch{-1};
    std::int8_t type = 0;  // 0: unknown, 1: some partitions, 2: all of the broker's partitions.
    std::vector<Partition> ungrouped_partition_states;
    std::vector<Topic> topic_states;
    std::vector<LiveLeader> live_leaders;
    bool operator==(const LeaderAndIsrRequest&) const = default;

    static constexpr void wire(auto&& field) {
        using T = LeaderAndIsrRequest;
        field("controller_id", &T::controller_id);
        field("is_kraft_controller", &T::is_kraft_controller, {.since = 7});
        field("controller_epoch", &T::controller_epoch);
        field("broker_epoch", &T::broker_epoch, {.since = 2, .ignorable = true});
        field("type", &T::type, {.since = 5});
        field("ungrouped_partition_states", &T::ungrouped_partition_states, {.until = 1});
        field("topic_states", &T::topic_states, {.since = 2});
        field("live_leaders", &T::live_leaders);
    }
};

struct LeaderAndIsrResponse {
    static constexpr std::int16_t api_key = 4;
    static constexpr Version version_first = 0, version_last = 7, flexible_since = 4;

    struct Partition {
        std::string topic_name;
        PartitionId partition_index;
        ErrorCode error_code = ErrorCode::none;
        bool operator==(const Partition&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Partition;
            field("topic_name", &T::topic_name, {.until = 4, .ignorable = true});
            field("partition_index", &T::partition_index);
            field("error_code", &T::error_code);
        }
    };
    struct Topic {
        Uuid topic_id;
        std::vector<Partition> partition_errors;
        bool operator==(const Topic&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Topic;
            field("topic_id", &T::topic_id, {.since = 5});
            field("partition_errors", &T::partition_errors, {.since = 5});
        }
    };

    ErrorCode error_code = ErrorCode::none;
    std::vector<Partition> partition_errors;
    std::vector<Topic> topics;
    bool operator==(const LeaderAndIsrResponse&) const = default;

    static constexpr void wire(auto&& field) {
        using T = LeaderAndIsrResponse;
        field("error_code", &T::error_code);
        field("partition_errors", &T::partition_errors, {.until = 4});
        field("topics", &T::topics, {.since = 5});
    }
};

}  // namespace klog::wire
