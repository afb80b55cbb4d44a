// SPDX-License-Identifier: Apache-2.0
#include "core/log/producer_state.h"

#include <algorithm>
#include <ranges>

namespace klog::log {

using base::Errc;
using base::fail;
using base::MonotonicTime;
using base::Offset;
using base::ProducerEpoch;
using base::ProducerId;
using base::Result;
using records::EndTransactionMarker;
using records::HeaderView;

namespace {

/// What one batch does to the entry of its producer.
std::optional<CompletedTransaction> apply_to(ProducerEntry& entry, HeaderView batch,
                                             const std::optional<EndTransactionMarker>& marker, MonotonicTime now) {
    entry.seen = now;
    if (batch.producer_epoch() != entry.epoch) entry.begin_epoch(batch.producer_epoch());
    if (batch.control()) {
        if (!marker) return std::nullopt;  // A control record that does not end a transaction.
        entry.last_timestamp_ms = batch.max_timestamp();
        entry.coordinator_epoch = marker->coordinator_epoch;
        if (!entry.transaction_start) return std::nullopt;
        const CompletedTransaction completed{batch.producer_id(), *entry.transaction_start, batch.last_offset(),
                                             !marker->commit};
        entry.transaction_start.reset();
        return completed;
    }
    entry.last_timestamp_ms = batch.max_timestamp();
    entry.remember({batch.last_sequence(), batch.last_offset(), batch.last_offset_delta(), batch.max_timestamp()});
    if (batch.transactional() && !entry.transaction_start) entry.transaction_start = batch.base_offset();
    return std::nullopt;
}

bool in_sequence(std::int32_t last, std::int32_t next) { return next == records::sequence_plus(last, 1); }

/// Kafka's ProducerAppendInfo.checkSequence.
Result<> check_sequence(const ProducerEntry& entry, HeaderView batch) {
    const std::int32_t first = batch.base_sequence();
    if (batch.producer_epoch() != entry.epoch) {
        if (first == 0 || entry.epoch == records::no_producer_epoch) return {};
        return fail(Errc::out_of_order_sequence, "producer {}: a new epoch {} starts with sequence {}",
                    batch.producer_id(), batch.producer_epoch(), first);
    }
    // A producer of whom only a marker is known: Kafka takes -1 as what was last seen, so that 0 follows.
    if (in_sequence(entry.last_sequence(), first)) return {};
    return fail(Errc::out_of_order_sequence, "producer {}: sequence {} follows {}", batch.producer_id(), first,
                entry.last_sequence());
}

}  // namespace

const BatchMark* ProducerEntry::find_duplicate(ProducerEpoch wanted, std::int32_t first, std::int32_t last) const {
    if (wanted != epoch) return nullptr;
    for (const BatchMark& batch : remembered())
        if (batch.first_sequence() == first && batch.last_sequence == last) return &batch;
    return nullptr;
}

void ProducerEntry::remember(const BatchMark& batch) {
    if (batch_count == batches_max) {
        std::shift_left(batches.begin(), batches.end(), 1);
        --batch_count;
    }
    batches[batch_count++] = batch;
}

void ProducerEntry::begin_epoch(ProducerEpoch next) {
    epoch = next;
    batch_count = 0;
}

const ProducerEntry* ProducerState::find(ProducerId id) const {
    const auto found = entries_.find(id);
    return found == entries_.end() ? nullptr : &found->second;
}

std::vector<std::pair<ProducerId, ProducerEntry>> ProducerState::sorted() const {
    std::vector<std::pair<ProducerId, ProducerEntry>> all(entries_.begin(), entries_.end());
    std::ranges::sort(all, {}, &std::pair<ProducerId, ProducerEntry>::first);
    return all;
}

std::optional<CompletedTransaction> ProducerState::apply(HeaderView batch,
                                                         const std::optional<EndTransactionMarker>& marker,
                                                         MonotonicTime now) {
    if (batch.producer_id().value < 0) return std::nullopt;
    ProducerEntry entry;
    if (const auto* known = find(batch.producer_id())) entry = *known;
    const auto completed = apply_to(entry, batch, marker, now);
    put(batch.producer_id(), entry);
    if (completed) completed_.push_back(*completed);
    return completed;
}

void ProducerState::put(ProducerId id, const ProducerEntry& entry) {
    if (!entries_.contains(id)) {
        if (entries_.size() >= entries_max_) forget_one();
        by_age_.emplace_back(id, entry.seen);
    }
    const auto place = entries_.try_emplace(id).first;
    if (place->second.transaction_start != entry.transaction_start) {
        if (place->second.transaction_start) open_.erase(*place->second.transaction_start);
        if (entry.transaction_start) open_.emplace(*entry.transaction_start, id);
    }
    place->second = entry;
}

/// Who was seen since it was queued goes to the end.
void ProducerState::forget_one() {
    for (int looks = 0; !by_age_.empty(); ++looks) {
        const auto [id, queued] = by_age_.front();
        by_age_.pop_front();
        const auto found = entries_.find(id);
        if (found == entries_.end()) continue;  // Expired.
        const auto& entry = found->second;
        const bool idle = entry.seen == queued || looks >= forget_looks_max;
        if (idle && !entry.transaction_start) {
            entries_.erase(found);
            return;
        }
        by_age_.emplace_back(id, entry.seen);
        if (looks >= 2 * forget_looks_max) return;  // Open transactions, all of them: one more, then.
    }
}

void ProducerState::clear() {
    entries_.clear();
    by_age_.clear();
    open_.clear();
    completed_.clear();
}

void ProducerState::expire(MonotonicTime before) {
    std::erase_if(entries_,
                  [&](const auto& each) { return !each.second.transaction_start && each.second.seen < before; });
    std::erase_if(by_age_, [&](const auto& each) { return !entries_.contains(each.first); });
}

std::optional<Offset> ProducerState::first_unstable(Offset high_watermark) {
    std::erase_if(completed_, [&](const CompletedTransaction& each) { return each.last_offset < high_watermark; });
    std::optional<Offset> first;
    if (!open_.empty()) first = open_.begin()->first;
    for (const auto& each : completed_) first = first ? std::min(*first, each.first_offset) : each.first_offset;
    return first;
}

std::optional<Offset> ProducerState::first_open(ProducerId but) const {
    for (const auto& [start, id] : open_)
        if (id != but) return start;
    return std::nullopt;
}

ProducerEntry ProducerAppend::current(ProducerId id) const {
    for (const auto& each : std::views::reverse(staged_))
        if (each.id == id) return each.entry;
    const auto* known = state_.find(id);
    return known != nullptr ? *known : ProducerEntry{};
}

Result<std::optional<BatchMark>> ProducerAppend::check(HeaderView batch, AppendOrigin origin,
                                                       const std::optional<EndTransactionMarker>& marker) {
    if (batch.producer_id().value < 0) return std::nullopt;
    const ProducerEntry entry = current(batch.producer_id());
    if (origin == AppendOrigin::client && !batch.control()) {
        if (const auto* repeated =
                entry.find_duplicate(batch.producer_epoch(), batch.base_sequence(), batch.last_sequence()))
            return *repeated;
    }
    if (batch.producer_epoch() < entry.epoch)
        return fail(Errc::invalid_producer_epoch, "producer {}: epoch {} is older than {}", batch.producer_id(),
                    batch.producer_epoch(), entry.epoch);
    if (batch.control()) {
        if (marker && marker->coordinator_epoch < entry.coordinator_epoch)
            return fail(Errc::fenced_epoch, "producer {}: a marker of coordinator epoch {} after one of {}",
                        batch.producer_id(), marker->coordinator_epoch, entry.coordinator_epoch);
        return std::nullopt;
    }
    if (origin == AppendOrigin::client) KLOG_TRY_VOID(check_sequence(entry, batch));
    if (entry.transaction_start && !batch.transactional() && batch.producer_epoch() == entry.epoch)
        return fail(Errc::invalid_argument, "producer {}: a batch outside its open transaction", batch.producer_id());
    return std::nullopt;
}

void ProducerAppend::stage(HeaderView batch, const std::optional<EndTransactionMarker>& marker) {
    if (batch.producer_id().value < 0) return;
    Staged staged{batch.producer_id(), current(batch.producer_id()), std::nullopt};
    staged.completed = apply_to(staged.entry, batch, marker, now_);
    staged_.push_back(std::move(staged));
}

void ProducerAppend::commit(const std::function<void(const CompletedTransaction&)>& note) {
    for (auto& each : staged_) {
        state_.put(each.id, each.entry);
        if (!each.completed) continue;
        state_.completed_.push_back(*each.completed);
        note(*each.completed);
    }
    staged_.clear();
}

}  // namespace klog::log
