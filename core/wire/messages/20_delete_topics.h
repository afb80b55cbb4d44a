// SPDX-License-Identifier: Apache-2.0
// DeleteTopics (key 20). v4 is flexible, v5 says why in words, v6 deletes by name or by id.
#pragma once

#include "core/wire/field_types.h"

namespace klog::wire {

struct DeleteTopicsRequest {
    static constexpr std::int16_t api_key = 20;
    static constexpr Version version_first = 0, version_last = 6, flexible_since = 4;

    struct Topic {
        std::optional<std::string> name;
        Uuid topic_id;
        bool operator==(const Topic&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Topic;
            field("name", &T::name, {.since = 6});
            field("topic_id", &T::topic_id, {.since = 6});
        }
    };

    std::vector<Topic> topics;
    std::vector<std::string> topic_names;
    std::int32_t timeout_ms = 0;
    bool operator==(const DeleteTopicsRequest&) const = default;

    static constexpr void wire(auto&& field) {
        using T = DeleteTopicsRequest;
        field("topics", &T::topics, {.since = 6});
        field("topic_names", &T::topic_names, {.until = 5, .ignorable = true});
        field("timeout_ms", &T::timeout_ms);
    }
};

struct DeleteTopicsResponse {
    static constexpr std::int16_t api_key = 20;
    static constexpr Version version_first = 0, version_last = 6, flexible_since = 4;

    struct Topic {
        std::optional<std::string> name;
        Uuid topic_id;
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message;
        bool operator==(const Topic&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Topic;
            field("name", &T::name, {.null_since = 6});
            field("topic_id", &T::topic_id, {.since = 6, .ignorable = true});
            field("error_code", &T::error_code);
            field("error_message", &T::error_message, {.since = 5, .ignorable = true});
        }
    };

    std::int32_t throttle_time_ms = 0;
    std::vector<Topic> responses;
    bool operator==(const DeleteTopicsResponse&) const = default;

    static constexpr void wire(auto&& field) {
        using T = DeleteTopicsResponse;
        field("throttle_time_ms", &T::throttle_time_ms, {.since = 1, .ignorable = true});
        field("responses", &T::responses);
    }
};

}  // namespace klog::wire
