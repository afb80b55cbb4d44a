// SPDX-License-Identifier: Apache-2.0
// What reads a partition's log: fetches, offsets by time, ends of epochs, and moving the log start.
#include <algorithm>

#include "core/replica/partition.h"

namespace klog::replica {

using base::Errc;
using base::fail;
using base::Result;
using runtime::Task;

namespace {

constexpr LeaderEpoch undefined_epoch = base::no_leader_epoch;
constexpr Offset undefined_offset{-1};

}  // namespace

Offset Partition::upper_bound(Isolation isolation) const {
    switch (isolation) {
        case Isolation::read_uncommitted: return offsets_.high_watermark;
        case Isolation::read_committed: return offsets_.stable;
        case Isolation::log_end: return offsets_.log_end;
    }
    return offsets_.stable;
}

// ---- Fetch

Task<Result<ReadResult>> Partition::read(ReadRequest request) { return read_log(shared_from_this(), request); }

Task<Result<ReadResult>> Partition::read_log(Self self, ReadRequest request) {
    KLOG_CO_TRY_VOID(co_await serving(self, request.current_leader_epoch));
    // Open transactions are known only once the producers' state is loaded.
    if (request.isolation == Isolation::read_committed && !self->ready_for_append()) {
        KLOG_CO_TRY_VOID(co_await prepare(self));
        KLOG_CO_TRY_VOID(co_await serving(self, request.current_leader_epoch));
    }
    if (request.last_fetched_epoch) {
        if (self->epoch_end(*request.last_fetched_epoch).end_offset == undefined_offset)
            co_return fail(Errc::offset_out_of_range, "the end of leader epoch {} is not known here",
                           request.last_fetched_epoch->value);
        if (const auto diverging = self->divergence(request)) {
            ReadResult result = self->answer(request, {}).value_or(ReadResult{});
            result.diverging = diverging;
            co_return result;
        }
    }
    auto found = self->log_->read({.from = request.from,
                                   .bytes_max = request.bytes_max,
                                   .upper_bound = self->upper_bound(request.isolation),
                                   .at_least_one_batch = request.first_batch_always});
    if (!found) co_return std::unexpected(std::move(found).error());
    if (found->cold) {
        const auto cold = found->cold;
        co_await runtime::on_pool(self->setup_.runtime->pool(), [cold] { cold->run(); });
        KLOG_CO_TRY_VOID(co_await serving(self, request.current_leader_epoch));
        found = self->log_->finish_read(cold);
        if (!found) co_return std::unexpected(std::move(found).error());
    }
    co_return self->answer(request, *std::move(found));
}

Result<ReadResult> Partition::answer(const ReadRequest& request, log::ReadResult found) {
    // What is before damage is answered; the next read meets it.
    if (found.damage && found.slices.empty()) return std::unexpected(*std::move(found.damage));
    ReadResult result;
    result.high_watermark = offsets_.high_watermark;
    result.stable = offsets_.stable;
    result.log_start = offsets_.log_start;
    result.bytes = found.bytes;
    if (request.isolation == Isolation::read_committed && !found.slices.empty()) {
        KLOG_TRY(const auto aborted, log_->aborted_transactions(request.from, found.next));
        for (const auto& one : aborted) result.aborted.push_back({one.producer_id, one.first_offset});
    }
    result.slices = std::move(found.slices);
    return result;
}

/// KIP-595: the sender's last epoch, which is known, ends here before its position.
std::optional<EpochEnd> Partition::divergence(const ReadRequest& request) const {
    const EpochEnd ours = epoch_end(*request.last_fetched_epoch);
    if (ours.epoch < *request.last_fetched_epoch || ours.end_offset < request.from) return ours;
    return std::nullopt;
}

std::uint64_t Partition::bytes_available(Offset from, Isolation isolation) const {
    if (!usable()) return bytes_unknown;  // A read tells why.
    if (phase_ != Phase::open || lent_) return bytes_unknown;
    const Offset bound = upper_bound(isolation);
    if (from >= bound && from <= offsets_.log_end) return 0;
    const auto found =
        log_->read({.from = from, .bytes_max = INT32_MAX, .upper_bound = bound, .at_least_one_batch = true});
    if (!found || found->cold) return bytes_unknown;
    return found->bytes;
}

// ---- Offsets by time

Task<Result<OffsetAtTime>> Partition::list_offsets(std::int64_t timestamp, Isolation isolation,
                                                   std::optional<LeaderEpoch> current_leader_epoch) {
    return find_offset(shared_from_this(), timestamp, isolation, current_leader_epoch);
}

Task<Result<OffsetAtTime>> Partition::find_offset(Self self, std::int64_t timestamp, Isolation isolation,
                                                  std::optional<LeaderEpoch> current_leader_epoch) {
    KLOG_CO_TRY_VOID(co_await serving(self, current_leader_epoch));
    if (isolation == Isolation::read_committed && !self->ready_for_append()) {
        KLOG_CO_TRY_VOID(co_await prepare(self));
        KLOG_CO_TRY_VOID(co_await serving(self, current_leader_epoch));
    }
    const Offset bound = self->upper_bound(isolation);
    const auto& log = self->log_;
    if (timestamp >= 0) co_return co_await look_up(self, log->lookup_timestamp(timestamp, bound), bound);
    switch (static_cast<SpecialTimestamp>(timestamp)) {
        case SpecialTimestamp::latest:
            KLOG_CO_TRY_VOID(self->commit_known());
            co_return OffsetAtTime{-1, bound, self->state_.leader_epoch};
        case SpecialTimestamp::earliest:
        case SpecialTimestamp::earliest_local: {
            const Offset start = self->offsets_.log_start;
            co_return OffsetAtTime{-1, start, log->epoch_for_offset(start).value_or(self->state_.leader_epoch)};
        }
        case SpecialTimestamp::max_timestamp: co_return co_await look_up(self, log->lookup_max_timestamp(bound), bound);
        // There is no remote storage: nothing was ever moved there, and nothing waits for it.
        case SpecialTimestamp::latest_tiered:
        case SpecialTimestamp::earliest_pending_upload: co_return OffsetAtTime{};
    }
    co_return fail(Errc::invalid_argument, "timestamp {} has no meaning", timestamp);
}

/// KIP-207: a new leader does not say that something is not there before it knows how far its predecessor committed.
Result<> Partition::commit_known() const {
    if (offsets_.high_watermark >= epoch_start_) return {};
    return fail(Errc::offset_not_available, "{}: high watermark {} is below {}, where leader epoch {} began",
                name().to_string(), offsets_.high_watermark, epoch_start_, state_.leader_epoch);
}

Task<Result<OffsetAtTime>> Partition::look_up(Self self, std::shared_ptr<log::TimestampLookup> lookup, Offset bound) {
    KLOG_CO_TRY(const auto found,
                co_await runtime::on_pool(self->setup_.runtime->pool(), [lookup] { return lookup->run(); }));
    if (!found || found->offset >= bound) {
        KLOG_CO_TRY_VOID(self->commit_known());
        co_return OffsetAtTime{};
    }
    co_return OffsetAtTime{found->timestamp_ms, found->offset, found->epoch};
}

// ---- Epochs

EpochEnd Partition::epoch_end(LeaderEpoch epoch) const {
    if (epoch == undefined_epoch || epoch > state_.leader_epoch) return {};
    // The log learns of the current epoch with its first append; until then it is empty and ends at the log's end.
    if (epoch == state_.leader_epoch) return {epoch, offsets_.log_end};
    const auto end = log_->end_offset_for_epoch(epoch);
    return {end.epoch, end.end_offset};
}

Task<Result<EpochEnd>> Partition::end_offset_for_epoch(LeaderEpoch epoch,
                                                       std::optional<LeaderEpoch> current_leader_epoch) {
    return find_epoch_end(shared_from_this(), epoch, current_leader_epoch);
}

Task<Result<EpochEnd>> Partition::find_epoch_end(Self self, LeaderEpoch epoch,
                                                 std::optional<LeaderEpoch> current_leader_epoch) {
    KLOG_CO_TRY_VOID(co_await serving(self, current_leader_epoch));
    co_return self->epoch_end(epoch);
}

// ---- DeleteRecords

Task<Result<Offset>> Partition::delete_records(Offset before) { return move_log_start(shared_from_this(), before); }

Task<Result<Offset>> Partition::move_log_start(Self self, Offset before) {
    KLOG_CO_TRY_VOID(co_await serving(self, std::nullopt));
    const Offset bound = self->offsets_.high_watermark;
    if (before == Offset{-1}) before = bound;
    if (before < Offset{0} || before > bound) {
        co_return fail(Errc::offset_out_of_range, "{}: cannot delete before {}, the high watermark is {}",
                       self->name().to_string(), before, bound);
    }
    KLOG_CO_TRY_VOID(self->log_->delete_records_before(before));
    self->refresh();
    const Offset start = self->offsets_.log_start;
    auto* directory = self->setup_.directory;
    KLOG_CO_TRY_VOID(
        co_await runtime::on_pool(self->setup_.runtime->pool(), [directory] { return directory->write_log_starts(); }));
    co_return start;
}

}  // namespace klog::replica
