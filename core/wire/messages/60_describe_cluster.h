// SPDX-License-Identifier: Apache-2.0
// DescribeCluster (key 60): the cluster's id, controller and brokers. v1 tells brokers from controllers, v2 shows
// fenced brokers.
#pragma once

#include "core/wire/field_types.h"

namespace klog::wire {

struct DescribeClusterRequest {
    static constexpr std::int16_t api_key = 60;
    static constexpr Version version_first = 0, version_last = 2, flexible_since = 0;

    bool include_cluster_authorized_operations = false;
    std::int8_t endpoint_type = 1;  // 1: brokers, 2: controllers.
    bool include_fenced_brokers = false;
    bool operator==(const DescribeClusterRequest&) const = default;

    static constexpr void wire(auto&& field) {
        using T = DescribeClusterRequest;
        field("include_cluster_authorized_operations", &T::include_cluster_authorized_operations);
        field("endpoint_type", &T::endpoint_type, {.since = 1});
        field("include_fenced_brokers", &T::include_fenced_brokers, {.since = 2});
    }
};

struct DescribeClusterResponse {
    static constexpr std::int16_t api_key = 60;
    static constexpr Version version_first = 0, version_last = 2, flexible_since = 0;

    struct Broker {
        NodeId broker_id;
        std::string host;
        std::int32_t port = 0;
        std::optional<std::string> rack;
        bool is_fenced = false;
        bool operator==(const Broker&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Broker;
            field("broker_id", &T::broker_id);
            field("host", &T::host);
            field("port", &T::port);
            field("rack", &T::rack);
            field("is_fenced", &T::is_fenced, {.since = 2});
        }
    };

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message;
    std::int8_t endpoint_type = 1;
    std::string cluster_id;
    NodeId controller_id = base::no_node;
    std::vector<Broker> brokers;
    std::int32_t cluster_authorized_operations = std::numeric_limits<std::int32_t>::min();
    bool operator==(const DescribeClusterResponse&) const = default;

    static constexpr void wire(auto&& field) {
        using T = DescribeClusterResponse;
        field("throttle_time_ms", &T::throttle_time_ms);
        field("error_code", &T::error_code);
        field("error_message", &T::error_message);
        field("endpoint_type", &T::endpoint_type, {.since = 1});
        field("cluster_id", &T::cluster_id);
        field("controller_id", &T::controller_id);
        field("brokers", &T::brokers);
        field("cluster_authorized_operations", &T::cluster_authorized_operations);
    }
};

}  // namespace klog::wire
