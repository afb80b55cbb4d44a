// SPDX-License-Identifier: Apache-2.0
// Writing what can be derived from the log (indexes, epochs, producer snapshots), so that the recovery point may move,
// a segment be closed, the log be closed; and reading what retention needs to know.
#include <algorithm>

#include "core/base/check.h"
#include "core/base/log.h"
#include "core/log/checkpoint_file.h"
#include "core/log/log_parts.h"
#include "core/log/producer_snapshot.h"
#include "core/log/transaction_index.h"

namespace klog::log {

using base::Errc;
using base::Offset;
using base::Result;
using base::TimestampMs;

namespace {

/// The tail of a file, from `position` on; the file then ends there.
struct FileTail {
    std::string path;
    std::uint64_t position = 0;
    std::string bytes;
    bool replace = false;  // The whole file, at once: after a crash its segment is believed without a look.
};

Result<> write_tail(os::Disk& disk, const FileTail& tail, bool sync) {
    if (tail.replace) return os::replace_file(disk, tail.path, tail.bytes);
    KLOG_TRY(const auto file, disk.open(tail.path, os::Open::create));
    KLOG_TRY_VOID(file->write_at(tail.position, tail.bytes));
    const std::uint64_t end = tail.position + tail.bytes.size();
    KLOG_TRY(const auto size, file->size());
    if (size > end) KLOG_TRY_VOID(file->truncate(end));
    if (sync) return file->sync();
    return {};
}

/// What one segment's index files lack, and how far they are written afterwards.
struct SegmentTails {
    Offset base;
    std::vector<FileTail> tails;
    std::size_t offsets = 0, times = 0, transactions = 0;
};

SegmentTails tails_of(const PartitionLog::Parts& log, const Segment& segment, bool active) {
    SegmentTails result{segment.base_offset(),
                        {},
                        segment.offsets().view().size(),
                        segment.times().view().size(),
                        segment.aborted.size()};
    const auto add = [&](FileKind kind, std::size_t written, std::string_view bytes) {
        result.tails.push_back(
            {log.at(segment, kind), written, std::string(bytes.substr(written)), written == 0 && !active});
    };
    add(FileKind::offset_index, segment.offsets_written, segment.offsets().view());
    add(FileKind::time_index, segment.times_written, segment.times().view());
    if (segment.aborted_loaded && (!segment.aborted.empty() || segment.aborted_stale)) {
        std::string all;
        for (const auto& each : segment.aborted) format_transaction(all, each);
        add(FileKind::transaction_index, segment.transactions_written * transaction_entry_bytes, all);
    }
    return result;
}

}  // namespace

/// Everything to be written, copied on the shard; run on the pool.
class DerivedFiles final : public CheckpointWork {
public:
    explicit DerivedFiles(PartitionLog::Parts& log)
        : disk_(log.disk),
          gate_(log.gate),
          generation_(gate_->generation),
          number_(++gate_->jobs_made),
          directory_(log.path),
          report_(log.directory.reporter()) {}

    Result<> run() override {
        const std::scoped_lock files(gate_->mutex);
        if (gate_->generation != generation_)
            return {};                                // The log was cut meanwhile: nothing of this is true any more.
        if (number_ < gate_->newest_done) return {};  // A later job has written all of this and more.
        if (auto done = write(true); !done) return std::unexpected(report_(std::move(done).error()));
        gate_->newest_done = number_;
        return {};
    }
    Result<> write(bool sync) {
        for (const auto& segment : segments)
            for (const auto& tail : segment.tails) KLOG_TRY_VOID(write_tail(disk_, tail, sync));
        if (snapshot) KLOG_TRY_VOID(write_tail(disk_, *snapshot, sync));
        if (sync) KLOG_TRY_VOID(disk_.sync_directory(directory_));
        if (epochs && number_ > gate_->newest_epochs) {
            KLOG_TRY_VOID(os::replace_file(disk_, join(directory_, leader_epoch_name), *epochs));
            gate_->newest_epochs = number_;
        }
        for (const auto& path : obsolete)
            if (auto done = disk_.remove(path); !done && done.error().code != Errc::not_found) return done;
        written = true;
        return {};
    }

    std::vector<SegmentTails> segments;
    std::optional<FileTail> snapshot;
    std::optional<std::string> epochs;
    std::vector<std::string> obsolete;  // Snapshots that newer ones replace.
    Offset snapshot_at{-1};
    Offset recovery_point{-1};
    std::uint64_t log_generation = 0;
    bool written = false;

private:
    os::Disk& disk_;
    const std::shared_ptr<FileGate> gate_;
    const std::uint64_t generation_;
    const std::uint64_t number_;
    const std::string directory_;
    const std::function<base::Error(base::Error)> report_;
};

namespace {

std::shared_ptr<DerivedFiles> collect(PartitionLog::Parts& log) {
    auto work = std::make_shared<DerivedFiles>(log);
    work->log_generation = log.generation;
    for (const auto& segment : log.segments) {
        const bool active = segment == log.segments.back();
        if (active ? segment->indexed() : !segment->persisted)
            work->segments.push_back(tails_of(log, *segment, active));
    }
    // Old epochs go when the log start that makes them old is durable: until then a crash may bring their records back.
    if (log.slot && log.epochs.truncate_start({log.slot->log_start_on_disk.load()})) log.epochs_written = false;
    if (!log.epochs_written) work->epochs = format_epochs(log.epochs.entries());
    if (log.resumed && log.snapshot_at != log.log_end()) {
        work->snapshot_at = log.log_end();
        work->snapshot = FileTail{log.at(segment_file_name(log.log_end(), FileKind::producer_snapshot)), 0,
                                  format_snapshot(log.producers), false};
    }
    return work;
}

/// Snapshots at the base of a segment serve truncation; of the others only the newest are of use.
void drop_obsolete_snapshots(PartitionLog::Parts& log, DerivedFiles& work) {
    auto all = log.snapshots;
    if (work.snapshot_at.value >= 0 && (all.empty() || all.back() < work.snapshot_at)) all.push_back(work.snapshot_at);
    if (all.size() <= snapshots_kept) return;
    all.resize(all.size() - snapshots_kept);
    for (const Offset at : all) {
        const auto number = log.segment_of(at);
        if (log.segments[number]->base_offset() == at) continue;
        work.obsolete.push_back(log.at(segment_file_name(at, FileKind::producer_snapshot)));
        std::erase(log.snapshots, at);
    }
}

/// Takes note, on the shard, of what a job has written.
void take_note(PartitionLog::Parts& log, const DerivedFiles& work) {
    if (!work.written || work.log_generation != log.generation) return;
    for (const auto& done : work.segments) {
        for (std::size_t i = 0; i < log.segments.size(); ++i) {
            auto& segment = *log.segments[i];
            if (segment.base_offset() != done.base) continue;
            segment.offsets_written = std::max(segment.offsets_written, done.offsets);
            segment.times_written = std::max(segment.times_written, done.times);
            segment.transactions_written = std::max(segment.transactions_written, done.transactions);
            if (segment.aborted_loaded && segment.aborted.size() == done.transactions) segment.aborted_stale = false;
            const bool whole =
                done.offsets == segment.offsets().view().size() && done.times == segment.times().view().size();
            if (i + 1 < log.segments.size() && whole) segment.persisted = true;
        }
    }
    if (work.snapshot_at.value >= 0) {
        log.snapshot_at = std::max(log.snapshot_at, work.snapshot_at);
        if (!std::ranges::binary_search(log.snapshots, work.snapshot_at)) {
            log.snapshots.push_back(work.snapshot_at);
            std::ranges::sort(log.snapshots);
        }
    }
    if (work.epochs && *work.epochs == format_epochs(log.epochs.entries())) log.epochs_written = true;
}

/// [pool] Finds the largest timestamps of old segments, from the oldest to the first that is too young to go.
class RetentionFacts final : public CheckpointWork {
public:
    RetentionFacts(PartitionLog::Parts& log, TimestampMs expired_before_ms)
        : disk_(log.disk),
          files_(log.files),
          directory_(log.path),
          interval_bytes_(log.config->index_interval_bytes),
          expired_before_ms_(expired_before_ms) {
        for (std::size_t i = 0; i < log.segments.size(); ++i) {
            const auto& segment = *log.segments[i];
            if (segment.size() == 0) break;
            asked_.push_back({segment.base_offset(), log.end_of(i), segment.size(),
                              segment.largest_known() ? segment.largest().timestamp_ms : -1});
        }
    }
    Result<> run() override {
        for (auto& each : asked_) {
            if (each.largest_ms < 0) {
                KLOG_TRY(each.largest_ms, largest_timestamp_of(disk_, files_, directory_, each.base, each.bytes,
                                                               each.end, interval_bytes_));
                found.emplace_back(each.base, each.largest_ms);
            }
            if (each.largest_ms >= expired_before_ms_) break;
        }
        return {};
    }
    std::vector<std::pair<Offset, TimestampMs>> found;

private:
    struct Asked {
        Offset base, end;
        std::uint64_t bytes;
        TimestampMs largest_ms;
    };
    os::Disk& disk_;
    DescriptorCache& files_;
    const std::string directory_;
    const std::int32_t interval_bytes_;
    const TimestampMs expired_before_ms_;
    std::vector<Asked> asked_;
};

}  // namespace

/// At a roll, so that indexes of closed segments do not pile up in memory until the next checkpoint.
void PartitionLog::Parts::persist_closed() {
    if (owner == nullptr) return;
    auto work = collect(*this);
    const auto noted = [held = slot, work] {
        held->owner->post([held, work] {
            if (held->client != nullptr) take_note(*static_cast<Parts*>(held->client), *work);
        });
    };
    directory.run_on_pool([work] { return work->run(); }, noted);
}

std::shared_ptr<CheckpointWork> PartitionLog::begin_checkpoint() {
    auto& log = *parts_;
    KLOG_CHECK(!log.lent, "the log is lent");
    if (!log.checkpoint.expired() || log.offline || log.closed) return nullptr;
    if (log.recovery_point() == log.flushed() || !log.resumed) return nullptr;
    auto work = collect(log);
    work->recovery_point = log.flushed();
    drop_obsolete_snapshots(log, *work);
    log.checkpoint = work;
    return work;
}

void PartitionLog::end_checkpoint(const std::shared_ptr<CheckpointWork>& work) {
    auto& log = *parts_;
    log.checkpoint.reset();
    const auto& files = static_cast<const DerivedFiles&>(*work);
    take_note(log, files);
    if (!files.written || files.log_generation != log.generation) return;
    // A segment that retention has given up, but that a crash would bring back, has no complete indexes: not past it.
    if (log.slot->log_start_on_disk.load() < log.segments.front()->base_offset().value) return;
    if (files.recovery_point > log.recovery_point()) log.set_recovery_point(files.recovery_point);
}

Result<> PartitionLog::close() {
    auto& log = *parts_;
    KLOG_CHECK(log.lent || log.owner == nullptr, "a log is closed on the pool");
    if (log.offline) return std::unexpected(*log.offline);
    if (log.closed) return {};
    const std::scoped_lock files(log.gate->mutex);  // A job that waits for it finds another generation afterwards.
    if (log.resumed) {
        log.active().seal();
        auto work = collect(log);
        drop_obsolete_snapshots(log, *work);
        if (auto written = work->write(false); !written) return std::unexpected(log.report(std::move(written).error()));
        take_note(log, *work);
    }
    ++log.gate->generation;
    log.closed = true;
    if (log.slot) log.slot->closed_end = log.log_end().value;
    return {};
}

Result<> PartitionLog::remove() {
    auto& log = *parts_;
    KLOG_CHECK(log.lent || log.owner == nullptr, "a log is removed on the pool");
    const std::scoped_lock files(log.gate->mutex);
    ++log.gate->generation;
    log.closed = true;
    log.directory.detach(log.slot);
    return log.directory.remove_partition(log.name);
}

void PartitionLog::Parts::take_retention_results() {
    if (!retention_results) return;
    for (const auto& [base, largest_ms] : static_cast<RetentionFacts&>(*retention_results).found)
        for (auto& segment : segments)
            if (segment->base_offset() == base && !segment->largest_known()) segment->set_largest(largest_ms);
    retention_results = nullptr;
}

std::shared_ptr<CheckpointWork> PartitionLog::retention_work(TimestampMs now_ms) {
    auto& log = *parts_;
    log.take_retention_results();
    if (!log.config->cleanup_delete || log.config->retention_ms < 0) return nullptr;
    const TimestampMs expired_before_ms = now_ms - log.config->retention_ms;
    for (std::size_t i = 0; i < log.segments.size(); ++i) {
        const auto& segment = *log.segments[i];
        if (segment.size() == 0) break;
        if (!segment.largest_known()) {
            log.retention_results = std::make_shared<RetentionFacts>(log, expired_before_ms);
            return log.retention_results;
        }
        if (segment.largest().timestamp_ms >= expired_before_ms) return nullptr;
    }
    return nullptr;
}

}  // namespace klog::log
