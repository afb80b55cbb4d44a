// SPDX-License-Identifier: Apache-2.0
#include "cmd/dump_index_check.h"

#include <fmt/format.h>

#include "core/base/big_endian.h"

namespace klog::cmd {

using base::load_big;
using base::Result;
using records::EntryView;

Result<IndexCursor> IndexCursor::open(os::Disk& disk, Verdict& verdict, std::size_t entry_bytes, bool zeros_end) {
    KLOG_TRY(const os::FileInfo info, disk.info(verdict.file.path));
    verdict.bytes = info.size;
    KLOG_TRY(FixedEntries entries, FixedEntries::open(disk, verdict.file.path, entry_bytes));
    IndexCursor cursor(std::move(entries), verdict, zeros_end);
    KLOG_TRY_VOID(cursor.advance());
    return cursor;
}

Result<> IndexCursor::advance() {
    position_ = entries_.position();
    KLOG_TRY(entry_, entries_.next());
    if (entry_ && !(zeros_end_ && all_zeros(*entry_))) {
        ++verdict_->entries;
        return {};
    }
    return finish();
}

/// Behind the content: nothing, or zeros and nothing but zeros.
Result<> IndexCursor::finish() {
    while (entry_) {
        if (!all_zeros(*entry_)) {
            fault("an entry behind zeros");
            entry_.reset();
            return {};
        }
        position_ = entries_.position();
        KLOG_TRY(entry_, entries_.next());
    }
    if (const std::size_t more = entries_.odd_bytes(); more > 0)
        verdict_->fault(entries_.position(), fmt::format("the last {} bytes are no whole entry", more));
    return {};
}

bool OffsetIndexCheck::rises() {
    const auto relative = load_big<std::int32_t>(cursor_.entry()->data());
    const auto position = load_big<std::int32_t>(cursor_.entry()->data() + 4);
    const bool good = relative > last_offset_ && position > last_position_;
    if (!good)
        cursor_.fault(fmt::format("the entry (offset {}, position {}) does not rise above the one before it",
                                  base_ + relative, position));
    last_offset_ = relative;
    last_position_ = position;
    return good;
}

Result<> OffsetIndexCheck::batch(const EntryView& entry, std::uint64_t position) {
    if (owed_ && entry.last_offset().value >= owed_->first) {
        if (entry.last_offset().value != owed_->first)
            cursor_.verdict().fault(owed_->second, fmt::format("offset {} is not the last of a batch", owed_->first));
        owed_.reset();
    }
    const std::uint64_t end = position + entry.size();
    while (cursor_.entry()) {
        const std::int64_t offset = base_ + load_big<std::int32_t>(cursor_.entry()->data());
        const std::uint64_t points_to = load_big<std::uint32_t>(cursor_.entry()->data() + 4);
        if (points_to >= end) return {};
        if (rises()) {
            if (points_to != position)
                cursor_.fault(fmt::format("points at position {}, where no batch starts", points_to));
            else if (offset < entry.last_offset().value)
                cursor_.fault(fmt::format("says offset {}, but the batch at position {} ends at {}", offset, points_to,
                                          entry.last_offset()));
            else if (offset > entry.last_offset().value)
                owed_ = {offset, cursor_.position()};  // Older brokers indexed several batches at once, by the last.
        }
        KLOG_TRY_VOID(cursor_.advance());
    }
    return {};
}

Result<> OffsetIndexCheck::end(std::optional<std::uint64_t> log_bytes) {
    if (owed_ && log_bytes)
        cursor_.verdict().fault(owed_->second, fmt::format("offset {} is beyond the end of the log", owed_->first));
    while (cursor_.entry()) {
        const auto points_to = load_big<std::uint32_t>(cursor_.entry()->data() + 4);
        if (rises() && log_bytes)
            cursor_.fault(fmt::format("points at position {}, but the log has {} bytes", points_to, *log_bytes));
        KLOG_TRY_VOID(cursor_.advance());
    }
    return {};
}

bool TimeIndexCheck::rises() {
    const auto time = load_big<std::int64_t>(cursor_.entry()->data());
    const auto relative = load_big<std::int32_t>(cursor_.entry()->data() + 8);
    const bool good = relative >= 0 && relative >= last_offset_ && (!last_time_ || time > *last_time_);
    if (!good)
        cursor_.fault(fmt::format("the entry (timestamp {}, offset {}) does not rise above the one before it", time,
                                  base_ + relative));
    last_time_ = time;
    last_offset_ = relative;
    return good;
}

Result<> TimeIndexCheck::batch(const EntryView& entry, std::uint64_t) {
    youngest_ = std::max(youngest_, entry.max_timestamp());
    while (cursor_.entry()) {
        const auto time = load_big<std::int64_t>(cursor_.entry()->data());
        const std::int64_t offset = base_ + load_big<std::int32_t>(cursor_.entry()->data() + 8);
        if (offset > entry.last_offset().value) return {};
        if (rises()) {
            if (entry.is_batch() && offset < entry.base_offset().value)
                cursor_.fault(fmt::format("says offset {}, which no batch holds", offset));
            else if (entry.max_timestamp() != time)
                cursor_.fault(fmt::format("says timestamp {} at offset {}, but the batch there has {}", time, offset,
                                          entry.max_timestamp()));
            else if (youngest_ > time)
                cursor_.fault(fmt::format("says that no record up to offset {} is younger than {}, but one has {}",
                                          offset, time, youngest_));
        }
        KLOG_TRY_VOID(cursor_.advance());
    }
    return {};
}

Result<> TimeIndexCheck::end(std::optional<std::uint64_t> log_bytes) {
    while (cursor_.entry()) {
        const std::int64_t offset = base_ + load_big<std::int32_t>(cursor_.entry()->data() + 8);
        if (rises() && log_bytes)
            cursor_.fault(fmt::format("says offset {}, which is beyond the end of the log", offset));
        KLOG_TRY_VOID(cursor_.advance());
    }
    return {};
}

bool TransactionIndexCheck::plausible() {
    const char* bytes = cursor_.entry()->data();
    const auto version = load_big<std::int16_t>(bytes);
    const auto first = load_big<std::int64_t>(bytes + 10), last = load_big<std::int64_t>(bytes + 18);
    const auto before = std::exchange(last_offset_, last);
    if (version != 0) return cursor_.fault(fmt::format("an entry of version {}", version)), false;
    if (first > last) return cursor_.fault(fmt::format("a transaction from {} to {}", first, last)), false;
    if (last <= before)
        return cursor_.fault(fmt::format("the marker at {} comes after that at {}", last, before)), false;
    return true;
}

Result<> TransactionIndexCheck::batch(const EntryView& entry, std::uint64_t) {
    while (cursor_.entry()) {
        const auto producer = load_big<std::int64_t>(cursor_.entry()->data() + 2);
        const auto marker = load_big<std::int64_t>(cursor_.entry()->data() + 18);
        if (marker > entry.last_offset().value) return {};
        if (plausible()) {
            const records::HeaderView header(entry.bytes().data());
            if (!entry.is_batch() || entry.last_offset().value != marker || !header.control() ||
                header.producer_id().value != producer)
                cursor_.fault(fmt::format("there is no marker of producer {} at offset {}", producer, marker));
        }
        KLOG_TRY_VOID(cursor_.advance());
    }
    return {};
}

Result<> TransactionIndexCheck::end(std::optional<std::uint64_t> log_bytes) {
    while (cursor_.entry()) {
        const auto marker = load_big<std::int64_t>(cursor_.entry()->data() + 18);
        if (plausible() && log_bytes)
            cursor_.fault(fmt::format("says a marker at offset {}, which is beyond the end of the log", marker));
        KLOG_TRY_VOID(cursor_.advance());
    }
    return {};
}

}  // namespace klog::cmd
