// SPDX-License-Identifier: Apache-2.0
// DescribeConfigs (key 32): configuration of topics (resource type 2), brokers (4) and others.
// v1 tells where a value comes from, v3 documentation and types, v4 is flexible.
#pragma once

#include "core/wire/field_types.h"

namespace klog::wire {

struct DescribeConfigsRequest {
    static constexpr std::int16_t api_key = 32;
    static constexpr Version version_first = 0, version_last = 4, flexible_since = 4;

    struct Resource {
        std::int8_t resource_type = 0;
        std::string resource_name;
        std::optional<std::vector<std::string>> configuration_keys;  // Null: all.
        bool operator==(const Resource&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Resource;
            field("resource_type", &T::resource_type);
            field("resource_name", &T::resource_name);
            field("configuration_keys", &T::configuration_keys);
        }
    };

    std::vector<Resource> resources;
    bool include_synonyms = false;
    bool include_documentation = false;
    bool operator==(const DescribeConfigsRequest&) const = default;

    static constexpr void wire(auto&& field) {
        using T = DescribeConfigsRequest;
        field("resources", &T::resources);
        field("include_synonyms", &T::include_synonyms, {.since = 1});
        field("include_documentation", &T::include_documentation, {.since = 3});
    }
};

struct DescribeConfigsResponse {
    static constexpr std::int16_t api_key = 32;
    static constexpr Version version_first = 0, version_last = 4, flexible_since = 4;

    struct Synonym {
        std::string name;
        std::optional<std::string> value;
        std::int8_t source = 0;
        bool operator==(const Synonym&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Synonym;
            field("name", &T::name, {.since = 1});
            field("value", &T::value, {.since = 1});
            field("source", &T::source, {.since = 1});
        }
    };
    struct Config {
        std::string name;
        std::optional<std::string> value;
        bool read_only = false;
        bool is_default = false;
        std::int8_t config_source = -1;  // 1 topic, 2 and 3 dynamic broker, 4 static broker, 5 default.
        bool is_sensitive = false;
        std::vector<Synonym> synonyms;
        std::int8_t config_type = 0;
        std::optional<std::string> documentation;
        bool operator==(const Config&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Config;
            field("name", &T::name);
            field("value", &T::value);
            field("read_only", &T::read_only);
            field("is_default", &T::is_default, {.until = 0});
            field("config_source", &T::config_source, {.since = 1, .ignorable = true});
            field("is_sensitive", &T::is_sensitive);
            field("synonyms", &T::synonyms, {.since = 1, .ignorable = true});
            field("config_type", &T::config_type, {.since = 3, .ignorable = true});
            field("documentation", &T::documentation, {.since = 3, .ignorable = true});
        }
    };
    struct Resource {
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message;
        std::int8_t resource_type = 0;
        std::string resource_name;
        std::vector<Config> configs;
        bool operator==(const Resource&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Resource;
            field("error_code", &T::error_code);
            field("error_message", &T::error_message);
            field("resource_type", &T::resource_type);
            field("resource_name", &T::resource_name);
            field("configs", &T::configs);
        }
    };

    std::int32_t throttle_time_ms = 0;
    std::vector<Resource> results;
    bool operator==(const DescribeConfigsResponse&) const = default;

    static constexpr void wire(auto&& field) {
        using T = DescribeConfigsResponse;
        field("throttle_time_ms", &T::throttle_time_ms);
        field("results", &T::results);
    }
};

}  // namespace klog::wire
