// SPDX-License-Identifier: Apache-2.0
// Metadata (key 3): brokers, topics and the leaders of partitions.
// An empty list of topics means all in v0; from v1 on null means all and an empty list none. v4 may forbid to create
// missing topics, v5 tells offline replicas, v7 leader epochs, v8 what the caller may do, v9 is flexible, v10 has topic
// ids, v12 asks by id alone, v13 has an error for the whole answer.
#pragma once

#include "core/wire/field_types.h"

namespace klog::wire {

struct MetadataRequest {
    static constexpr std::int16_t api_key = 3;
    static constexpr Version version_first = 0, version_last = 13, flexible_since = 9;

    struct Topic {
        Uuid topic_id;
        std::optional<std::string> name;
        bool operator==(const Topic&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Topic;
            field("topic_id", &T::topic_id, {.since = 10, .ignorable = true});
            field("name", &T::name, {.null_since = 10});
        }
    };

    std::optional<std::vector<Topic>> topics;  // Null: all topics.
    bool allow_auto_topic_creation = true;
    bool include_cluster_authorized_operations = false;
    bool include_topic_authorized_operations = false;
    bool operator==(const MetadataRequest&) const = default;

    static constexpr void wire(auto&& field) {
        using T = MetadataRequest;
        field("topics", &T::topics, {.null_since = 1});
        field("allow_auto_topic_creation", &T::allow_auto_topic_creation, {.since = 4});
        field("include_cluster_authorized_operations", &T::include_cluster_authorized_operations,
              {.since = 8, .until = 10});
        field("include_topic_authorized_operations", &T::include_topic_authorized_operations, {.since = 8});
    }
};

struct MetadataResponse {
    static constexpr std::int16_t api_key = 3;
    static constexpr Version version_first = 0, version_last = 13, flexible_since = 9;

    struct Broker {
        NodeId node_id;
        std::string host;
        std::int32_t port = 0;
        std::optional<std::string> rack;
        bool operator==(const Broker&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Broker;
            field("node_id", &T::node_id);
            field("host", &T::host);
            field("port", &T::port);
            field("rack", &T::rack, {.since = 1, .ignorable = true});
        }
    };
    struct Partition {
        ErrorCode error_code = ErrorCode::none;
        PartitionId partition_index;
        NodeId leader_id;
        LeaderEpoch leader_epoch = base::no_leader_epoch;
        std::vector<NodeId> replica_nodes;
        std::vector<NodeId> isr_nodes;
        std::vector<NodeId> offline_replicas;
        bool operator==(const Partition&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Partition;
            field("error_code", &T::error_code);
            field("partition_index", &T::partition_index);
            field("leader_id", &T::leader_id);
            field("leader_epoch", &T::leader_epoch, {.since = 7, .ignorable = true});
            field("replica_nodes", &T::replica_nodes);
            field("isr_nodes", &T::isr_nodes);
            field("offline_replicas", &T::offline_replicas, {.since = 5, .ignorable = true});
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
            field("name", &T::name, {.null_since = 12});
            field("topic_id", &T::topic_id, {.since = 10, .ignorable = true});
            field("is_internal", &T::is_internal, {.since = 1, .ignorable = true});
            field("partitions", &T::partitions);
            field("topic_authorized_operations", &T::topic_authorized_operations, {.since = 8});
        }
    };

    std::int32_t throttle_time_ms = 0;
    std::vector<Broker> brokers;
    std::optional<std::string> cluster_id;
    NodeId controller_id = base::no_node;
    std::vector<Topic> topics;
    std::int32_t cluster_authorized_operations = std::numeric_limits<std::int32_t>::min();
    ErrorCode error_code = ErrorCode::none;
    bool operator==(const MetadataResponse&) const = default;

    static constexpr void wire(auto&& field) {
        using T = MetadataResponse;
        field("throttle_time_ms", &T::throttle_time_ms, {.since = 3, .ignorable = true});
        field("brokers", &T::brokers);
        field("cluster_id", &T::cluster_id, {.since = 2, .ignorable = true});
        field("controller_id", &T::controller_id, {.since = 1, .ignorable = true});
        field("topics", &T::topics);
        field("cluster_authorized_operations", &T::cluster_authorized_operations, {.since = 8, .until = 10});
        field("error_code", &T::error_code, {.since = 13, .ignorable = true});
    }
};

}  // namespace klog::wire
