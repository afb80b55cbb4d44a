// SPDX-License-Identifier: Apache-2.0
// FindCoordinator (key 10): which broker coordinates a group (0), a transactional id (1) or a share partition (2).
// v4 asks for several keys at once, v3 is flexible.
#pragma once

#include "core/wire/field_types.h"

namespace klog::wire {

struct FindCoordinatorRequest {
    static constexpr std::int16_t api_key = 10;
    static constexpr Version version_first = 0, version_last = 6, flexible_since = 3;

    std::string key;
    std::int8_t key_type = 0;  // 0: group, 1: transactional id, 2: share partition.
    std::vector<std::string> coordinator_keys;
    bool operator==(const FindCoordinatorRequest&) const = default;

    static constexpr void wire(auto&& field) {
        using T = FindCoordinatorRequest;
        field("key", &T::key, {.until = 3});
        field("key_type", &T::key_type, {.since = 1});
        field("coordinator_keys", &T::coordinator_keys, {.since = 4});
    }
};

struct FindCoordinatorResponse {
    static constexpr std::int16_t api_key = 10;
    static constexpr Version version_first = 0, version_last = 6, flexible_since = 3;

    struct Coordinator {
        std::string key;
        NodeId node_id;
        std::string host;
        std::int32_t port = 0;
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message;
        bool operator==(const Coordinator&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Coordinator;
            field("key", &T::key, {.since = 4});
            field("node_id", &T::node_id, {.since = 4});
            field("host", &T::host, {.since = 4});
            field("port", &T::port, {.since = 4});
            field("error_code", &T::error_code, {.since = 4});
            field("error_message", &T::error_message, {.since = 4, .ignorable = true});
        }
    };

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message;
    NodeId node_id;
    std::string host;
    std::int32_t port = 0;
    std::vector<Coordinator> coordinators;
    bool operator==(const FindCoordinatorResponse&) const = default;

    static constexpr void wire(auto&& field) {
        using T = FindCoordinatorResponse;
        field("throttle_time_ms", &T::throttle_time_ms, {.since = 1, .ignorable = true});
        field("error_code", &T::error_code, {.until = 3});
        field("error_message", &T::error_message, {.since = 1, .until = 3, .ignorable = true});
        field("node_id", &T::node_id, {.until = 3});
        field("host", &T::host, {.until = 3});
        field("port", &T::port, {.until = 3});
        field("coordinators", &T::coordinators, {.since = 4});
    }
};

}  // namespace klog::wire
