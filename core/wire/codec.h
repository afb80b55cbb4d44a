// SPDX-License-Identifier: Apache-2.0
// The Kafka wire format, derived from one declaration per message (wire/messages/).
//
// A message is a plain struct with default member values and one static function, wire(), which lists its fields in
// wire order:
//
//     struct Broker {
//         NodeId node_id;
//         std::string host;
//         std::optional<std::string> rack;
//
//         static constexpr void wire(auto&& field) {
//             field("node_id", &Broker::node_id);
//             field("host", &Broker::host);
//             field("rack", &Broker::rack, {.since = 1, .null_since = 1, .ignorable = true});
//         }
//     };
//
// Everything else is a visitor over that list (wire/visitors.h): decoding, measuring, encoding, the bound on what a
// frame can make us allocate, the schema dump. None of them knows a message by name, and a version or a nullability is
// written down exactly once. This header is what users of messages need; the visitors are compiled once per message, in
// the .cc beside its declaration.
//
// Ownership: std::string_view, Bytes and Records members point into the decoded frame, which must outlive the message.
// std::string members own their text. All of it may be used on any thread; nothing here is shared.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/check.h"
#include "core/base/error.h"

namespace klog::wire {

using Version = std::int16_t;
inline constexpr Version version_max = std::numeric_limits<Version>::max();

/// The versions in which a field is on the wire, both ends included.
struct In {
    Version since = 0;
    Version until = version_max;
    Version null_since = 0;  // Read for std::optional members only.
    bool ignorable = false;  // May be dropped silently by a version that cannot carry it.

    constexpr bool contains(Version v) const { return since <= v && v <= until; }
};

/// BYTES: an opaque run of bytes inside somebody else's frame.
struct Bytes {
    std::string_view view;
    bool operator==(const Bytes&) const = default;
};

template <class T>
concept Message = requires {
    { T::api_key } -> std::convertible_to<std::int16_t>;
    { T::version_first } -> std::convertible_to<Version>;
    { T::version_last } -> std::convertible_to<Version>;
    { T::flexible_since } -> std::convertible_to<Version>;
};

/// flexible_since of a message that never has compact lengths and tags.
inline constexpr Version never_flexible = version_max;

template <Message T>
constexpr bool supports(Version v) {
    return T::version_first <= v && v <= T::version_last;
}
template <Message T>
constexpr bool is_flexible(Version v) {
    return v >= T::flexible_since;
}

/// Why a frame could not be decoded. `field` and `what` are string literals.
struct DecodeError {
    const char* field = "";
    const char* what = "";
    std::size_t offset = 0;
};

/// The error as Errc::corrupt, with the name of what was decoded.
base::Error to_error(const DecodeError& why, std::string_view decoded);

/// Bytes of an encoded message, and how many of them are records that a chain refers to (Records::referenced_bytes).
struct Size {
    std::uint64_t bytes = 0;
    std::uint64_t outside = 0;
};

struct Encode;  // wire/cursor.h

// ---- The verbs. Each is compiled once per message: KLOG_WIRE_MESSAGE in wire/visitors.h. ----------------------------
// `version` must be one that the message has (supports<T>); anything else is a bug of the caller.

/// Decodes a body. Fields that `version` does not have get their defaults. Bytes behind the message are left alone, as
/// Kafka leaves them: librdkafka 2.6 sends three behind a Metadata request for all topics. False: the body is damaged,
/// `out` is in some valid state, and `why` says what was wrong.
template <Message T>
[[nodiscard]] bool decode(std::string_view body, Version version, T& out, DecodeError* why = nullptr);

template <Message T>
Size measure(const T& message, Version version);

/// Writes exactly measure() bytes (without those outside, when the sink takes splices).
template <Message T>
void write(const T& message, Version version, Encode& sink);

/// Appends the encoded body. For messages without file slices; wire/frame.h makes frames to send.
template <Message T>
void encode(const T& message, Version version, std::string& out);

/// The name of a field that has a value which `version` cannot carry and must not drop; null when there is none.
/// Encoding such a message is a bug: who does not know what the fields hold asks here first.
template <Message T>
const char* not_carried(const T& message, Version version);

/// decode() for callers that deal in results.
template <Message T>
base::Result<T> decoded(std::string_view body, Version version, std::string_view name) {
    base::Result<T> message{};
    DecodeError why;
    if (!decode(body, version, *message, &why)) return std::unexpected(to_error(why, name));
    return message;
}

}  // namespace klog::wire
