// SPDX-License-Identifier: Apache-2.0
// SaslAuthenticate (key 36): one step of a SASL exchange. v1 tells how long the session lasts, v2 is flexible.
#pragma once

#include "core/wire/field_types.h"

namespace klog::wire {

struct SaslAuthenticateRequest {
    static constexpr std::int16_t api_key = 36;
    static constexpr Version version_first = 0, version_last = 2, flexible_since = 2;

    Bytes auth_bytes;
    bool operator==(const SaslAuthenticateRequest&) const = default;

    static constexpr void wire(auto&& field) {
        using T = SaslAuthenticateRequest;
        field("auth_bytes", &T::auth_bytes);
    }
};

struct SaslAuthenticateResponse {
    static constexpr std::int16_t api_key = 36;
    static constexpr Version version_first = 0, version_last = 2, flexible_since = 2;

    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message;
    Bytes auth_bytes;
    std::int64_t session_lifetime_ms = 0;  // 0: without end.
    bool operator==(const SaslAuthenticateResponse&) const = default;

    static constexpr void wire(auto&& field) {
        using T = SaslAuthenticateResponse;
        field("error_code", &T::error_code);
        field("error_message", &T::error_message);
        field("auth_bytes", &T::auth_bytes);
        field("session_lifetime_ms", &T::session_lifetime_ms, {.since = 1, .ignorable = true});
    }
};

}  // namespace klog::wire
