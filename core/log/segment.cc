// SPDX-License-Identifier: Apache-2.0
#include "core/log/segment.h"

#include <limits>

#include "core/base/big_endian.h"
#include "core/base/log.h"
#include "core/log/descriptor_cache.h"

namespace klog::log {

using base::Errc;
using base::Offset;
using base::Result;
using base::TimestampMs;

namespace {

Result<std::shared_ptr<os::Mapping>> map_file(os::Disk& disk, const std::string& path) {
    KLOG_TRY(auto mapping, disk.map(path));
    return std::shared_ptr<os::Mapping>(std::move(mapping));
}

Result<LoadedIndexes> map_indexes(os::Disk& disk, const std::string& directory, Offset base_offset,
                                  std::uint64_t log_bytes) {
    LoadedIndexes loaded{OffsetIndex(base_offset), TimeIndex(base_offset)};
    KLOG_TRY(auto offsets, map_file(disk, join(directory, segment_file_name(base_offset, FileKind::offset_index))));
    KLOG_TRY_VOID(loaded.offsets.adopt(std::move(offsets), log_bytes));
    KLOG_TRY(auto times, map_file(disk, join(directory, segment_file_name(base_offset, FileKind::time_index))));
    KLOG_TRY_VOID(loaded.times.adopt(std::move(times)));
    return loaded;
}

/// Walks the headers of a closed segment. What cannot be walked any further stays without entries.
Result<LoadedIndexes> rebuild_indexes(DescriptorCache& files, const std::string& directory, Offset base_offset,
                                      std::uint64_t log_bytes, Offset end, std::int32_t interval_bytes) {
    KLOG_TRY(const auto file, files.get(join(directory, segment_file_name(base_offset, FileKind::log))));
    Segment walked(base_offset, 0, 0, 0);
    EntryScanner scanner(*file, 0, log_bytes, EntryScanner::Depth::headers);
    for (;;) {
        auto entry = scanner.next();
        if (!entry && !is_format_error(entry.error())) return std::unexpected(std::move(entry).error());
        if (!entry || !*entry) break;
        if ((*entry)->last_offset < base_offset || (*entry)->last_offset >= end) break;
        walked.note_entry((*entry)->last_offset, (*entry)->size, (*entry)->max_timestamp_ms, interval_bytes);
    }
    walked.seal();
    return LoadedIndexes{walked.offsets(), walked.times(), false};
}

}  // namespace

Result<LoadedIndexes> load_indexes(os::Disk& disk, DescriptorCache& files, const std::string& directory,
                                   Offset base_offset, std::uint64_t log_bytes, Offset end,
                                   std::int32_t interval_bytes) {
    auto mapped = map_indexes(disk, directory, base_offset, log_bytes);
    if (mapped && mapped->offsets.last().offset < end && mapped->times.last().offset < end) return mapped;
    if (!mapped && mapped.error().code != Errc::not_found && mapped.error().code != Errc::corrupt)
        return std::unexpected(std::move(mapped).error());
    const std::string log_name = segment_file_name(base_offset, FileKind::log);
    KLOG_TRY(auto rebuilt, rebuild_indexes(files, directory, base_offset, log_bytes, end, interval_bytes));
    if (log_bytes != 0) base::log_info("{}: indexes rebuilt", join(directory, log_name));
    return rebuilt;
}

Result<TimestampMs> largest_timestamp_of(os::Disk& disk, DescriptorCache& files, const std::string& directory,
                                         Offset base_offset, std::uint64_t log_bytes, Offset end,
                                         std::int32_t interval_bytes) {
    KLOG_TRY(const auto loaded, load_indexes(disk, files, directory, base_offset, log_bytes, end, interval_bytes));
    if (const auto last = loaded.times.last(); last.timestamp_ms >= 0) return last.timestamp_ms;
    KLOG_TRY(const auto info, disk.info(join(directory, segment_file_name(base_offset, FileKind::log))));
    return info.modified_ms;
}

Result<std::shared_ptr<os::File>> Segment::file(DescriptorCache& files, const std::string& directory) {
    if (auto open = file_.lock()) return open;
    KLOG_TRY(auto opened, files.get(join(directory, file_name(FileKind::log))));
    file_ = opened;
    return opened;
}

void Segment::set_indexes(LoadedIndexes loaded) {
    offsets_ = std::move(loaded.offsets);
    times_ = std::move(loaded.times);
    offsets_written = loaded.on_disk ? offsets_.view().size() : 0;
    times_written = loaded.on_disk ? times_.view().size() : 0;
    persisted = persisted && loaded.on_disk;
    indexed_ = true;
    if ((!largest_known_ || !largest_exact_) && times_.last().timestamp_ms >= 0) {
        largest_ = times_.last();
        largest_known_ = largest_exact_ = true;
    }
}

void Segment::note_entry(Offset last_offset, std::uint32_t bytes, TimestampMs max_timestamp_ms,
                         std::int32_t interval_bytes) {
    if (max_timestamp_ms > largest_.timestamp_ms) largest_ = {max_timestamp_ms, last_offset};
    largest_known_ = true;
    // Whoever walks bytes that were not checked may come by any offset.
    const bool fits =
        last_offset >= offsets_.last().offset && last_offset - base_offset_ <= std::numeric_limits<std::int32_t>::max();
    if (fits && bytes_since_entry_ > static_cast<std::uint64_t>(interval_bytes)) {
        if (offsets_.entries() == 0 || last_offset > offsets_.last().offset) offsets_.append(last_offset, size_);
        times_.maybe_append(largest_.timestamp_ms, largest_.offset);
        bytes_since_entry_ = 0;
    }
    bytes_since_entry_ += bytes;
    size_ += bytes;
}

void Segment::skip_to(std::uint64_t position) {
    bytes_since_entry_ += position - size_;
    size_ = position;
}

void Segment::resume() {
    bytes_since_entry_ = size_ - offsets_.last().position;
    if (!largest_known_ || !largest_exact_) largest_ = times_.last();
    largest_known_ = largest_exact_ = true;
    indexed_ = true;
}

void Segment::seal() {
    if (largest_.timestamp_ms >= 0) times_.maybe_append(largest_.timestamp_ms, largest_.offset);
}

void Segment::truncate(Offset end, std::uint64_t position) {
    offsets_.truncate(end, position);
    times_.truncate(end);
    offsets_written = std::min(offsets_written, offsets_.view().size());
    times_written = std::min(times_written, times_.view().size());
    size_ = position;
    checked_.truncate(position);
    bytes_since_entry_ = size_ - std::min<std::uint64_t>(size_, offsets_.last().position);
    // What was largest may be gone. The index knows it up to its last entry; what lies behind that is not looked at
    // again.
    if (largest_.offset >= end) largest_ = times_.last();
    if (size_ == 0) first_timestamp_ms_.reset();
    if (std::erase_if(aborted, [&](const AbortedTransaction& each) { return each.last_offset >= end; }) > 0)
        aborted_stale = true;
    transactions_written = std::min(transactions_written, aborted.size());
}

void Segment::forget_indexes() {
    offsets_.clear();
    times_.clear();
    offsets_written = times_written = 0;
    largest_ = {};
    bytes_since_entry_ = 0;
    size_ = 0;
    checked_.truncate(0);
}

void Segment::set_largest(TimestampMs timestamp_ms) {
    largest_ = {timestamp_ms, base_offset_};
    largest_known_ = true;
    largest_exact_ = false;
}

bool Segment::should_roll(const LogConfig& config, std::uint64_t more_bytes, std::size_t more_entries,
                          Offset last_offset, TimestampMs max_timestamp_ms, TimestampMs now_ms) const {
    if (last_offset - base_offset_ > std::numeric_limits<std::int32_t>::max()) return true;
    if (size_ == 0) return false;
    if (size_ + more_bytes > static_cast<std::uint64_t>(config.segment_bytes)) return true;
    const auto index_bytes = static_cast<std::size_t>(config.segment_index_bytes);
    if (offsets_.entries() + more_entries > index_bytes / OffsetIndex::entry_bytes) return true;
    if (times_.entries() + more_entries + 1 > index_bytes / TimeIndex::entry_bytes) return true;
    const std::int64_t age_max_ms = config.segment_ms - jitter_ms_;
    if (first_timestamp_ms_ && *first_timestamp_ms_ >= 0 && max_timestamp_ms >= 0)
        return max_timestamp_ms - *first_timestamp_ms_ > age_max_ms;
    return now_ms - created_ms_ > age_max_ms;
}

}  // namespace klog::log
