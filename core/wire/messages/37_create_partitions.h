// SPDX-License-Identifier: Apache-2.0
// CreatePartitions (key 37): adds partitions to topics. v2 is flexible.
#pragma once

#include "core/wire/field_types.h"

namespace klog::wire {

struct CreatePartitionsRequest {
    static constexpr std::int16_t api_key = 37;
    static constexpr Version version_first = 0, version_last = 3, flexible_since = 2;

    struct Assignment {
        std::vector<NodeId> broker_ids;
        bool operator==(const Assignment&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Assignment;
            field("broker_ids", &T::broker_ids);
        }
    };
    struct Topic {
        std::string name;
        std::int32_t count = 0;                              // Partitions in all, not how many more.
        std::optional<std::vector<Assignment>> assignments;  // Null: the broker chooses.
        bool operator==(const Topic&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Topic;
            field("name", &T::name);
            field("count", &T::count);
            field("assignments", &T::assignments);
        }
    };

    std::vector<Topic> topics;
    std::int32_t timeout_ms = 0;
    bool validate_only = false;
    bool operator==(const CreatePartitionsRequest&) const = default;

    static constexpr void wire(auto&& field) {
        using T = CreatePartitionsRequest;
        field("topics", &T::topics);
        field("timeout_ms", &T::timeout_ms);
        field("validate_only", &T::validate_only);
    }
};

struct CreatePartitionsResponse {
    static constexpr std::int16_t api_key = 37;
    static constexpr Version version_first = 0, version_last = 3, flexible_since = 2;

    struct Topic {
        std::string name;
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message;
        bool operator==(const Topic&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Topic;
            field("name", &T::name);
            field("error_code", &T::error_code);
            field("error_message", &T::error_message);
        }
    };

    std::int32_t throttle_time_ms = 0;
    std::vector<Topic> results;
    bool operator==(const CreatePartitionsResponse&) const = default;

    static constexpr void wire(auto&& field) {
        using T = CreatePartitionsResponse;
        field("throttle_time_ms", &T::throttle_time_ms);
        field("results", &T::results);
    }
};

}  // namespace klog::wire
