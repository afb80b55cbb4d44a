// SPDX-License-Identifier: Apache-2.0
// Appending, rolling, and telling the flush rounds about it.
#include <algorithm>
#include <limits>

#include "core/base/check.h"
#include "core/base/log.h"
#include "core/log/checkpoint_file.h"
#include "core/log/flush_rounds.h"
#include "core/log/log_parts.h"
#include "core/records/entry.h"

namespace klog::log {

using base::Errc;
using base::fail;
using base::LeaderEpoch;
using base::Offset;
using base::Result;
using records::BatchView;
using records::EndTransactionMarker;

namespace {

/// The marker in a control batch that is being appended, if it is one.
std::optional<EndTransactionMarker> marker_of(records::HeaderView header, std::string_view body) {
    if (!header.control() || header.compressed()) return std::nullopt;
    records::RecordIterator records(header, body);
    records::Record record;
    const auto there = records.next(record);
    if (!there || !*there) return std::nullopt;
    const auto marker = records::read_end_transaction(record);
    if (!marker) return std::nullopt;
    return *marker;
}

}  // namespace

Result<> PartitionLog::Parts::check_writable(std::uint64_t bytes) {
    KLOG_CHECK(!lent && !closed, "the log is the shard's");
    if (offline) return std::unexpected(*offline);
    if (directory.state() == DirectoryState::online) return {};
    if (const auto failure = directory.failure()) return std::unexpected(*failure);
    if (!directory.has_room_for(bytes)) return fail(Errc::no_space, "{}: the disk is full", directory.path());
    return {};
}

/// A new active segment. The indexes of the old one stay in memory until a job has written them.
Result<> PartitionLog::Parts::roll(Offset base_offset) {
    if (active().size() == 0 && active().base_offset() == base_offset) return {};
    if (!first_name_durable) {
        if (auto synced = disk.sync_directory(path); !synced) return std::unexpected(report(std::move(synced).error()));
        first_name_durable = true;
    }
    auto next = make_segment(base_offset, 0);
    const std::string file_path = at(*next, FileKind::log);
    auto file = files.get(file_path, os::Open::create);
    if (file) {
        // Left over from a roll that failed.
        if (const auto size = (*file)->size(); size && *size != 0)
            if (auto emptied = (*file)->truncate(0); !emptied) file = std::unexpected(std::move(emptied).error());
    }
    if (!file) return std::unexpected(report(std::move(file).error()));
    next->set_file(*file);
    next->resume();
    next->aborted_loaded = true;
    new_names = true;
    if (active().indexed()) {  // Otherwise they are on disk, complete, since the last clean stop.
        active().seal();
        active().persisted = false;
    }
    // The old file is in nobody's next mark otherwise.
    if (flushed() < log_end()) mark_for_flush();
    if (active().size() == 0) {
        // An empty segment at another base would only be a name without content.
        const std::string old = at(active(), FileKind::log);
        segments.pop_back();
        if (auto removed = remove_file(old); !removed) return std::unexpected(report(std::move(removed).error()));
    }
    segments.push_back(std::move(next));
    return {};
}

/// One write at the end of the active segment. When it fails the file is cut back to what it was.
Result<> PartitionLog::Parts::write(std::span<const std::string_view> what, std::uint64_t bytes) {
    auto file = active().file(files, path);
    if (!file) return std::unexpected(report(std::move(file).error()));
    const std::uint64_t position = active().size();
    auto written = (*file)->write_at(position, what);
    if (written) {
        active().checked().add(position, position + bytes);
        return {};
    }
    if (written.error().code == Errc::no_space) {
        if (auto cut = (*file)->truncate(position); !cut)
            directory.take_offline(cut.error());
        else
            mark_for_flush();  // So that the cut becomes durable.
    }
    return std::unexpected(report(std::move(written).error()));
}

void PartitionLog::Parts::mark_for_flush() {
    if (owner == nullptr) return;
    auto file = active().file(files, path);
    if (!file) {
        (void)report(std::move(file).error());
        return;
    }
    directory.flushes().mark(slot, std::move(*file), log_end(), generation, new_names ? path : std::string());
    if (new_names) directory.flushes().mark(slot, nullptr, log_end(), generation, directory.path());
    new_names = false;
    unflushed_records = 0;
    if (flush_timer != runtime::TimerId::none) owner->cancel_timer(flush_timer);
    flush_timer = runtime::TimerId::none;
}

void PartitionLog::Parts::flush_if_needed() {
    flush_due = false;
    if (!closed && flushed() < log_end()) mark_for_flush();
}

void PartitionLog::Parts::mark_dirty(std::int64_t records) {
    if (config->durability == Durability::fsync) return mark_for_flush();
    unflushed_records += records;
    if (unflushed_records >= config->flush_messages) return mark_for_flush();
    if (config->flush_ms == LogConfig::never || flush_timer != runtime::TimerId::none || owner == nullptr) return;
    const std::chrono::milliseconds wait(std::min(config->flush_ms, flush_ms_max));
    flush_timer = owner->set_timer(owner->now() + wait, [held = slot] {
        if (held->client == nullptr) return;
        auto& log = *static_cast<Parts*>(held->client);
        log.flush_timer = runtime::TimerId::none;
        log.flush_due = log.lent;  // Then when it comes back.
        if (!log.lent) log.flush_if_needed();
    });
}

Result<> PartitionLog::Parts::write_epochs() {
    if (epochs_written) return {};
    auto written = os::replace_file(disk, at(leader_epoch_name), format_epochs(epochs.entries()));
    if (!written) return std::unexpected(report(std::move(written).error()));
    gate->newest_epochs = ++gate->jobs_made;
    epochs_written = true;
    return {};
}

Result<> PartitionLog::Parts::resume_active() {
    auto& segment = active();
    if (!segment.indexed()) {
        KLOG_TRY(auto loaded, load_indexes(disk, files, path, segment.base_offset(), segment.size(), log_end(),
                                           config->index_interval_bytes));
        segment.set_indexes(std::move(loaded));
    }
    segment.resume();
    if (!segment.aborted_loaded) KLOG_TRY_VOID(load_aborted(segment, log_end()));
    if (segment.first_timestamp_known()) return {};
    KLOG_TRY(const auto file, segment.file(files, path));
    EntryScanner scanner(*file, 0, segment.size(), EntryScanner::Depth::headers);
    const auto entry = scanner.next();
    if (entry && *entry) segment.set_first_timestamp((*entry)->max_timestamp_ms);
    return {};
}

Result<> PartitionLog::Parts::resume() {
    if (resumed) return {};
    KLOG_TRY_VOID(resume_active());
    KLOG_TRY_VOID(load_producers(log_end()));
    KLOG_TRY_VOID(load_all_aborted());
    resumed = true;
    return {};
}

bool PartitionLog::ready_for_append(LeaderEpoch epoch) const {
    const auto latest = parts_->epochs.latest();
    return parts_->resumed && parts_->epochs_written && latest && latest->epoch >= epoch;
}

Result<> PartitionLog::prepare_append(LeaderEpoch epoch) {
    auto& log = *parts_;
    KLOG_TRY_VOID(begin_epoch(epoch));
    if (auto loaded = log.resume(); !loaded) return std::unexpected(log.report(std::move(loaded).error()));
    const std::scoped_lock files(log.gate->mutex);
    return log.write_epochs();
}

Result<> PartitionLog::roll() {
    auto& log = *parts_;
    KLOG_TRY_VOID(log.check_writable(0));
    KLOG_TRY_VOID(log.resume());
    if (log.active().size() == 0) return {};
    KLOG_TRY_VOID(log.roll(log.log_end()));
    log.persist_closed();
    return {};
}

/// Writes those of the run that were accepted, with one write, and takes them into the log's state.
Result<> PartitionLog::Parts::commit_run(std::span<LeaderAppend> run, std::uint64_t bytes, Offset next,
                                         base::TimestampMs max_timestamp_ms) {
    std::size_t batches = 0;
    pieces.clear();
    for (auto& append : run) {
        if (!append.outcome || append.outcome->duplicate) continue;
        pieces.push_back(append.batch->header.bytes());
        pieces.push_back(append.batch->body());
        ++batches;
    }
    if (active().should_roll(*config, bytes, batches, next - 1, max_timestamp_ms, clock.wall_ms())) {
        KLOG_TRY_VOID(roll(log_end()));
        persist_closed();
    }
    KLOG_TRY_VOID(write(pieces, bytes));
    std::int64_t records = 0;
    for (auto& append : run) {
        if (!append.outcome || append.outcome->duplicate) continue;
        const auto header = append.batch->header.view();
        if (active().size() == 0) active().set_first_timestamp(header.max_timestamp());
        active().note_entry(header.last_offset(), static_cast<std::uint32_t>(append.batch->size()),
                            header.max_timestamp(), config->index_interval_bytes);
        records += append.batch->count;
    }
    set_log_end(next);
    mark_dirty(records);
    return {};
}

namespace {

/// The batches of one call, taken one by one; those that fit into a segment are written together.
class LeaderRun {
public:
    LeaderRun(PartitionLog::Parts& log, std::span<LeaderAppend> batches, LeaderEpoch epoch)
        : log_(log), batches_(batches), epoch_(epoch), staging_(log.producers, log.now()), next_(log.log_end()) {}

    void take(std::size_t i) {
        auto& append = batches_[i];
        if (bytes_ + append.batch->size() > static_cast<std::uint64_t>(log_.config->segment_bytes)) commit(i);
        append.outcome = log_.accept(append, staging_, next_, epoch_);
        if (!append.outcome || append.outcome->duplicate) return;
        next_ = append.outcome->last_offset + 1;
        bytes_ += append.batch->size();
        max_timestamp_ms_ = std::max(max_timestamp_ms_, append.batch->header.view().max_timestamp());
    }

    /// Writes what was taken since the last time, up to `last`.
    void commit(std::size_t last) {
        if (bytes_ == 0) return;
        const auto run = batches_.subspan(first_, last - first_);
        auto done =
            failed_ ? Result<>(std::unexpected(*failed_)) : log_.commit_run(run, bytes_, next_, max_timestamp_ms_);
        if (done) {
            anything_written_ = true;
            staging_.commit([this](const CompletedTransaction& completed) { log_.note_completed(completed); });
        } else {
            failed_ = std::move(done).error();
            give_up(run);
        }
        staged_before_ = staging_.staged();
        first_ = last;
        bytes_ = 0;
        max_timestamp_ms_ = -1;
    }

    /// An error when nothing at all was written because a write failed.
    Result<> result() const {
        if (failed_ && !anything_written_) return std::unexpected(*failed_);
        return {};
    }

private:
    /// What was accepted but not written gets the error; nothing of it is left anywhere.
    void give_up(std::span<LeaderAppend> run) {
        staging_.unstage(staged_before_);
        next_ = log_.log_end();
        // A duplicate of a batch that was to be written with it has no original any more, either.
        for (auto& append : run)
            if (append.outcome && append.outcome->base_offset >= next_) append.outcome = std::unexpected(*failed_);
    }

    PartitionLog::Parts& log_;
    const std::span<LeaderAppend> batches_;
    const LeaderEpoch epoch_;
    ProducerAppend staging_;
    Offset next_;
    std::size_t first_ = 0, staged_before_ = 0;  // Of what is not written yet.
    std::uint64_t bytes_ = 0;
    base::TimestampMs max_timestamp_ms_ = -1;
    bool anything_written_ = false;
    std::optional<base::Error> failed_;  // Nothing is written any more.
};

}  // namespace

Result<> PartitionLog::append_as_leader(std::span<LeaderAppend> batches, LeaderEpoch epoch) {
    auto& log = *parts_;
    std::uint64_t total = 0;
    for (const auto& append : batches) total += append.batch->size();
    KLOG_TRY_VOID(log.check_writable(total));
    if (!ready_for_append(epoch)) KLOG_TRY_VOID(prepare_append(epoch));
    if (log.epochs.latest()->epoch > epoch)
        return fail(Errc::fenced_epoch, "{}: leader epoch {} is older than {}", log.name.to_string(), epoch,
                    log.epochs.latest()->epoch);
    LeaderRun run(log, batches, epoch);
    for (std::size_t i = 0; i < batches.size(); ++i) run.take(i);
    run.commit(batches.size());
    return run.result();
}

/// Checks one batch against its producer and stamps its header.
Result<AppendedBatch> PartitionLog::Parts::accept(LeaderAppend& append, ProducerAppend& staging, Offset next,
                                                  LeaderEpoch epoch) {
    auto& batch = *append.batch;
    if (batch.size() > static_cast<std::uint64_t>(config->segment_bytes))
        return fail(Errc::too_large, "{}: a batch of {} bytes, segments have {}", name.to_string(), batch.size(),
                    config->segment_bytes);
    const auto header = batch.header.view();
    const auto marker = marker_of(header, batch.body());
    KLOG_TRY(const auto repeated, staging.check(header, append.origin, marker));
    const bool stamped = header.timestamp_type() == records::TimestampType::log_append_time;
    // With the original's time, stamped or not (as UnifiedLog.append).
    if (repeated) return AppendedBatch{repeated->first_offset(), repeated->last_offset, repeated->timestamp_ms, true};
    batch.header.set_base_offset(next);
    batch.header.set_partition_leader_epoch(epoch);
    staging.stage(header, marker);
    return AppendedBatch{next, next + batch.last_offset_delta(), stamped ? header.max_timestamp() : -1, false};
}

Result<FollowerAppend> PartitionLog::append_as_follower(std::string_view batches) {
    auto& log = *parts_;
    KLOG_TRY_VOID(log.check_writable(batches.size()));
    if (auto loaded = log.resume(); !loaded) return std::unexpected(log.report(std::move(loaded).error()));
    FollowerAppend taken{log.log_end(), log.log_end() - 1, 0};
    std::string_view rest = batches;
    while (!rest.empty()) {
        KLOG_TRY(const auto run, log.measure_run(rest));
        if (run.bytes == 0) break;
        KLOG_TRY_VOID(log.append_run(rest.substr(0, run.bytes), run));
        if (taken.bytes == 0) taken.first_offset = run.first;
        taken.last_offset = run.last;
        taken.bytes += run.bytes;
        rest.remove_prefix(run.bytes);
    }
    return taken;
}

/// How many whole batches at the front of `rest` go into one segment together. Each is checked as a follower must.
Result<PartitionLog::Parts::FollowerRun> PartitionLog::Parts::measure_run(std::string_view rest) const {
    FollowerRun run;
    Offset expected = log_end();
    while (!rest.empty()) {
        const auto batch = BatchView::parse(rest);
        if (!batch && batch.error().code == Errc::truncated) break;  // The last one of a fetch may be cut off.
        auto good = batch ? records::check_replicated(*batch) : Result<>(std::unexpected(batch.error()));
        if (good && batch->base_offset() < expected)
            good = fail(Errc::offset_out_of_range, "{}: offset {} does not continue at {}", name.to_string(),
                        batch->base_offset(), expected);
        if (!good) {
            if (run.bytes != 0) break;  // What is good in front of it is taken first.
            return std::unexpected(std::move(good).error());
        }
        if (run.bytes != 0 && run.bytes + batch->size() > static_cast<std::uint64_t>(config->segment_bytes)) break;
        if (run.bytes == 0) run.first = batch->base_offset();
        if (batch->last_offset() - run.first > std::numeric_limits<std::int32_t>::max()) break;
        run.last = batch->last_offset();
        run.max_timestamp_ms = std::max(run.max_timestamp_ms, batch->max_timestamp());
        run.bytes += static_cast<std::uint32_t>(batch->size());
        ++run.batches;
        expected = batch->next_offset();
        rest.remove_prefix(batch->size());
    }
    return run;
}

Result<> PartitionLog::Parts::append_run(std::string_view bytes, const FollowerRun& run) {
    if (active().should_roll(*config, run.bytes, run.batches, run.last, run.max_timestamp_ms, clock.wall_ms())) {
        // Where offsets jump too far for the index of a segment, the new one starts where they go on.
        const bool jumps = run.last - log_end() > std::numeric_limits<std::int32_t>::max();
        KLOG_TRY_VOID(roll(jumps ? run.first : log_end()));
        persist_closed();
    }
    KLOG_TRY_VOID(write({&bytes, 1}, run.bytes));
    std::int64_t records = 0;
    for (std::string_view rest = bytes; !rest.empty();) {
        const auto batch = *BatchView::parse(rest);
        if (active().size() == 0) active().set_first_timestamp(batch.max_timestamp());
        active().note_entry(batch.last_offset(), static_cast<std::uint32_t>(batch.size()), batch.max_timestamp(),
                            config->index_interval_bytes);
        if (epochs.assign(batch.partition_leader_epoch(), batch.base_offset())) epochs_written = false;
        if (const auto completed = producers.apply(batch, marker_of(batch, batch.body()), now()))
            note_completed(*completed);
        records += batch.count();
        rest.remove_prefix(batch.size());
    }
    set_log_end(run.last + 1);
    mark_dirty(records);
    return {};
}

}  // namespace klog::log
