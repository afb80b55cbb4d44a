// SPDX-License-Identifier: Apache-2.0
// UpdateMetadata (key 6): the controller tells a broker what clients may ask it for: live brokers, leaders, replicas.
// Never announced to clients. As Kafka 3.9 published it last; 4.0 has no such message. v1 has several endpoints per
// broker, v2 racks, v3 listener names, v5 groups partitions by topic, v6 is flexible, v7 has topic ids, v8 the kind of
// controller.
#pragma once

#include "core/wire/field_types.h"

namespace klog::wire {

struct UpdateMetadataRequest {
    static constexpr std::int16_t api_key = 6;
    static constexpr Version version_first = 0, version_last = 8, flexible_since = 6;

    struct Partition {
        std::string topic_name;
        PartitionId partition_index;
        ControllerEpoch controller_epoch;
        NodeId leader;  // -1: none, -2: the topic is being deleted.
        LeaderEpoch leader_epoch;
        std::vector<NodeId> isr;
        std::int32_t zk_version = 0;  // The version of the partition's state in the store.
        std::vector<NodeId> replicas;
        std::vector<NodeId> offline_replicas;
        bool operator==(const Partition&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Partition;
            field("topic_name", &T::topic_name, {.until = 4, .ignorable = true});
            field("partition_index", &T::partition_index);
            field("controller_epoch", &T::controller_epoch);
            field("leader", &T::leader);
            field("leader_epoch", &T::leader_epoch);
            field("isr", &T::isr);
            field("zk_version", &T::zk_version);
            field("replicas", &T::replicas);
            field("offline_replicas", &T::offline_replicas, {.since = 4, .ignorable = true});
        }
    };
    struct Topic {
        std::string topic_name;
        Uuid topic_id;
        std::vector<Partition> partition_states;
        bool operator==(const Topic&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Topic;
            field("topic_name", &T::topic_name, {.since = 5});
            field("topic_id", &T::topic_id, {.since = 7, .ignorable = true});
            field("partition_states", &T::partition_states, {.since = 5});
        }
    };
    struct Endpoint {
        std::int32_t port = 0;
        std::string host;
        std::string listener;
        std::int16_t security_protocol = 0;
        bool operator==(const Endpoint&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Endpoint;
            field("port", &T::port, {.since = 1});
            field("host", &T::host, {.since = 1});
            field("listener", &T::listener, {.since = 3, .ignorable = true});
            field("security_protocol", &T::security_protocol, {.since = 1});
        }
    };
    struct Broker {
        NodeId id;
        std::string v0_host;
        std::int32_t v0_port = 0;
        std::vector<Endpoint> endpoints;
        std::optional<std::string> rack;
        bool operator==(const Broker&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Broker;
            field("id", &T::id);
            field("v0_host", &T::v0_host, {.until = 0, .ignorable = true});
            field("v0_port", &T::v0_port, {.until = 0, .ignorable = true});
            field("endpoints", &T::endpoints, {.since = 1, .ignorable = true});
            field("rack", &T::rack, {.since = 2, .ignorable = true});
        }
    };

    NodeId controller_id;
    bool is_kraft_controller = false;
    std::int8_t type = 0;
    ControllerEpoch controller_epoch;
    BrokerEpoch broker_epoch{-1};
    std::vector<Partition> ungrouped_partition_states;
    std::vector<Topic> topic_states;
    std::vector<Broker> live_brokers;
    bool operator==(const UpdateMetadataRequest&) const = default;

    static constexpr void wire(auto&& field) {
        using T = UpdateMetadataRequest;
        field("controller_id", &T::controller_id);
        field("is_kraft_controller", &T::is_kraft_controller, {.since = 8});
        field("controller_epoch", &T::controller_epoch);
        field("broker_epoch", &T::broker_epoch, {.since = 5, .ignorable = true});
        field("ungrouped_partition_states", &T::ungrouped_partition_states, {.until = 4});
        field("topic_states", &T::topic_states, {.since = 5});
        field("live_brokers", &T::live_brokers);
        field.tagged(0, "type", &T::type, {.since = 8});
    }
};

struct UpdateMetadataResponse {
    static constexpr std::int16_t api_key = 6;
    static constexpr Version version_first = 0, version_last = 8, flexible_since = 6;

    ErrorCode error_code = ErrorCode::none;
    bool operator==(const UpdateMetadataResponse&) const = default;

    static constexpr void wire(auto&& field) {
        using T = UpdateMetadataResponse;
        field("error_code", &T::error_code);
    }
};

}  // namespace klog::wire
