// SPDX-License-Identifier: Apache-2.0
// IncrementalAlterConfigs (key 44): sets (0), deletes (1), appends to (2) or subtracts from (3) configuration values
// (KIP-339). v1 is flexible.
#pragma once

#include "core/wire/field_types.h"

namespace klog::wire {

struct IncrementalAlterConfigsRequest {
    static constexpr std::int16_t api_key = 44;
    static constexpr Version version_first = 0, version_last = 1, flexible_since = 1;

    struct Config {
        std::string name;
        std::int8_t config_operation = 0;  // 0 set, 1 delete, 2 append, 3 subtract.
        std::optional<std::string> value;
        bool operator==(const Config&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Config;
            field("name", &T::name);
            field("config_operation", &T::config_operation);
            field("value", &T::value);
        }
    };
    struct Resource {
        std::int8_t resource_type = 0;
        std::string resource_name;
        std::vector<Config> configs;
        bool operator==(const Resource&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Resource;
            field("resource_type", &T::resource_type);
            field("resource_name", &T::resource_name);
            field("configs", &T::configs);
        }
    };

    std::vector<Resource> resources;
    bool validate_only = false;
    bool operator==(const IncrementalAlterConfigsRequest&) const = default;

    static constexpr void wire(auto&& field) {
        using T = IncrementalAlterConfigsRequest;
        field("resources", &T::resources);
        field("validate_only", &T::validate_only);
    }
};

struct IncrementalAlterConfigsResponse {
    static constexpr std::int16_t api_key = 44;
    static constexpr Version version_first = 0, version_last = 1, flexible_since = 1;

    struct Resource {
        ErrorCode error_code = ErrorCode::none;
        std::optional<std::string> error_message;
        std::int8_t resource_type = 0;
        std::string resource_name;
        bool operator==(const Resource&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Resource;
            field("error_code", &T::error_code);
            field("error_message", &T::error_message);
            field("resource_type", &T::resource_type);
            field("resource_name", &T::resource_name);
        }
    };

    std::int32_t throttle_time_ms = 0;
    std::vector<Resource> responses;
    bool operator==(const IncrementalAlterConfigsResponse&) const = default;

    static constexpr void wire(auto&& field) {
        using T = IncrementalAlterConfigsResponse;
        field("throttle_time_ms", &T::throttle_time_ms);
        field("responses", &T::responses);
    }
};

}  // namespace klog::wire
