// SPDX-License-Identifier: Apache-2.0
// How a partition opens its log, lends it to the pool and ends it.
#include "core/base/log.h"
#include "core/replica/partition.h"

namespace klog::replica {

using base::Errc;
using base::fail;
using base::Result;
using runtime::Task;

// ---- Opening

Task<Result<>> Partition::ensure_open() { return open_log(shared_from_this()); }

Task<Result<>> Partition::open_log(Self self) {
    while (self->phase_ == Phase::opening) co_await self->log_changed_.wait();
    KLOG_CO_TRY_VOID(self->usable());
    if (self->phase_ == Phase::open) co_return Result<>();

    self->phase_ = Phase::opening;
    log::OpenOptions options;
    options.config = self->setup_.config;
    options.owner = self->setup_.owner;
    options.topic_id = self->setup_.key.topic_id;
    auto opened = co_await runtime::on_pool(self->setup_.runtime->pool(),
                                            [directory = self->setup_.directory, name = self->name(), options] {
                                                return log::PartitionLog::open(*directory, name, options);
                                            });
    if (!opened) {
        const bool may_pass = opened.error().code == Errc::no_space || opened.error().code == Errc::limit;
        self->phase_ = may_pass ? Phase::unopened : Phase::failed;
        self->log_changed_.notify_all();
        base::log_error("{}: the log cannot be opened: {}", self->name().to_string(), opened.error().message);
        if (!may_pass) self->offline(opened.error());
        co_return std::unexpected(std::move(opened).error());
    }
    self->log_ = *std::move(opened);
    self->phase_ = Phase::open;
    self->log_->set_listener(self.get());
    self->log_->set_config(self->setup_.config);
    if (const auto known = self->setup_.directory->checkpointed_high_watermark(self->name())) {
        self->offsets_.high_watermark = *known;  // refresh() keeps it within the log.
    }
    self->epoch_start_ = self->log_->log_end_offset();
    self->refresh();
    self->log_changed_.notify_all();
    self->watchers_.notify(change_leadership);  // What was answered before knew nothing of the log.
    co_return Result<>();
}

Task<Result<>> Partition::serving(Self self, std::optional<LeaderEpoch> current_leader_epoch) {
    for (;;) {
        KLOG_CO_TRY_VOID(self->check_leader(current_leader_epoch));
        if (self->phase_ != Phase::open) {
            KLOG_CO_TRY_VOID(co_await open_log(self));
        } else if (self->lent_) {
            co_await self->log_changed_.wait();
        } else {
            co_return Result<>();
        }
    }
}

// ---- Lending

/// Runs the work on the pool with the log to itself.
Task<Result<>> Partition::lent(Self self, std::function<Result<>(log::PartitionLog&)> work) {
    while (self->lent_) co_await self->log_changed_.wait();
    if (!self->log_) co_return fail(Errc::closed, "{}: the log is closed", self->name().to_string());
    self->lent_ = true;
    self->log_->lend();
    auto done = co_await runtime::on_pool(self->setup_.runtime->pool(),
                                          [log = self->log_.get(), work = std::move(work)] { return work(*log); });
    self->log_->take_back();
    self->lent_ = false;
    if (self->phase_ == Phase::open) self->log_->set_config(self->setup_.config);
    self->refresh();
    self->log_changed_.notify_all();
    co_return done;
}

Task<Result<>> Partition::prepare_append() { return prepare(shared_from_this()); }

Task<Result<>> Partition::prepare(Self self) {
    for (;;) {
        KLOG_CO_TRY_VOID(co_await serving(self, std::nullopt));
        const LeaderEpoch epoch = self->state_.leader_epoch;
        if (self->log_->ready_for_append(epoch)) co_return Result<>();
        KLOG_CO_TRY_VOID(co_await lent(self, [epoch](log::PartitionLog& log) { return log.prepare_append(epoch); }));
        // The epoch may have moved on meanwhile; then once more.
    }
}

// ---- Ending

void Partition::stop() {
    if (stopped_) return;
    stopped_ = true;
    const base::Error gone{Errc::not_leader, name().to_string() + ": no replica here any more"};
    committed_->close(gone);
    durable_->close(gone);
    state_.leader = base::no_node;
    watchers_.notify(change_leadership);
}

Task<Result<>> Partition::close() { return end_log(shared_from_this(), false); }
Task<Result<>> Partition::remove() { return end_log(shared_from_this(), true); }

Task<Result<>> Partition::end_log(Self self, bool remove) {
    while (self->phase_ == Phase::opening || self->lent_) co_await self->log_changed_.wait();
    self->phase_ = Phase::ended;
    if (!self->log_) {
        if (!remove) co_return Result<>();
        co_return co_await runtime::on_pool(
            self->setup_.runtime->pool(),
            [directory = self->setup_.directory, name = self->name()] { return directory->remove_partition(name); });
    }
    auto ended = co_await lent(self, [remove](log::PartitionLog& log) { return remove ? log.remove() : log.close(); });
    self->log_->set_listener(nullptr);
    self->log_.reset();
    co_return ended;
}

// ---- Background work

Task<void> Partition::apply_retention(base::TimestampMs now_ms) { return retain(shared_from_this(), now_ms); }

Task<void> Partition::retain(Self self, base::TimestampMs now_ms) {
    if (self->phase_ != Phase::open || self->lent_) co_return;
    if (const auto work = self->log_->retention_work(now_ms)) {
        const auto done = co_await runtime::on_pool(self->setup_.runtime->pool(), [work] { return work->run(); });
        if (!done || self->phase_ != Phase::open || self->lent_) co_return;
    }
    const auto removed = self->log_->apply_retention(now_ms, self->offsets_.high_watermark);
    if (removed == 0) co_return;
    base::log_debug("{}: {} old segments removed, the log starts at {}", self->name().to_string(), removed,
                    self->log_->log_start_offset());
    self->refresh();
}

Task<Result<>> Partition::checkpoint() { return move_recovery_point(shared_from_this()); }

Task<Result<>> Partition::move_recovery_point(Self self) {
    if (self->phase_ != Phase::open || self->lent_) co_return Result<>();
    const auto work = self->log_->begin_checkpoint();
    if (!work) co_return Result<>();
    KLOG_CO_TRY_VOID(co_await runtime::on_pool(self->setup_.runtime->pool(), [work] { return work->run(); }));
    if (self->phase_ == Phase::open && !self->lent_) self->log_->end_checkpoint(work);
    co_return Result<>();
}

void Partition::expire_producers(base::TimestampMs now_ms) {
    if (phase_ == Phase::open && !lent_) log_->expire_producers(now_ms);
}

}  // namespace klog::replica
