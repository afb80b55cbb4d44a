// SPDX-License-Identifier: Apache-2.0
// Checks the indexes of a segment against its log while that is walked: each index is read along, an entry is judged
// when the walk comes to the batch that it speaks of. Nothing is held but one entry of each.
#pragma once

#include <cstdint>
#include <optional>

#include "cmd/dump_entries.h"
#include "cmd/dump_verdict.h"
#include "core/base/error.h"
#include "core/os/disk.h"
#include "core/records/entry.h"

namespace klog::cmd {

/// The entries of an index as they are read along; what is wrong with the file by itself goes into the verdict.
class IndexCursor {
public:
    static base::Result<IndexCursor> open(os::Disk& disk, Verdict& verdict, std::size_t entry_bytes, bool zeros_end);

    /// The entry that waits to be judged.
    const std::optional<std::string_view>& entry() const { return entry_; }
    std::uint64_t position() const { return position_; }
    base::Result<> advance();
    Verdict& verdict() const { return *verdict_; }
    /// A fault of the entry that waits.
    void fault(std::string words) { verdict_->fault(position_, std::move(words)); }

private:
    IndexCursor(FixedEntries entries, Verdict& verdict, bool zeros_end)
        : entries_(std::move(entries)), verdict_(&verdict), zeros_end_(zeros_end) {}
    base::Result<> finish();

    FixedEntries entries_;
    Verdict* verdict_;
    bool zeros_end_;  // Kafka makes these files longer than they are while it writes them: zeros follow the content.
    std::optional<std::string_view> entry_;
    std::uint64_t position_ = 0;
};

/// `.index`: rises, points at batches, names their last offsets.
class OffsetIndexCheck {
public:
    OffsetIndexCheck(IndexCursor cursor, std::int64_t base) : cursor_(std::move(cursor)), base_(base) {}
    base::Result<> batch(const records::EntryView& entry, std::uint64_t position);
    /// The log has no more batches. `log_bytes` nothing: it was not walked to its end, or is not there.
    base::Result<> end(std::optional<std::uint64_t> log_bytes);

private:
    bool rises();
    IndexCursor cursor_;
    std::int64_t base_;
    std::int64_t last_offset_ = -1, last_position_ = -1;
    std::optional<std::pair<std::int64_t, std::uint64_t>> owed_;  // An offset that must be the end of a later batch.
};

/// `.timeindex`: rises, and no record up to the offset of an entry is younger than it says.
class TimeIndexCheck {
public:
    TimeIndexCheck(IndexCursor cursor, std::int64_t base) : cursor_(std::move(cursor)), base_(base) {}
    base::Result<> batch(const records::EntryView& entry, std::uint64_t position);
    base::Result<> end(std::optional<std::uint64_t> log_bytes);

private:
    bool rises();
    IndexCursor cursor_;
    std::int64_t base_;
    std::optional<std::int64_t> last_time_;
    std::int64_t last_offset_ = -1;
    std::int64_t youngest_ = -1;
};

/// `.txnindex`: each entry names a marker that is there.
class TransactionIndexCheck {
public:
    explicit TransactionIndexCheck(IndexCursor cursor) : cursor_(std::move(cursor)) {}
    base::Result<> batch(const records::EntryView& entry, std::uint64_t position);
    base::Result<> end(std::optional<std::uint64_t> log_bytes);

private:
    bool plausible();
    IndexCursor cursor_;
    std::int64_t last_offset_ = -1;
};

}  // namespace klog::cmd
