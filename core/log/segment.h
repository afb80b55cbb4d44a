// SPDX-License-Identifier: Apache-2.0
// One segment of a log: its file, what is indexed of it, and what is known to be good. Belongs to its PartitionLog and
// lives on its shard; files are opened through the directory's descriptor cache and need not stay open.
//
// States: a segment that was only listed knows its base and size. load_indexes makes look-ups possible. The last
// segment of a log is active; it is appended to once resume() has found where its indexes stand.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/types.h"
#include "core/log/checked_ranges.h"
#include "core/log/entry_scanner.h"
#include "core/log/file_names.h"
#include "core/log/offset_index.h"
#include "core/log/partition_log.h"
#include "core/log/time_index.h"
#include "core/os/disk.h"

namespace klog::log {

class DescriptorCache;

/// Both indexes of a segment as they were read or rebuilt, on whatever thread; given to the segment on its shard.
struct LoadedIndexes {
    OffsetIndex offsets;
    TimeIndex times;
    bool on_disk = true;  // False: rebuilt. Given to its segment, it is written with all that is derived.
};

/// [pool] Reads the indexes of a segment that is not being appended to; where they are missing or do not fit, walks its
/// headers. Writes nothing: several readers may be at it, and the log may be cut meanwhile. `log_bytes` and `end` are
/// where it ends.
base::Result<LoadedIndexes> load_indexes(os::Disk& disk, DescriptorCache& files, const std::string& directory,
                                         base::Offset base_offset, std::uint64_t log_bytes, base::Offset end,
                                         std::int32_t interval_bytes);
/// [pool] The largest timestamp, from the end of the time index; without one, what the whole load says; without any
/// timestamp in it, when the file was last written.
base::Result<base::TimestampMs> largest_timestamp_of(os::Disk& disk, DescriptorCache& files,
                                                     const std::string& directory, base::Offset base_offset,
                                                     std::uint64_t log_bytes, base::Offset end,
                                                     std::int32_t interval_bytes);

class Segment {
public:
    Segment(base::Offset base_offset, std::uint64_t size_bytes, base::TimestampMs created_ms, std::int64_t jitter_ms)
        : base_offset_(base_offset),
          size_(size_bytes),
          created_ms_(created_ms),
          jitter_ms_(jitter_ms),
          offsets_(base_offset),
          times_(base_offset) {}

    base::Offset base_offset() const { return base_offset_; }
    std::uint64_t size() const { return size_; }
    std::string file_name(FileKind kind) const { return segment_file_name(base_offset_, kind); }

    /// The log file; opens it when it is not. `directory` is that of the partition.
    base::Result<std::shared_ptr<os::File>> file(DescriptorCache& files, const std::string& directory);
    /// Null when it is not open.
    std::shared_ptr<os::File> open_file() const { return file_.lock(); }
    void set_file(const std::shared_ptr<os::File>& file) { file_ = file; }

    bool indexed() const { return indexed_; }
    void set_indexes(LoadedIndexes loaded);
    const OffsetIndex& offsets() const { return offsets_; }
    const TimeIndex& times() const { return times_; }

    /// A batch was written or walked at the end of the segment: indexes it if it is time to.
    void note_entry(base::Offset last_offset, std::uint32_t bytes, base::TimestampMs max_timestamp_ms,
                    std::int32_t interval_bytes);
    /// What lies in front of `position` and was not noted is damage.
    void skip_to(std::uint64_t position);
    /// Where an active segment stands after its indexes were loaded: bytes behind the last entry count towards the
    /// next.
    void resume();
    /// The time index of a segment that is closed ends with its largest timestamp.
    void seal();
    /// Cuts at a batch that starts at `position` and whose offsets start at `end`.
    void truncate(base::Offset end, std::uint64_t position);
    /// Starts over, for a walk from the front.
    void forget_indexes();

    /// Largest timestamp and the last offset of the first batch that has it; -1 when there is none or it is not known.
    TimestampedOffset largest() const { return largest_; }
    bool largest_known() const { return largest_known_; }
    /// For retention, of a segment whose indexes are not loaded.
    void set_largest(base::TimestampMs timestamp_ms);
    void raise_largest(base::TimestampMs timestamp_ms, base::Offset offset) {
        if (timestamp_ms > largest_.timestamp_ms) largest_ = {timestamp_ms, offset};
    }

    /// Whether so much more should go to a new segment (Kafka's shouldRoll). The first timestamp is that of the first
    /// batch once it is known.
    bool should_roll(const LogConfig& config, std::uint64_t more_bytes, std::size_t more_entries,
                     base::Offset last_offset, base::TimestampMs max_timestamp_ms, base::TimestampMs now_ms) const;
    void set_first_timestamp(base::TimestampMs timestamp_ms) { first_timestamp_ms_ = timestamp_ms; }
    bool first_timestamp_known() const { return first_timestamp_ms_.has_value() || size_ == 0; }

    CheckedRanges& checked() { return checked_; }
    const CheckedRanges& checked() const { return checked_; }

    // How much of the indexes is on disk; the rest is written by the next checkpoint.
    std::size_t offsets_written = 0;
    std::size_t times_written = 0;
    std::size_t transactions_written = 0;
    bool persisted = true;  // Closed, and its index files are complete and durable.

    std::vector<AbortedTransaction> aborted;
    bool aborted_loaded = false;
    bool aborted_stale = false;  // Its file may hold more than `aborted`, of a log that is no more.

private:
    base::Offset base_offset_;
    std::uint64_t size_;
    base::TimestampMs created_ms_;
    std::int64_t jitter_ms_;
    std::weak_ptr<os::File> file_;
    bool indexed_ = false;
    OffsetIndex offsets_;
    TimeIndex times_;
    std::uint64_t bytes_since_entry_ = 0;
    TimestampedOffset largest_;
    bool largest_known_ = false;
    bool largest_exact_ = true;  // False: only its time is known, or when the file was last written.
    std::optional<base::TimestampMs> first_timestamp_ms_;
    CheckedRanges checked_;
};

}  // namespace klog::log
