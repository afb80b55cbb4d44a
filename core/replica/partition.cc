// SPDX-License-Identifier: Apache-2.0
// The partition's state: leadership, offsets, appends and those who wait. What reads is in partition_read.cc; what
// opens, lends and closes the log is in partition_log_use.cc.
#include "core/replica/partition.h"

#include <algorithm>

#include "core/base/check.h"
#include "core/base/log.h"
#include "core/replica/high_watermark.h"

namespace klog::replica {

using base::Errc;
using base::Error;
using base::fail;
using base::Result;

Partition::Partition(PartitionSetup setup) : setup_(std::move(setup)) {}

Partition::~Partition() {
    // The flush timer holds a weak pointer only. A log that was not closed is as after a crash.
    if (log_) log_->set_listener(nullptr);
}

// ---- Leadership

void Partition::set_state(LeaderState state) {
    const bool moved = state.leader != state_.leader || state.leader_epoch != state_.leader_epoch;
    state_ = std::move(state);
    if (moved) {
        follower_ends_.clear();
        renew_queues();
        epoch_start_ = offsets_.log_end;
    }
    refresh();
    if (moved) watchers_.notify(change_leadership);
}

void Partition::set_config(std::shared_ptr<const log::LogConfig> config, std::int32_t min_insync_replicas) {
    setup_.config = std::move(config);
    setup_.min_insync_replicas = min_insync_replicas;
    if (log_ && !lent_) log_->set_config(setup_.config);  // Else when it is opened or comes back.
    refresh();
}

void Partition::renew_queues() {
    const Error moved{Errc::not_leader, name().to_string() + ": the leader has changed"};
    committed_->close(moved);
    durable_->close(moved);
    committed_ = std::make_shared<WaitQueue>();
    durable_ = std::make_shared<WaitQueue>();
}

/// Whether this broker can serve the partition at all.
Result<> Partition::usable() const {
    if (failure_) return fail(Errc::offline, "{}: {}", name().to_string(), failure_->message);
    if (stopped_) return fail(Errc::not_leader, "{}: no replica here any more", name().to_string());
    return {};
}

Result<> Partition::check_leader(std::optional<LeaderEpoch> current_leader_epoch) const {
    KLOG_TRY_VOID(usable());
    if (current_leader_epoch) {
        if (*current_leader_epoch < state_.leader_epoch) {
            return fail(Errc::fenced_epoch, "{}: leader epoch {} is over, now {}", name().to_string(),
                        *current_leader_epoch, state_.leader_epoch);
        }
        if (*current_leader_epoch > state_.leader_epoch) {
            return fail(Errc::unknown_epoch, "{}: leader epoch {} is not known here, still {}", name().to_string(),
                        *current_leader_epoch, state_.leader_epoch);
        }
    }
    if (!is_leader()) return fail(Errc::not_leader, "{}: led by broker {}", name().to_string(), state_.leader);
    return {};
}

std::int32_t Partition::in_sync_needed() const {
    const auto replicas = static_cast<std::int32_t>(state_.replicas.size());
    return std::min(setup_.min_insync_replicas, std::max(replicas, 1));
}

bool Partition::enough_in_sync() const { return std::ssize(state_.isr) >= in_sync_needed(); }

// ---- Offsets

/// Looks at the log and moves everything that follows from it. Whoever changed the log or the state calls it.
void Partition::refresh() {
    if (!log_ || lent_ || phase_ != Phase::open) return;
    Offsets next = offsets_;
    next.log_start = log_->log_start_offset();
    next.log_end = log_->log_end_offset();
    next.flushed_end = log_->flushed_offset();
    next.high_watermark = std::clamp(next.high_watermark, next.log_start, next.log_end);
    if (is_leader()) {
        const auto replicas = std::max(static_cast<std::int32_t>(state_.replicas.size()), 1);
        next.high_watermark = next_high_watermark({.self = setup_.self,
                                                   .own_end = log_->durable_end_offset(),
                                                   .follower_ends = follower_ends_,
                                                   .isr = state_.isr,
                                                   .proposed_isr = {},
                                                   .min_isr = std::min(setup_.min_insync_replicas, replicas),
                                                   .current = next.high_watermark});
    }
    next.stable = next.high_watermark;
    if (log_->ready_for_append(state_.leader_epoch)) {
        const auto unstable = log_->first_unstable_offset(next.high_watermark);
        if (unstable && *unstable) next.stable = std::clamp(**unstable, next.log_start, next.high_watermark);
    }
    set_offsets(next);
}

void Partition::set_offsets(Offsets next) {
    KLOG_CHECK(next.log_start <= next.stable && next.stable <= next.high_watermark, "log start <= stable <= HW");
    KLOG_CHECK(next.high_watermark <= next.log_end && next.flushed_end <= next.log_end, "HW, flushed <= log end");
    KLOG_CHECK(!is_leader() || next.high_watermark <= log_->durable_end_offset() ||
                   next.high_watermark <= offsets_.high_watermark,
               "what moves the HW is durable here");
    ChangeMask changed = 0;
    if (next.log_start != offsets_.log_start) changed |= change_log_start;
    if (next.stable != offsets_.stable) changed |= change_stable_offset;
    if (next.high_watermark != offsets_.high_watermark) changed |= change_high_watermark;
    if (next.log_end != offsets_.log_end) changed |= change_log_end;
    offsets_ = next;
    if (is_leader()) {
        durable_->reach(log_->durable_end_offset());
        if (enough_in_sync()) {
            committed_->reach(next.high_watermark);
        } else {
            committed_->reach(next.high_watermark,
                              fail(Errc::not_enough_replicas, "{}: {} replicas in sync after append",
                                   name().to_string(), state_.isr.size()));
        }
    }
    if (changed != 0) watchers_.notify(changed);
}

void Partition::flushed(Offset) { refresh(); }

void Partition::offline(const Error& why) {
    failure_ = why;
    const Error told{Errc::offline, name().to_string() + ": " + why.message};
    committed_->close(told);
    durable_->close(told);
    watchers_.notify(change_leadership);
}

bool Partition::report_high_watermark() {
    if (phase_ != Phase::open || offsets_.high_watermark == reported_high_watermark_) return false;
    reported_high_watermark_ = offsets_.high_watermark;
    setup_.directory->set_high_watermark(name(), offsets_.high_watermark);
    return true;
}

// ---- Produce

bool Partition::ready_for_append() const {
    return phase_ == Phase::open && !stopped_ && !lent_ && log_->ready_for_append(state_.leader_epoch);
}

Result<AppendPoint> Partition::append(std::span<log::LeaderAppend> batches, Acks acks) {
    KLOG_TRY_VOID(check_leader(std::nullopt));
    if (!ready_for_append()) return fail(Errc::not_leader, "{}: not prepared for an append", name().to_string());
    if (acks == Acks::all && !enough_in_sync()) {
        return fail(Errc::not_enough_replicas, "{}: {} replicas in sync, {} needed", name().to_string(),
                    state_.isr.size(), in_sync_needed());
    }
    KLOG_TRY_VOID(log_->append_as_leader(batches, state_.leader_epoch));
    refresh();
    return AppendPoint{state_.leader_epoch, offsets_.log_start};
}

Acknowledged Partition::acknowledged(Offset end, LeaderEpoch leader_epoch, Acks acks, runtime::MonotonicTime deadline) {
    if (acks == Acks::none) return Acknowledged(Result<>());
    if (auto served = usable(); !served) return Acknowledged(std::move(served));
    if (!is_leader() || leader_epoch != state_.leader_epoch) {
        return Acknowledged(fail(Errc::not_leader, "{}: the leader has changed", name().to_string()));
    }
    if (acks == Acks::leader) return Acknowledged(durable_, end, deadline);
    if (!enough_in_sync()) {
        return Acknowledged(fail(Errc::not_enough_replicas, "{}: {} replicas in sync after append", name().to_string(),
                                 state_.isr.size()));
    }
    return Acknowledged(committed_, end, deadline);
}

Registration Partition::watch(ChangeList& list, std::uint64_t token, ChangeMask mask) {
    return watchers_.add(list, token, mask);
}

std::uint64_t Partition::size_bytes() const { return log_ && !lent_ ? log_->size_bytes() : 0; }

}  // namespace klog::replica
