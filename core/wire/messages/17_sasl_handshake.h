// SPDX-License-Identifier: Apache-2.0
// SaslHandshake (key 17): chooses a SASL mechanism. v0 is followed by raw tokens, v1 by SaslAuthenticate requests.
#pragma once

#include "core/wire/field_types.h"

namespace klog::wire {

struct SaslHandshakeRequest {
    static constexpr std::int16_t api_key = 17;
    static constexpr Version version_first = 0, version_last = 1, flexible_since = never_flexible;

    std::string mechanism;
    bool operator==(const SaslHandshakeRequest&) const = default;

    static constexpr void wire(auto&& field) {
        using T = SaslHandshakeRequest;
        field("mechanism", &T::mechanism);
    }
};

struct SaslHandshakeResponse {
    static constexpr std::int16_t api_key = 17;
    static constexpr Version version_first = 0, version_last = 1, flexible_since = never_flexible;

    ErrorCode error_code = ErrorCode::none;
    std::vector<std::string> mechanisms;
    bool operator==(const SaslHandshakeResponse&) const = default;

    static constexpr void wire(auto&& field) {
        using T = SaslHandshakeResponse;
        field("error_code", &T::error_code);
        field("mechanisms", &T::mechanisms);
    }
};

}  // namespace klog::wire
