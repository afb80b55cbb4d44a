// SPDX-License-Identifier: Apache-2.0
#include "core/log/entry_scanner.h"

#include <algorithm>
#include <limits>

#include "core/base/big_endian.h"
#include "core/base/crc32c.h"
#include "core/records/entry.h"
#include "core/records/validate.h"

namespace klog::log {

using base::Errc;
using base::fail;
using base::Result;

namespace {
/// So that what follows it is an offset, too.
constexpr std::int64_t offset_max = std::numeric_limits<std::int64_t>::max() - 1;
}  // namespace

Result<std::string_view> EntryScanner::window(std::uint64_t position, std::size_t length) {
    if (position < buffer_position_ || position + length > buffer_position_ + buffer_.size()) {
        const std::size_t usual = depth_ == Depth::headers ? headers_window_bytes : checked_window_bytes;
        buffer_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(std::max(usual, length), end_ - position)));
        buffer_position_ = position;
        auto got = file_.read_at(position, buffer_);
        buffer_.resize(got.value_or(0));
        if (!got) return std::unexpected(std::move(got).error());
    }
    const std::string_view there = std::string_view(buffer_).substr(position - buffer_position_);
    if (there.size() < length)
        return fail(Errc::truncated, "{}: ends at {} inside an entry", file_.path(), buffer_position_ + buffer_.size());
    return there.substr(0, length);
}

Result<std::optional<ScannedEntry>> EntryScanner::next() {
    if (position_ >= end_) return std::nullopt;
    const std::uint64_t left = end_ - position_;
    if (left < records::entry_prefix_bytes)
        return fail(Errc::truncated, "{}: {} bytes at {} are no entry", file_.path(), left, position_);
    KLOG_TRY(const auto prefix_bytes, window(position_, records::entry_prefix_bytes));
    // A length beyond the end is a cut tail unless it is no length at all; the caller treats both alike.
    auto prefix = records::read_entry_prefix(prefix_bytes, static_cast<std::size_t>(left));
    if (!prefix) return fail(prefix.error().code, "{}: at {}: {}", file_.path(), position_, prefix.error().message);
    ScannedEntry entry;
    entry.position = position_;
    entry.size = static_cast<std::uint32_t>(prefix->size);
    entry.magic = prefix->magic;
    entry.first_offset = entry.last_offset = prefix->offset;
    if (entry.is_batch()) {
        KLOG_TRY(const auto header, window(position_, records::batch_header_bytes));
        std::ranges::copy(header, entry.header.begin());
        const auto view = entry.batch_header();
        if (view.last_offset_delta() < 0)
            return fail(Errc::corrupt, "{}: at {}: offset delta {}", file_.path(), position_, view.last_offset_delta());
        if (entry.first_offset.value > offset_max - view.last_offset_delta())
            return fail(Errc::corrupt, "{}: at {}: offset {}", file_.path(), position_, entry.first_offset);
        entry.last_offset = view.last_offset();
        entry.max_timestamp_ms = view.max_timestamp();
        entry.epoch = view.partition_leader_epoch();
    } else if (entry.magic == 1) {
        KLOG_TRY(const auto head, window(position_, records::entry_prefix_bytes + 9));
        entry.max_timestamp_ms = base::load_big<std::int64_t>(head.data() + 18);
    }
    if (entry.first_offset.value < 0 || entry.last_offset.value > offset_max)
        return fail(Errc::corrupt, "{}: at {}: offset {}", file_.path(), position_, entry.first_offset);
    if (depth_ == Depth::checked) KLOG_TRY_VOID(check(entry));
    position_ = entry.end();
    return entry;
}

Result<std::string_view> EntryScanner::bytes_of(const ScannedEntry& entry, std::size_t bytes_max) {
    if (entry.size > bytes_max)
        return fail(Errc::too_large, "{}: an entry of {} bytes at {}", file_.path(), entry.size, entry.position);
    return window(entry.position, entry.size);
}

Result<> EntryScanner::check(const ScannedEntry& entry) {
    if (entry.size > whole_entry_bytes_max && entry.is_batch()) return check_in_pieces(entry);
    KLOG_TRY(const auto bytes, bytes_of(entry));
    Result<> good;
    if (entry.is_batch()) {
        KLOG_TRY(const auto batch, records::BatchView::parse(bytes));
        good = records::check_replicated(batch);
    } else {
        KLOG_TRY(const auto view, records::EntryView::parse(bytes));
        good = view.check_crc();
    }
    if (!good) return fail(good.error().code, "{}: at {}: {}", file_.path(), entry.position, good.error().message);
    return {};
}

Result<> EntryScanner::check_in_pieces(const ScannedEntry& entry) {
    std::uint64_t position = entry.position + records::at::attributes;
    std::uint32_t crc = 0;
    while (position < entry.end()) {
        const auto length =
            static_cast<std::size_t>(std::min<std::uint64_t>(checked_window_bytes, entry.end() - position));
        KLOG_TRY(const auto piece, window(position, length));
        crc = base::crc32c(piece, crc);
        position += length;
    }
    if (crc == entry.batch_header().crc()) return {};
    return fail(Errc::corrupt, "{}: at {}: the CRC does not match", file_.path(), entry.position);
}

}  // namespace klog::log
