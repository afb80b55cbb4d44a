// SPDX-License-Identifier: Apache-2.0
// Cutting a log. The order of steps is such that a crash between any two of them leaves a log that recovery takes:
//   1. recovery point lowered, durably: nothing above is believed any more;
//   2. epochs cut, durably;
//   3. segments behind removed from the last one on, each durably: never a hole;
//   4. the segment cut, durably.
// The steps that need room on the disk come first, so that a full disk refuses before anything is gone.
#include <algorithm>

#include "core/base/check.h"
#include "core/base/log.h"
#include "core/log/checkpoint_file.h"
#include "core/log/log_parts.h"

namespace klog::log {

using base::Errc;
using base::Offset;
using base::Result;

namespace {

/// Where to cut so that nothing at or beyond `offset` is left.
struct Cut {
    std::size_t segment = 0;
    std::uint64_t position = 0;
    Offset end;
};

Result<Cut> find_cut(PartitionLog::Parts& log, Offset offset) {
    Cut cut;
    cut.segment = log.segment_of(offset);
    auto& segment = *log.segments[cut.segment];
    cut.end = std::max(offset, segment.base_offset());
    if (offset <= segment.base_offset()) {
        cut.end = segment.base_offset();
        return cut;
    }
    if (!segment.indexed()) {
        KLOG_TRY(auto loaded, load_indexes(log.disk, log.files, log.path, segment.base_offset(), segment.size(),
                                           log.end_of(cut.segment), log.config->index_interval_bytes));
        segment.set_indexes(std::move(loaded));
    }
    KLOG_TRY(const auto file, segment.file(log.files, log.path));
    EntryScanner scanner(*file, segment.offsets().floor(offset).position, segment.size(), EntryScanner::Depth::headers);
    for (;;) {
        cut.position = scanner.position();
        KLOG_TRY(const auto entry, scanner.next());
        if (!entry) return cut;
        if (entry->last_offset < offset) continue;
        cut.end = std::min(offset, entry->first_offset);
        return cut;
    }
}

/// What is largest in what is left, and how much of it the index has not seen.
Result<> resume_after_cut(PartitionLog::Parts& log) {
    auto& segment = log.active();
    segment.resume();
    if (segment.size() == 0) return {};
    const auto last = segment.offsets().last();
    KLOG_TRY(const auto file, segment.file(log.files, log.path));
    EntryScanner scanner(*file, last.position, segment.size(), EntryScanner::Depth::headers);
    for (;;) {
        KLOG_TRY(const auto entry, scanner.next());
        if (!entry) return {};
        segment.raise_largest(entry->max_timestamp_ms, entry->last_offset);
    }
}

/// Segments that retention has given up may still be there, and the job that removes them is about to be stopped: a
/// durable log start first, so that a crash does not bring them back, then they go.
Result<> settle_removals(PartitionLog::Parts& log) {
    if (log.slot->log_start_on_disk.load() < log.log_start().value) KLOG_TRY_VOID(log.directory.write_log_starts());
    ++log.gate->generation;
    // The names of the segments that stay must be durable before those go.
    KLOG_TRY_VOID(log.disk.sync_directory(log.path));
    KLOG_TRY(const auto entries, log.disk.list(log.path));
    for (const auto& entry : entries) {
        const auto parsed = parse_segment_file_name(entry.name);
        if (!parsed || parsed->stage != FileStage::live || parsed->kind == FileKind::producer_snapshot) continue;
        if (parsed->base_offset < log.segments.front()->base_offset())
            KLOG_TRY_VOID(log.remove_file(log.at(entry.name)));
    }
    return {};
}

Result<> lower_recovery_point(PartitionLog::Parts& log, Offset to) {
    // What the slot says may be on its way to the file on another thread: then this write waits for that one.
    if (log.slot->recovery_point_on_disk.load() <= to.value && log.slot->recovery_point.load() <= to.value) return {};
    log.slot->recovery_point = std::min(to, log.recovery_point()).value;
    auto written = log.directory.write_recovery_points();
    if (written)
        log.set_recovery_point(std::min(to, log.recovery_point()));
    else
        log.slot->recovery_point = log.recovery_point().value;
    return written;
}

Result<> write_log_start(PartitionLog::Parts& log, Offset start) {
    log.slot->log_start = start.value;
    auto written = log.directory.write_log_starts();
    if (!written) log.slot->log_start = log.log_start().value;
    return written;
}

/// All that are on disk, also those that a job has written and not yet reported. Durably: one that came back would be
/// taken for the state of a log that has grown anew.
Result<> remove_snapshots_beyond(PartitionLog::Parts& log, Offset end) {
    KLOG_TRY(const auto entries, log.disk.list(log.path));
    bool any = false;
    for (const auto& entry : entries) {
        const auto parsed = parse_segment_file_name(entry.name);
        if (!parsed || parsed->kind != FileKind::producer_snapshot || parsed->base_offset <= end) continue;
        KLOG_TRY_VOID(log.remove_file(log.at(entry.name)));
        any = true;
    }
    std::erase_if(log.snapshots, [&](Offset at) { return at > end; });
    log.snapshot_at = log.snapshots.empty() ? Offset{-1} : log.snapshots.back();
    if (any) return log.disk.sync_directory(log.path);
    return {};
}

/// A file that a look-up may have mapped is never cut in place. Returns how much of the index is on disk.
Result<std::size_t> replace_index(PartitionLog::Parts& log, const std::string& file, std::string_view bytes) {
    auto replaced = os::replace_file(log.disk, file, bytes);
    if (replaced) return bytes.size();
    if (replaced.error().code != Errc::no_space) return std::unexpected(std::move(replaced).error());
    KLOG_TRY_VOID(log.remove_file(file));
    return 0;
}

/// Steps 3 and 4. A failure in here leaves memory and disk apart: the directory cannot go on.
Result<> cut_files(PartitionLog::Parts& log, const Cut& cut) {
    while (log.segments.size() > cut.segment + 1) {
        KLOG_TRY_VOID(log.remove_segment_files(*log.segments.back()));
        log.segments.pop_back();
    }
    auto& segment = log.active();
    KLOG_TRY(const auto log_file, segment.file(log.files, log.path));
    KLOG_TRY_VOID(log_file->truncate(cut.position));
    // A flush round that is under way will not count any more: what is left is made durable here.
    for (std::size_t i = log.segment_of(log.flushed()); i < log.segments.size(); ++i) {
        KLOG_TRY(const auto unflushed, log.segments[i]->file(log.files, log.path));
        KLOG_TRY_VOID(unflushed->sync());
    }
    if (!log.first_name_durable) KLOG_TRY_VOID(log.disk.sync_directory(log.directory.path()));
    log.first_name_durable = true;
    KLOG_TRY_VOID(remove_snapshots_beyond(log, cut.end));
    segment.persisted = true;
    if (!segment.indexed()) KLOG_TRY_VOID(log.resume_active());
    if (!segment.aborted_loaded) KLOG_TRY_VOID(log.load_aborted(segment, cut.end));
    const auto offsets_before = segment.offsets_written, times_before = segment.times_written;
    segment.truncate(cut.end, cut.position);
    if (segment.offsets_written < offsets_before) {
        const auto file = log.at(segment, FileKind::offset_index);
        KLOG_TRY(segment.offsets_written, replace_index(log, file, segment.offsets().view()));
    }
    if (segment.times_written < times_before) {
        const auto file = log.at(segment, FileKind::time_index);
        KLOG_TRY(segment.times_written, replace_index(log, file, segment.times().view()));
    }
    return {};
}

/// Memory and disk are apart: the directory cannot go on, and this log does not wait to be told.
base::Error give_up(PartitionLog::Parts& log, base::Error why) {
    log.directory.take_offline(why);
    log.offline = log.directory.failure();
    return why;
}

}  // namespace

Result<Offset> PartitionLog::truncate_to(Offset offset) {
    auto& log = *parts_;
    KLOG_CHECK(log.lent, "a log is cut on the pool");
    if (log.offline) return std::unexpected(*log.offline);
    if (offset >= log.log_end()) return log.log_end();
    if (offset < log.log_start() || offset <= log.segments.front()->base_offset()) {
        KLOG_TRY_VOID(truncate_fully_and_start_at(offset));
        return offset;
    }
    const std::scoped_lock files(log.gate->mutex);
    auto cut = find_cut(log, offset);
    if (!cut) return std::unexpected(log.report(std::move(cut).error()));
    if (auto settled = settle_removals(log); !settled) return std::unexpected(log.report(std::move(settled).error()));
    KLOG_TRY_VOID(lower_recovery_point(log, cut->end));
    auto epochs = log.epochs;
    if (epochs.truncate_end(cut->end)) {
        if (auto written = os::replace_file(log.disk, log.at(leader_epoch_name), format_epochs(epochs.entries()));
            !written)
            return std::unexpected(log.report(std::move(written).error()));
        log.epochs = std::move(epochs);
        log.epochs_written = true;
    }
    ++log.gate->generation;
    ++log.generation;
    auto done = cut_files(log, *cut);
    // A start inside the batch that was cut comes down last: before, it would bring deleted records back.
    if (done && cut->end < log.log_start()) done = write_log_start(log, cut->end);
    if (done) {
        log.set_offsets(std::min(log.log_start(), cut->end), cut->end, cut->end,
                        std::min(log.recovery_point(), cut->end));
        log.forget_damage(log.log_start(), cut->end);
        done = resume_after_cut(log);
    }
    if (done) done = log.load_producers(cut->end);
    if (done) done = log.load_all_aborted();
    if (!done) return std::unexpected(give_up(log, std::move(done).error()));
    log.resumed = true;
    return cut->end;
}

Result<> PartitionLog::truncate_fully_and_start_at(Offset offset) {
    auto& log = *parts_;
    KLOG_CHECK(log.lent, "a log is cut on the pool");
    if (log.offline) return std::unexpected(*log.offline);
    const std::scoped_lock files(log.gate->mutex);
    // While segments go one by one, what is left ends anywhere.
    const Offset recovery_point = std::min({log.recovery_point(), offset, log.segments.front()->base_offset()});
    if (auto settled = settle_removals(log); !settled) return std::unexpected(log.report(std::move(settled).error()));
    KLOG_TRY_VOID(lower_recovery_point(log, recovery_point));
    if (auto written = os::replace_file(log.disk, log.at(leader_epoch_name), format_epochs({})); !written)
        return std::unexpected(log.report(std::move(written).error()));
    ++log.gate->generation;
    ++log.generation;
    const auto restart = [&]() -> Result<> {
        while (!log.segments.empty()) {
            KLOG_TRY_VOID(log.remove_segment_files(*log.segments.back()));
            log.segments.pop_back();
        }
        KLOG_TRY_VOID(remove_snapshots_beyond(log, {-1}));
        auto fresh = log.make_segment(offset, 0);
        KLOG_TRY(const auto file, log.files.get(log.at(*fresh, FileKind::log), os::Open::create));
        KLOG_TRY_VOID(file->truncate(0));
        KLOG_TRY_VOID(file->sync());
        fresh->set_file(file);
        fresh->resume();
        fresh->aborted_loaded = true;
        log.segments.push_back(std::move(fresh));
        KLOG_TRY_VOID(log.disk.sync_directory(log.path));
        if (!log.first_name_durable) KLOG_TRY_VOID(log.disk.sync_directory(log.directory.path()));
        log.first_name_durable = true;
        // A lower start comes last: before, it would bring deleted records back. A higher one is where the log begins.
        if (offset < log.log_start()) return write_log_start(log, offset);
        return {};
    };
    if (auto done = restart(); !done) {
        if (log.segments.empty()) log.segments.push_back(log.make_segment(offset, 0));
        return std::unexpected(give_up(log, std::move(done).error()));
    }
    log.epochs.reset({});
    log.epochs_written = true;
    log.producers.clear();
    log.resumed = true;
    log.damages.clear();
    log.set_offsets(offset, offset, offset, recovery_point);
    return {};
}

}  // namespace klog::log
