// SPDX-License-Identifier: Apache-2.0
#include "core/records/record.h"

#include "core/base/check.h"
#include "core/records/compression.h"
#include "core/records/record_parse.h"

namespace klog::records {

using base::Errc;
using base::fail;
using base::Result;
using detail::Parse;

namespace detail {

std::string_view words_of(Parse fault) {
    switch (fault) {
        case Parse::fine: return "fine";
        case Parse::cut_off: return "is cut off";
        case Parse::too_long: return "is longer than what is left of the batch";
        case Parse::bad_length: return "has a part of impossible length";
        case Parse::bad_headers: return "has an impossible number of headers";
        case Parse::not_exact: return "has a length that its parts do not add up to";
    }
    return "is wrong";
}

bool StreamCursor::fill() {
    if (error_) return false;
    before_window_ = position();
    at_ = end_ = window_.data();
    auto got = from_.read(window_);
    if (!got) {
        error_ = std::move(got).error();
        return false;
    }
    end_ += *got;
    return *got != 0;
}

bool StreamCursor::skip(std::size_t n) {
    while (n > in_window()) {
        n -= in_window();
        at_ = end_;
        if (!fill()) return false;
    }
    at_ += n;
    return true;
}

bool StreamCursor::varint(std::int64_t& out, int bits) {
    std::string_view rest(at_, in_window());
    if (base::take_varint(rest, out, bits)) {
        at_ = rest.data();
        return true;
    }
    if (in_window() >= base::varint_bytes_max) return false;
    // It may go on in the next piece.
    char joined[base::varint_bytes_max];
    std::size_t size = 0;
    for (;;) {
        if (at_ == end_ && !fill()) return false;
        joined[size++] = *at_++;
        if (static_cast<signed char>(joined[size - 1]) >= 0 || size == base::varint_bytes_max) break;
    }
    std::string_view all(joined, size);
    return base::take_varint(all, out, bits) && all.empty();
}

Result<bool> StreamCursor::at_end() {
    if (at_ != end_ || fill()) return false;
    if (error_) return std::unexpected(*take_error());
    return true;
}

}  // namespace detail

namespace {

/// A part of a header; the bytes have been checked.
std::optional<std::string_view> take_header_part(std::string_view& rest) {
    std::int64_t size = 0;
    KLOG_CHECK(base::take_varint(rest, size, 32) && size <= static_cast<std::int64_t>(rest.size()),
               "headers are checked before they are iterated");
    if (size < 0) return std::nullopt;
    const std::string_view part = rest.substr(0, static_cast<std::size_t>(size));
    rest.remove_prefix(part.size());
    return part;
}

std::optional<std::string_view> part_of(std::string_view body, std::size_t at, std::int64_t size) {
    if (size < 0) return std::nullopt;
    return body.substr(at, static_cast<std::size_t>(size));
}

}  // namespace

void Headers::Iterator::load() {
    if (left_ == 0) return;
    header_.key = take_header_part(rest_).value_or(std::string_view());
    header_.value = take_header_part(rest_);
}

Headers::Iterator& Headers::Iterator::operator++() {
    --left_;
    load();
    return *this;
}

RecordIterator::RecordIterator(HeaderView header, std::string_view body)
    : rest_(body), base_offset_(header.base_offset()), base_timestamp_(header.base_timestamp()), left_(header.count()) {
    if (header.timestamp_type() == TimestampType::log_append_time) append_time_ = header.max_timestamp();
}

Result<bool> RecordIterator::next(Record& out) {
    if (left_ <= 0) {
        const bool wrong = left_ < 0 || !rest_.empty();
        const std::size_t extra = rest_.size();
        left_ = 0;
        rest_ = {};
        if (wrong)
            return fail(Errc::invalid_record, "batch at offset {} holds {} bytes after its last record", base_offset_,
                        extra);
        return false;
    }
    detail::MemoryCursor cursor(rest_);
    detail::RecordParts parts;
    const Parse parse = detail::read_record(cursor, parts);
    if (parse != Parse::fine) {
        const std::int32_t left = std::exchange(left_, 0);
        rest_ = {};
        return fail(Errc::invalid_record, "batch at offset {}: a record {} ({} to come)", base_offset_, words_of(parse),
                    left);
    }
    out.offset = base_offset_ + parts.offset_delta;
    out.timestamp = append_time_ ? *append_time_ : detail::timestamp_plus(base_timestamp_, parts.timestamp_delta);
    out.key = part_of(rest_, parts.key_at, parts.key_size);
    out.value = part_of(rest_, parts.value_at, parts.value_size);
    out.headers = Headers(rest_.substr(parts.headers_at, parts.end - parts.headers_at),
                          static_cast<std::int32_t>(parts.header_count));
    out.size_bytes = parts.end;
    rest_.remove_prefix(parts.end);
    --left_;
    return true;
}

Result<RecordIterator> read_records(const BatchView& batch, std::string& scratch, std::size_t inflated_bytes_max) {
    KLOG_TRY(const Codec codec, batch.codec());
    if (codec == Codec::none) return RecordIterator(batch, batch.body());
    // Compaction may empty a batch; nothing is left to decompress then.
    if (batch.count() == 0 && batch.body().empty()) return RecordIterator(batch, {});
    KLOG_TRY_VOID(inflate(codec, batch.body(), inflated_bytes_max, scratch));
    return RecordIterator(batch, scratch);
}

}  // namespace klog::records
