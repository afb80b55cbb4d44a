// SPDX-License-Identifier: Apache-2.0
// What stands before the body of each frame, behind its 4-byte length: request headers v0 to v2, response headers v0
// and v1 (KIP-482). Which version belongs to which request: request_header_version() and response_header_version() in
// wire/apis.h. Values; `client_id` points into the frame.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/wire/codec.h"

namespace klog::wire {

/// The bytes of the length that opens each frame; it counts what follows it.
inline constexpr std::size_t frame_prefix_bytes = 4;

struct RequestHeader {
    std::int16_t api_key = 0;
    Version api_version = 0;
    std::int32_t correlation_id = 0;
    std::optional<std::string_view> client_id;  // Since v1.
    bool operator==(const RequestHeader&) const = default;
};

struct ResponseHeader {
    std::int32_t correlation_id = 0;
    bool operator==(const ResponseHeader&) const = default;
};

/// v2 has tags, v1 a client id, v0 neither (only ControlledShutdown v0 had it). The client id's length takes two bytes
/// in all of them, so that a broker can read the header of a request whose version it does not know.
constexpr Version request_header_version(bool flexible) { return flexible ? 2 : 1; }
/// v1 has tags. ApiVersions is always answered with v0: its client cannot know yet what the broker speaks.
constexpr Version response_header_version(std::int16_t api_key, bool flexible) {
    constexpr std::int16_t api_versions_key = 18;
    return flexible && api_key != api_versions_key ? 1 : 0;
}

/// The part that every header version has: the first request_header_bytes_min bytes of the frame. The client id is not
/// read. Null: the frame is shorter.
inline constexpr std::size_t request_header_bytes_min = 8;
std::optional<RequestHeader> peek_request_header(std::string_view frame);

/// Reads a header from the front of `frame` (without the length prefix); `body` becomes what follows it. Tags that
/// nobody knows are skipped. False: the frame is damaged.
[[nodiscard]] bool decode_header(std::string_view frame, Version header_version, RequestHeader& out,
                                 std::string_view& body, DecodeError* why = nullptr);
[[nodiscard]] bool decode_header(std::string_view frame, Version header_version, ResponseHeader& out,
                                 std::string_view& body, DecodeError* why = nullptr);

std::size_t header_size(const RequestHeader& header, Version header_version);
std::size_t header_size(const ResponseHeader& header, Version header_version);
void write_header(const RequestHeader& header, Version header_version, Encode& sink);
void write_header(const ResponseHeader& header, Version header_version, Encode& sink);

}  // namespace klog::wire
