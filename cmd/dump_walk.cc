// SPDX-License-Identifier: Apache-2.0
#include "cmd/dump_walk.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "cmd/dump_files.h"
#include "core/base/big_endian.h"
#include "core/records/batch.h"

namespace klog::cmd {

using base::Errc;
using base::load_big;
using base::Result;
using records::EntryView;

namespace {

constexpr std::size_t search_window_bytes = 1u << 20;
constexpr std::size_t magic_at = 16;

}  // namespace

Result<LogWalk> LogWalk::open(os::Disk& disk, const std::string& path) {
    KLOG_TRY(EntryStream stream, EntryStream::open(disk, path));
    std::shared_ptr<os::File> file;
    if (path != standard_input) {
        KLOG_TRY(file, disk.open(path, os::Open::read));
    }
    return LogWalk(std::move(stream), std::move(file));
}

Result<std::optional<LogWalk::Stretch>> LogWalk::next() {
    if (done_) return std::nullopt;
    auto found = stream_.next();
    if (!found) return pass_over(found.error());
    if (!*found) return std::nullopt;
    const EntryView entry = **found;
    Stretch stretch{stream_.position(), entry.size(), entry, {}};
    end_ = stretch.position + stretch.size;
    const std::int64_t first = entry.base_offset().value, last = entry.last_offset().value;
    if (const auto good = entry.check_crc(); !good)
        stretch.damage = good.error().message;
    else if (first <= last_offset_ || last < first)
        stretch.damage = fmt::format("offset {} comes after offset {}", first, last_offset_);
    if (stretch.damage.empty()) {
        last_offset_ = last;
        return stretch;
    }
    stretch.entry.reset();
    // Its length may be what is damaged: believed only where another entry follows, or the end.
    KLOG_TRY(const bool followed, entry_or_end_at(end_));
    if (!followed) return pass_over(base::Error{Errc::corrupt, stretch.damage});
    return stretch;
}

Result<bool> LogWalk::entry_or_end_at(std::uint64_t position) {
    if (file_ == nullptr) return true;
    char prefix[records::entry_prefix_bytes];
    KLOG_TRY(const std::size_t n, file_->read_at(position, prefix));
    if (n == 0) return true;
    return n == sizeof prefix && records::read_entry_prefix({prefix, n}, EntryStream::entry_bytes_max).has_value();
}

/// What the stream failed at, up to the next batch or to the end.
Result<std::optional<LogWalk::Stretch>> LogWalk::pass_over(const base::Error& error) {
    if (error.code != Errc::corrupt && error.code != Errc::truncated) return std::unexpected(error);
    Stretch stretch{stream_.position(), 0, {}, error.message};
    if (file_ == nullptr) {
        KLOG_TRY(end_, stream_.drain());
        stretch.size = end_ - stretch.position;
        done_ = true;
        return stretch;
    }
    KLOG_TRY(const std::uint64_t size, file_->size());
    KLOG_TRY(const auto at, seek(stretch.position + 1, size));
    end_ = at.value_or(std::max(size, stretch.position));
    stretch.size = end_ - stretch.position;
    done_ = !at;
    if (at) stream_.seek(*at);
    return stretch;
}

/// Where the next good batch starts.
Result<std::optional<std::uint64_t>> LogWalk::seek(std::uint64_t from, std::uint64_t size) {
    std::string window;
    while (from + records::batch_header_bytes <= size) {
        window.resize(std::min<std::uint64_t>(search_window_bytes, size - from));
        KLOG_TRY(const std::size_t n, file_->read_at(from, window));
        if (n < records::batch_header_bytes) break;
        const std::string_view held(window.data(), n);
        const std::size_t last = n - records::batch_header_bytes;
        for (std::size_t i = 0; i <= last; ++i) {
            const void* hit = std::memchr(held.data() + i + magic_at, records::batch_magic, last - i + 1);
            if (hit == nullptr) break;
            i = static_cast<std::size_t>(static_cast<const char*>(hit) - held.data()) - magic_at;
            KLOG_TRY(const bool good, starts_at(from + i, held.substr(i), size));
            if (good) return from + i;
        }
        from += last + 1;
    }
    return std::nullopt;
}

Result<bool> LogWalk::starts_at(std::uint64_t position, std::string_view header, std::uint64_t size) {
    const auto prefix = records::read_entry_prefix(header, std::min(size - position, sought_batch_bytes_max));
    if (!prefix || prefix->size < records::batch_header_bytes) return false;
    const records::HeaderView view(header.data());
    constexpr unsigned known_attributes = 0x7f;
    if (view.base_offset().value <= last_offset_ || view.base_offset().value < 0) return false;
    if (view.last_offset_delta() < 0 || view.count() < 0 || view.count() > view.last_offset_delta() + 1LL) return false;
    if ((load_big<std::uint16_t>(header.data() + 21) & ~known_attributes) != 0) return false;
    if (sought_bytes_ / sought_bytes_per_byte_max > size) return false;
    sought_bytes_ += prefix->size;
    std::string whole(prefix->size, '\0');
    KLOG_TRY(const std::size_t n, file_->read_at(position, whole));
    if (n < whole.size()) return false;
    const auto entry = EntryView::parse(whole);
    return entry && entry->check_crc();
}

std::optional<records::EndTransactionMarker> end_marker_of(const EntryView& batch) {
    constexpr std::size_t inflated_bytes_max = 1u << 20;
    if (!batch.is_batch() || !records::HeaderView(batch.bytes().data()).control()) return std::nullopt;
    std::string inflated;
    auto reader = records::EntryReader::open(batch, inflated, inflated_bytes_max);
    records::Record record;
    if (!reader || !reader->next(record).value_or(false)) return std::nullopt;
    const auto marker = records::read_end_transaction(record);
    return marker ? std::optional(*marker) : std::nullopt;
}

}  // namespace klog::cmd
