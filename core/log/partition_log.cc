// SPDX-License-Identifier: Apache-2.0
// Opening, closing, flushing and looking. The rest of the log is in append.cc, read.cc, lookup.cc, truncate.cc,
// checkpoint.cc and recover.cc.
#include "core/log/partition_log.h"

#include <algorithm>
#include <utility>

#include "core/base/check.h"
#include "core/base/log.h"
#include "core/log/flush_rounds.h"
#include "core/log/log_parts.h"
#include "core/log/retention.h"

namespace klog::log {

using base::Errc;
using base::Error;
using base::fail;
using base::LeaderEpoch;
using base::Offset;
using base::Result;
using base::TimestampMs;

PartitionLog::Parts::Parts(LogDirectory& in, PartitionName which, OpenOptions how)
    : directory(in),
      disk(in.disk()),
      files(in.files()),
      name(std::move(which)),
      path(in.partition_path(name)),
      topic_id(how.topic_id),
      config(std::move(how.config)),
      owner(how.owner),
      clock(how.owner != nullptr ? how.owner->clock() : in.runtime().clock()),
      listener(how.listener) {}

PartitionLog::Parts::~Parts() {
    if (flush_timer != runtime::TimerId::none) owner->cancel_timer(flush_timer);
    ++gate->generation;
    if (!slot) return;
    slot->client = nullptr;
    directory.detach(slot);
}

void PartitionLog::Parts::check_order() const {
    KLOG_CHECK(log_start_ <= log_end_, "log start <= log end");
    KLOG_CHECK(flushed_ <= log_end_, "flushed <= log end");
    KLOG_CHECK(recovery_point_ <= flushed_, "recovery point <= flushed");
}

void PartitionLog::Parts::set_log_start(Offset to) {
    KLOG_CHECK(to >= log_start_, "a log start only rises");
    log_start_ = to;
    check_order();
    if (slot) slot->log_start = to.value;
    forget_damage(to, log_end_);
}

void PartitionLog::Parts::set_log_end(Offset to) {
    KLOG_CHECK(to >= log_end_, "an append moves the end on");
    log_end_ = to;
}

void PartitionLog::Parts::set_flushed(Offset to) {
    KLOG_CHECK(to >= flushed_, "what is flushed stays flushed");
    flushed_ = to;
    check_order();
}

void PartitionLog::Parts::set_recovery_point(Offset to) {
    recovery_point_ = to;
    check_order();
    if (slot) slot->recovery_point = to.value;
}

void PartitionLog::Parts::set_offsets(Offset start, Offset end, Offset flushed, Offset recovery_point) {
    log_start_ = start;
    log_end_ = end;
    flushed_ = flushed;
    recovery_point_ = recovery_point;
    check_order();
    if (!slot) return;
    slot->recovery_point = recovery_point.value;
    slot->log_start = start.value;
}

void PartitionLog::Parts::note_damage(Damage damage) {
    if (damage.offset >= damage.end || damage.end <= log_start_) return;
    if (damages.size() == damages_max) return;
    if (std::ranges::find(damages, damage.offset, &Damage::offset) != damages.end()) return;
    base::log_error("{}: damaged: offsets {} to {} cannot be read: {}", name.to_string(), damage.offset, damage.end - 1,
                    damage.error.message);
    damages.push_back(std::move(damage));
    if (damages.size() == damages_max)
        base::log_error("{}: more damage of this partition is not listed", name.to_string());
}

const Damage* PartitionLog::Parts::damage_at(Offset offset) const {
    for (const auto& each : damages)
        if (each.offset <= offset && offset < each.end) return &each;
    return nullptr;
}

void PartitionLog::Parts::forget_damage(Offset start, Offset end) {
    std::erase_if(damages, [&](const Damage& each) { return each.end <= start || each.offset >= end; });
    for (auto& each : damages) each.end = std::min(each.end, end);
}

std::size_t PartitionLog::Parts::segment_of(Offset offset) const {
    const auto later =
        std::ranges::upper_bound(segments, offset, {}, [](const auto& each) { return each->base_offset(); });
    return later == segments.begin() ? 0 : static_cast<std::size_t>(later - segments.begin()) - 1;
}

Offset PartitionLog::Parts::end_of(std::size_t segment) const {
    return segment + 1 < segments.size() ? segments[segment + 1]->base_offset() : log_end_;
}

std::int64_t PartitionLog::Parts::random_jitter() {
    const std::int64_t bound = std::min(config->segment_jitter_ms, config->segment_ms);
    return bound <= 0 ? 0 : static_cast<std::int64_t>(directory.next_random() % static_cast<std::uint64_t>(bound));
}

std::unique_ptr<Segment> PartitionLog::Parts::make_segment(Offset base_offset, std::uint64_t size_bytes) {
    return std::make_unique<Segment>(base_offset, size_bytes, clock.wall_ms(), random_jitter());
}

void PartitionLog::Parts::flush_done(Offset end, std::uint64_t of_generation) {
    if (lent) {
        waiting_flush = FlushResult{end, of_generation};
        return;
    }
    first_name_durable = true;
    if (of_generation != generation || end <= flushed_) return;
    set_flushed(std::min(end, log_end_));
    if (listener != nullptr) listener->flushed(flushed_);
}

void PartitionLog::Parts::directory_offline(const Error& why) {
    if (lent) {  // The job on the pool may be looking at it.
        waiting_offline = why;
        return;
    }
    offline = why;
    if (listener != nullptr) listener->offline(why);
}

PartitionLog::PartitionLog(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
PartitionLog::~PartitionLog() = default;

Result<std::unique_ptr<PartitionLog>> PartitionLog::open(LogDirectory& directory, const PartitionName& name,
                                                         OpenOptions options) {
    KLOG_CHECK(options.config != nullptr, "a log has a configuration");
    if (const auto failure = directory.failure()) return std::unexpected(*failure);
    auto parts = std::make_unique<Parts>(directory, name, std::move(options));
    auto opened = parts->open_directory();
    if (opened) opened = parts->recover();
    if (!opened) return std::unexpected(parts->report(std::move(opened).error()));
    parts->slot = directory.attach(name, parts->owner, parts.get(), parts->recovery_point(), parts->log_start());
    if (!parts->slot) return std::unexpected(*directory.failure());
    // Nobody else knows the log yet but to tell it of a failure; its shard gets it with the result of this call.
    auto* const opened_parts = parts.get();
    std::unique_ptr<PartitionLog> log(new PartitionLog(std::move(parts)));
    // From here on a flush round may report to the shard.
    if (opened_parts->new_names) opened_parts->mark_for_flush();
    return log;
}

const PartitionName& PartitionLog::name() const { return parts_->name; }
const base::Uuid& PartitionLog::topic_id() const { return parts_->topic_id; }
LogDirectory& PartitionLog::directory() const { return parts_->directory; }
const LogConfig& PartitionLog::config() const { return *parts_->config; }
void PartitionLog::set_config(std::shared_ptr<const LogConfig> config) { parts_->config = std::move(config); }
void PartitionLog::set_listener(Listener* listener) {
    parts_->listener = listener;
    if (listener != nullptr && parts_->offline) listener->offline(*parts_->offline);
}

Offset PartitionLog::log_start_offset() const { return parts_->log_start(); }
Offset PartitionLog::log_end_offset() const { return parts_->log_end(); }
Offset PartitionLog::flushed_offset() const { return parts_->flushed(); }
Offset PartitionLog::recovery_point() const { return parts_->recovery_point(); }
Offset PartitionLog::durable_end_offset() const {
    return parts_->config->durability == Durability::fsync ? parts_->flushed() : parts_->log_end();
}

std::optional<Damage> PartitionLog::damage() const {
    const auto& all = parts_->damages;
    const auto first = std::ranges::min_element(all, {}, &Damage::offset);
    return first == all.end() ? std::nullopt : std::optional(*first);
}

void PartitionLog::request_flush() { parts_->flush_if_needed(); }

std::optional<EpochEntry> PartitionLog::latest_epoch() const { return parts_->epochs.latest(); }
EpochEnd PartitionLog::end_offset_for_epoch(LeaderEpoch epoch) const {
    return parts_->epochs.end_offset_for(epoch, parts_->log_end());
}
std::optional<LeaderEpoch> PartitionLog::epoch_for_offset(Offset offset) const {
    return parts_->epochs.epoch_at(offset);
}
std::vector<EpochEntry> PartitionLog::epochs() const { return parts_->epochs.entries(); }

Result<> PartitionLog::begin_epoch(LeaderEpoch epoch) {
    const auto latest = parts_->epochs.latest();
    if (latest && latest->epoch > epoch)
        return fail(Errc::fenced_epoch, "{}: leader epoch {} is older than {}", parts_->name.to_string(), epoch,
                    latest->epoch);
    if (parts_->epochs.assign(epoch, parts_->log_end())) parts_->epochs_written = false;
    return {};
}

Result<> PartitionLog::delete_records_before(Offset offset) {
    auto& log = *parts_;
    KLOG_CHECK(!log.lent, "the log is lent");
    if (offset > log.log_end())
        return fail(Errc::offset_out_of_range, "{}: offset {} is beyond the end {}", log.name.to_string(), offset,
                    log.log_end());
    if (offset <= log.log_start()) return {};
    log.set_log_start(offset);
    return {};
}

std::size_t PartitionLog::apply_retention(TimestampMs now_ms, Offset upper_bound) {
    auto& log = *parts_;
    KLOG_CHECK(!log.lent, "the log is lent");
    log.take_retention_results();
    if (log.offline) return 0;
    std::vector<RetentionSegment> facts;
    for (std::size_t i = 0; i < log.segments.size(); ++i) {
        const auto& segment = *log.segments[i];
        facts.push_back({log.end_of(i), segment.size(), segment.largest_known() ? segment.largest().timestamp_ms : -1});
    }
    const auto& config = *log.config;
    const RetentionRules rules{config.cleanup_delete, config.retention_ms, config.retention_bytes, log.log_start(),
                               upper_bound};
    std::size_t count = segments_to_remove(facts, rules, now_ms);
    if (count == 0) return 0;
    // What was last seen of producers must be in a snapshot before the batches that say it go.
    while (count > 0 && !log.producers.empty() && log.end_of(count - 1) > log.snapshot_at) --count;
    if (count == log.segments.size() && !log.roll(log.log_end())) --count;
    if (count == 0) return 0;
    std::vector<std::string> paths;
    for (std::size_t i = 0; i < count; ++i) {
        for (const auto kind : {FileKind::log, FileKind::offset_index, FileKind::time_index,
                                FileKind::transaction_index, FileKind::producer_snapshot})
            paths.push_back(log.at(*log.segments[i], kind));
        std::erase(log.snapshots, log.segments[i]->base_offset());
    }
    log.segments.erase(log.segments.begin(), log.segments.begin() + static_cast<std::ptrdiff_t>(count));
    log.set_log_start(std::max(log.log_start(), log.segments.front()->base_offset()));
    log.directory.remove_later(std::move(paths), log.gate, std::chrono::milliseconds(config.file_delete_delay_ms),
                               log.owner);
    return count;
}

void PartitionLog::expire_producers(TimestampMs) {
    parts_->producers.expire(parts_->now() - std::chrono::milliseconds(parts_->config->producer_id_expiration_ms));
}

std::uint64_t PartitionLog::size_bytes() const {
    std::uint64_t bytes = 0;
    for (const auto& segment : parts_->segments) bytes += segment->size();
    return bytes;
}

std::vector<SegmentInfo> PartitionLog::segments() const {
    std::vector<SegmentInfo> all;
    for (const auto& segment : parts_->segments)
        all.push_back({segment->base_offset(), segment->size(), segment->largest().timestamp_ms});
    return all;
}

Result<std::vector<ProducerInfo>> PartitionLog::producers() {
    KLOG_TRY_VOID(parts_->resume());
    std::vector<ProducerInfo> all;
    for (const auto& [id, entry] : parts_->producers.sorted())
        all.push_back({id, entry.epoch, entry.last_sequence(), entry.last_timestamp_ms, entry.coordinator_epoch,
                       entry.transaction_start});
    return all;
}

Result<std::optional<Offset>> PartitionLog::first_unstable_offset(Offset high_watermark) {
    KLOG_TRY_VOID(parts_->resume());
    return parts_->producers.first_unstable(high_watermark);
}

Result<std::vector<AbortedTransaction>> PartitionLog::aborted_transactions(Offset from, Offset to) {
    auto& log = *parts_;
    KLOG_TRY_VOID(log.resume());
    std::vector<AbortedTransaction> found;
    if (!log.any_aborted) return found;
    // A marker may lie in a later segment than the records; the walk ends where the stable offset has passed the range.
    for (std::size_t i = log.segment_of(from); i < log.segments.size(); ++i) {
        for (const auto& each : log.segments[i]->aborted) {
            if (each.last_offset >= from && each.first_offset < to) found.push_back(each);
            if (each.last_stable_offset >= to) return found;
        }
    }
    return found;
}

void PartitionLog::lend() {
    KLOG_CHECK(!parts_->lent, "a log is lent once");
    parts_->lent = true;
}

void PartitionLog::take_back() {
    KLOG_CHECK(parts_->lent, "the log was lent");
    parts_->lent = false;
    if (const auto result = std::exchange(parts_->waiting_flush, std::nullopt))
        parts_->flush_done(result->end, result->generation);
    if (parts_->flush_due) parts_->flush_if_needed();
    if (const auto why = std::exchange(parts_->waiting_offline, std::nullopt)) parts_->directory_offline(*why);
}

}  // namespace klog::log
