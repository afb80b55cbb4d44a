// SPDX-License-Identifier: Apache-2.0
// ApiVersions (key 18): what this broker speaks, and the features of the cluster.
// v3 is flexible and names the client's software (KIP-511). Its answer always has a v0 header; a version that the
// broker does not know is answered in v0 with UNSUPPORTED_VERSION. v4 may list features whose minimum is 0; earlier
// versions leave those out.
#pragma once

#include "core/wire/field_types.h"

namespace klog::wire {

struct ApiVersionsRequest {
    static constexpr std::int16_t api_key = 18;
    static constexpr Version version_first = 0, version_last = 4, flexible_since = 3;

    std::string client_software_name;
    std::string client_software_version;
    bool operator==(const ApiVersionsRequest&) const = default;

    static constexpr void wire(auto&& field) {
        using T = ApiVersionsRequest;
        field("client_software_name", &T::client_software_name, {.since = 3, .ignorable = true});
        field("client_software_version", &T::client_software_version, {.since = 3, .ignorable = true});
    }
};

struct ApiVersionsResponse {
    static constexpr std::int16_t api_key = 18;
    static constexpr Version version_first = 0, version_last = 4, flexible_since = 3;

    struct ApiVersion {
        std::int16_t api_key = 0;
        std::int16_t min_version = 0;
        std::int16_t max_version = 0;
        bool operator==(const ApiVersion&) const = default;

        static constexpr void wire(auto&& field) {
            using T = ApiVersion;
            field("api_key", &T::api_key);
            field("min_version", &T::min_version);
            field("max_version", &T::max_version);
        }
    };
    struct SupportedFeature {
        std::string name;
        std::int16_t min_version = 0;
        std::int16_t max_version = 0;
        bool operator==(const SupportedFeature&) const = default;

        static constexpr void wire(auto&& field) {
            using T = SupportedFeature;
            field("name", &T::name, {.since = 3});
            field("min_version", &T::min_version, {.since = 3});
            field("max_version", &T::max_version, {.since = 3});
        }
    };
    struct FinalizedFeature {
        std::string name;
        std::int16_t max_version_level = 0;
        std::int16_t min_version_level = 0;
        bool operator==(const FinalizedFeature&) const = default;

        static constexpr void wire(auto&& field) {
            using T = FinalizedFeature;
            field("name", &T::name, {.since = 3});
            field("max_version_level", &T::max_version_level, {.since = 3});
            field("min_version_level", &T::min_version_level, {.since = 3});
        }
    };

    ErrorCode error_code = ErrorCode::none;
    std::vector<ApiVersion> api_keys;
    std::int32_t throttle_time_ms = 0;
    std::vector<SupportedFeature> supported_features;
    std::int64_t finalized_features_epoch = -1;  // -1: unknown.
    std::vector<FinalizedFeature> finalized_features;
    bool zk_migration_ready = false;
    bool operator==(const ApiVersionsResponse&) const = default;

    static constexpr void wire(auto&& field) {
        using T = ApiVersionsResponse;
        field("error_code", &T::error_code);
        field("api_keys", &T::api_keys);
        field("throttle_time_ms", &T::throttle_time_ms, {.since = 1, .ignorable = true});
        field.tagged(0, "supported_features", &T::supported_features, {.since = 3, .ignorable = true});
        field.tagged(1, "finalized_features_epoch", &T::finalized_features_epoch, {.since = 3, .ignorable = true});
        field.tagged(2, "finalized_features", &T::finalized_features, {.since = 3, .ignorable = true});
        field.tagged(3, "zk_migration_ready", &T::zk_migration_ready, {.since = 3, .ignorable = true});
    }
};

}  // namespace klog::wire
