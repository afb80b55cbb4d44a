// SPDX-License-Identifier: Apache-2.0
// Numbers, sizes, durations and moments as people write them on a command line, and how klog prints them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/error.h"
#include "core/base/types.h"

namespace klog::cmd {

/// "64k", "1MiB", "1.5GB", "1e6", "42": k, M, G, T are powers of 1000, Ki, Mi, Gi, Ti of 1024; a final B is allowed.
base::Result<std::int64_t> parse_size(std::string_view text);

/// A whole number, nothing else.
base::Result<std::int64_t> parse_integer(std::string_view text);

/// "5ms", "1h30m", "2d", "500us", "1.5s", or a bare number of `bare_unit_ms` milliseconds. In microseconds.
base::Result<std::int64_t> parse_duration_us(std::string_view text, std::int64_t bare_unit_ms = 1);

/// RFC 3339 (2026-02-14T10:00:00.5Z, with an offset, or without: UTC), a date, seconds, milliseconds, microseconds or
/// nanoseconds since 1970 (told apart by their number of digits; below 10^11 means seconds only when written with 10
/// digits), "now", or a duration before or after now (-1h30m, +5m). In milliseconds.
base::Result<base::TimestampMs> parse_time(std::string_view text, base::TimestampMs now_ms);

/// The same for the longest prefix of `text` that reads as a time and is followed by ':' or the end, since times
/// contain colons themselves. `rest` is what follows.
struct TimePrefix {
    base::TimestampMs time_ms;
    std::string_view rest;
};
base::Result<TimePrefix> parse_time_prefix(std::string_view text, base::TimestampMs now_ms);

/// 2026-02-14T10:00:00.000Z, appended; "-" for -1, which is Kafka's "none"; the number where the year has
/// not four digits.
void append_rfc3339(std::string& out, base::TimestampMs time_ms);

/// 1.5 GiB, for people.
std::string human_bytes(std::int64_t bytes);
/// 12s, 3m20s, 2d4h, for people.
std::string human_duration(std::int64_t ms);

}  // namespace klog::cmd
