// SPDX-License-Identifier: Apache-2.0
// The one place that knows how a record of format 2 is laid out: a parser over a cursor, so that the same code walks
// bytes in memory (MemoryCursor) and bytes that are being decompressed (StreamCursor). Internal to this room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "core/base/error.h"
#include "core/base/varint.h"
#include "core/records/batch.h"
#include "core/records/compression.h"

namespace klog::records::detail {

/// A position in bytes that are all there.
class MemoryCursor {
public:
    explicit MemoryCursor(std::string_view bytes)
        : begin_(bytes.data()), at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

    /// Bytes taken so far.
    std::size_t position() const { return static_cast<std::size_t>(at_ - begin_); }
    /// The most that may still come.
    std::size_t remaining_max() const { return static_cast<std::size_t>(end_ - at_); }

    bool skip(std::size_t n) {
        if (n > remaining_max()) [[unlikely]]
            return false;
        at_ += n;
        return true;
    }
    bool varint(std::int64_t& out, int bits) {
        if (at_ != end_ && static_cast<signed char>(*at_) >= 0) [[likely]] {
            out = base::unzigzag(static_cast<std::uint8_t>(*at_++));
            return true;
        }
        return long_varint(out, bits);
    }
    base::Result<bool> at_end() { return at_ == end_; }
    /// Why the last call gave false: here, always because the bytes ended or the varint is too long.
    std::optional<base::Error> take_error() { return std::nullopt; }

private:
    bool long_varint(std::int64_t& out, int bits) {
        std::string_view rest(at_, remaining_max());
        if (!base::take_varint(rest, out, bits)) return false;
        at_ = rest.data();
        return true;
    }
    const char* begin_;
    const char* at_;
    const char* end_;
};

/// A position in a stream that is decompressed through a window.
class StreamCursor {
public:
    /// `window` is where pieces are decompressed to; both outlive the cursor.
    StreamCursor(Inflater& from, std::span<char> window, std::size_t bytes_max)
        : from_(from), window_(window), bytes_max_(bytes_max) {}

    std::size_t position() const { return before_window_ + static_cast<std::size_t>(at_ - window_.data()); }
    std::size_t remaining_max() const { return bytes_max_ - position(); }
    bool skip(std::size_t n);
    bool varint(std::int64_t& out, int bits);
    base::Result<bool> at_end();
    std::optional<base::Error> take_error() { return std::exchange(error_, std::nullopt); }

private:
    std::size_t in_window() const { return static_cast<std::size_t>(end_ - at_); }
    /// Replaces the window, all of which has been taken, by the next piece. False: at the end, or error_ is set.
    bool fill();

    Inflater& from_;
    std::span<char> window_;
    std::size_t bytes_max_;
    std::size_t before_window_ = 0;
    const char* at_ = window_.data();
    const char* end_ = window_.data();
    std::optional<base::Error> error_;
};

/// Where the parts of a record lie, as positions of the cursor.
struct RecordParts {
    std::size_t end = 0;
    std::int64_t timestamp_delta = 0;
    std::int64_t offset_delta = 0;
    std::int64_t key_size = -1, value_size = -1;  // -1: null
    std::size_t key_at = 0, value_at = 0, headers_at = 0;
    std::int64_t header_count = 0;
};

enum class Parse : std::uint8_t {
    fine,
    cut_off,      // The bytes end within it, or a varint is too long, or the stream failed: see take_error().
    too_long,     // It is longer than what can still come.
    bad_length,   // A negative length where none may be, or a part longer than the record.
    bad_headers,  // More headers than bytes.
    not_exact,    // The parts do not add up to the record's length.
};

/// A length-prefixed part: its size (-1: null, where allowed) and position, and then past it.
template <class Cursor>
Parse read_part(Cursor& cursor, std::size_t end, std::int64_t size_min, std::int64_t& size, std::size_t& at) {
    if (!cursor.varint(size, 32)) [[unlikely]]
        return Parse::cut_off;
    if (size < size_min) [[unlikely]]
        return Parse::bad_length;
    at = cursor.position();
    if (size <= 0) return Parse::fine;
    if (at > end || static_cast<std::size_t>(size) > end - at) [[unlikely]]
        return Parse::bad_length;
    return cursor.skip(static_cast<std::size_t>(size)) ? Parse::fine : Parse::cut_off;
}

template <class Cursor>
Parse read_record_headers(Cursor& cursor, RecordParts& out) {
    if (!cursor.varint(out.header_count, 32)) [[unlikely]]
        return Parse::cut_off;
    out.headers_at = cursor.position();
    if (out.header_count == 0) [[likely]]
        return Parse::fine;
    // A header takes two bytes at least.
    if (out.header_count < 0 || out.headers_at > out.end ||
        static_cast<std::size_t>(out.header_count) > (out.end - out.headers_at) / 2) [[unlikely]]
        return Parse::bad_headers;
    for (std::int64_t i = 0; i < out.header_count; ++i) {
        std::int64_t size = 0;
        std::size_t at = 0;
        if (const Parse key = read_part(cursor, out.end, 0, size, at); key != Parse::fine) return key;
        if (const Parse value = read_part(cursor, out.end, -1, size, at); value != Parse::fine) return value;
    }
    return Parse::fine;
}

/// Takes one record. After anything but fine the cursor is anywhere within it.
template <class Cursor>
Parse read_record(Cursor& cursor, RecordParts& out) {
    std::int64_t size = 0;
    if (!cursor.varint(size, 32)) [[unlikely]]
        return Parse::cut_off;
    if (size < 0) [[unlikely]]
        return Parse::bad_length;
    if (static_cast<std::size_t>(size) > cursor.remaining_max()) [[unlikely]]
        return Parse::too_long;
    out.end = cursor.position() + static_cast<std::size_t>(size);
    if (!cursor.skip(1) ||  // Attributes, of which no bit has a meaning yet.
        !cursor.varint(out.timestamp_delta, 64) || !cursor.varint(out.offset_delta, 32)) [[unlikely]]
        return Parse::cut_off;
    if (const Parse key = read_part(cursor, out.end, -1, out.key_size, out.key_at); key != Parse::fine) return key;
    if (const Parse value = read_part(cursor, out.end, -1, out.value_size, out.value_at); value != Parse::fine)
        return value;
    if (const Parse headers = read_record_headers(cursor, out); headers != Parse::fine) return headers;
    return cursor.position() == out.end ? Parse::fine : Parse::not_exact;
}

/// base + delta as Kafka adds them: modulo 2^64.
inline base::TimestampMs timestamp_plus(base::TimestampMs base, std::int64_t delta) {
    return static_cast<base::TimestampMs>(static_cast<std::uint64_t>(base) + static_cast<std::uint64_t>(delta));
}

std::string_view words_of(Parse fault);

}  // namespace klog::records::detail
