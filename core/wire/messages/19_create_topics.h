// SPDX-License-Identifier: Apache-2.0
// CreateTopics (key 19). v1 may only validate, v4 lets -1 stand for the broker's defaults, v5 is flexible and
// answers with the configuration that the topic got, v7 with its id.
#pragma once

#include "core/wire/field_types.h"

namespace klog::wire {

struct CreateTopicsRequest {
    static constexpr std::int16_t api_key = 19;
    static constexpr Version version_first = 0, version_last = 7, flexible_since = 5;

    struct Assignment {
        PartitionId partition_index;
        std::vector<NodeId> broker_ids;
        bool operator==(const Assignment&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Assignment;
            field("partition_index", &T::partition_index);
            field("broker_ids", &T::broker_ids);
        }
    };
    struct Config {
        std::string name;
        std::optional<std::string> value;
        bool operator==(const Config&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Config;
            field("name", &T::name);
            field("value", &T::value);
        }
    };
    struct Topic {
        std::string name;
        std::int32_t num_partitions = 0;      // -1: the broker's default, or what the assignments say.
        std::int16_t replication_factor = 0;  // -1: likewise.
        std::vector<Assignment> assignments;
        std::vector<Config> configs;
        bool operator==(const Topic&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Topic;
            field("name", &T::name);
            field("num_partitions", &T::num_partitions);
            field("replication_factor", &T::replication_factor);
            field("assignments", &T::assignments);
            field("configs", &T::configs);
        }
    };

    std::vector<Topic> topics;
    std::int32_t timeout_ms = 60000;
    bool validate_only = false;
    bool operator==(const CreateTopicsRequest&) const = default;

    static constexpr void wire(auto&& field) {
        using T = CreateTopicsRequest;
        field("topics", &T::topics);
        field("timeout_ms", &T::timeout_ms);
        field("validate_only", &T::validate_only, {.since = 1});
    }
};

struct CreateTopicsResponse {
    static constexpr std::int16_t api_key = 19;
    static constexpr Version version_first = 0, version_last = 7, flexible_since = 5;

    struct Config {
        std::string name;
        std::optional<std::string> value;
        bool read_only = false;
        std::int8_t config_source = -1;
        bool is_sensitive = false;
        bool operator==(const Config&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Config;
            field("name", &T::name, {.since = 5});
            field("value", &T::value, {.since = 5});
            field("read_only", &T::read_only, {.since = 5});
            field("config_source", &T::config_source, {.since = 5, .ignorable = true});
            field("is_sensitive", &T::is_sensitive, {.since = 5});
        }
    };
    struct Topic {
        std::string name;
        Uuid topic_id;
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message;
        ErrorCode topic_config_error_code = ErrorCode::none;
        std::int32_t num_partitions = -1;
        std::int16_t replication_factor = -1;
        std::optional<std::vector<Config>> configs;  // Null where the caller may not see them.
        bool operator==(const Topic&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Topic;
            field("name", &T::name);
            field("topic_id", &T::topic_id, {.since = 7, .ignorable = true});
            field("error_code", &T::error_code);
            field("error_message", &T::error_message, {.since = 1, .ignorable = true});
            field("num_partitions", &T::num_partitions, {.since = 5, .ignorable = true});
            field("replication_factor", &T::replication_factor, {.since = 5, .ignorable = true});
            field("configs", &T::configs, {.since = 5, .ignorable = true});
            field.tagged(0, "topic_config_error_code", &T::topic_config_error_code, {.since = 5, .ignorable = true});
        }
    };

    std::int32_t throttle_time_ms = 0;
    std::vector<Topic> topics;
    bool operator==(const CreateTopicsResponse&) const = default;

    static constexpr void wire(auto&& field) {
        using T = CreateTopicsResponse;
        field("throttle_time_ms", &T::throttle_time_ms, {.since = 2, .ignorable = true});
        field("topics", &T::topics);
    }
};

}  // namespace klog::wire
