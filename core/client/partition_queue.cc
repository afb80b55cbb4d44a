// SPDX-License-Identifier: Apache-2.0
#include "core/client/partition_queue.h"

#include <algorithm>

#include "core/base/check.h"

namespace klog::client {

using wire::ErrorCode;

std::size_t PartitionQueue::index_of(const OutgoingBatch& batch) const {
    const auto found = std::find_if(batches_.begin(), batches_.end(), [&](const auto& b) { return b.get() == &batch; });
    KLOG_CHECK(found != batches_.end(), "a batch of this partition");
    return static_cast<std::size_t>(found - batches_.begin());
}

bool PartitionQueue::any_sequenced() const {
    return std::any_of(batches_.begin(), batches_.end(),
                       [](const auto& b) { return b->sequence != records::no_sequence; });
}

OutgoingBatch* PartitionQueue::next_to_send(const ProducerIdentity& identity, base::MonotonicTime now) {
    if (now < paused_until || in_flight_ >= rules_.in_flight_max) return nullptr;
    const auto waiting = std::find_if(batches_.begin(), batches_.end(), [](const auto& b) { return !b->in_flight; });
    if (waiting == batches_.end() || !(*waiting)->ready) return nullptr;
    OutgoingBatch& batch = **waiting;
    // Something behind it is in flight: this is to be sent again, once all that was answered.
    const bool out_of_turn = std::any_of(waiting, batches_.end(), [](const auto& b) { return b->in_flight; });
    if (out_of_turn) return nullptr;
    if (!rules_.idempotent) return &batch;

    if (restart_after_generation_) {
        if (in_flight_ > 0 || identity.generation <= *restart_after_generation_) return nullptr;
        for (auto& b : batches_) b->sequence = records::no_sequence;
        restart_after_generation_.reset();
    }
    if (identity.id.value < 0) return nullptr;
    if (identity_.generation != identity.generation && !any_sequenced()) {
        identity_ = identity;
        next_sequence_ = 0;
    }
    if (batch.sequence == records::no_sequence) {
        batch.sequence = next_sequence_;
        next_sequence_ = records::sequence_plus(next_sequence_, batch.count);
    }
    return &batch;
}

void PartitionQueue::sent(OutgoingBatch& batch) {
    KLOG_CHECK(!batch.in_flight);
    batch.in_flight = true;
    ++batch.attempts;
    ++in_flight_;
}

records::ProducerInfo PartitionQueue::stamp_of(const OutgoingBatch& batch) const {
    if (!rules_.idempotent) return {};
    return {identity_.id, identity_.epoch, batch.sequence};
}

std::unique_ptr<OutgoingBatch> PartitionQueue::take(OutgoingBatch& batch) {
    const auto at = batches_.begin() + static_cast<std::ptrdiff_t>(index_of(batch));
    auto taken = std::move(*at);
    batches_.erase(at);
    return taken;
}

void PartitionQueue::leave_gap(const OutgoingBatch& gone) {
    if (rules_.idempotent && gone.sequence != records::no_sequence) restart_after_generation_ = identity_.generation;
}

PartitionQueue::Outcome PartitionQueue::answered(OutgoingBatch& batch, ErrorCode code, base::MonotonicTime now) {
    KLOG_CHECK(batch.in_flight);
    batch.in_flight = false;
    --in_flight_;
    if (code == ErrorCode::none || code == ErrorCode::duplicate_sequence_number)
        return {Verdict::complete, take(batch)};

    batch.last_error = code;
    if (code == ErrorCode::message_too_large && batch.count > 1) {
        // Its sequences stay with its parts: together they are as many records.
        split_at_ = index_of(batch);
        return {Verdict::split, take(batch)};
    }
    if (now - batch.born >= rules_.delivery_timeout) {
        leave_gap(batch);
        return {Verdict::failed, take(batch)};
    }
    if (rules_.idempotent) {
        const bool first = index_of(batch) == 0;
        switch (code) {
            case ErrorCode::out_of_order_sequence_number:
                // Behind one that failed: it goes again after that one. As the first of all it means that the broker's
                // memory of this producer and ours have parted.
                if (!first) return {Verdict::retry, nullptr};
                [[fallthrough]];
            case ErrorCode::unknown_producer_id:
                if (restart_after_generation_) return {Verdict::retry, nullptr};
                restart_after_generation_ = identity_.generation;
                return {Verdict::bump_epoch, nullptr};
            case ErrorCode::invalid_producer_epoch:
            case ErrorCode::invalid_producer_id_mapping:
                if (restart_after_generation_) return {Verdict::retry, nullptr};
                restart_after_generation_ = identity_.generation;
                return {Verdict::new_identity, nullptr};
            default: break;
        }
    }
    if (wire::is_retriable(code)) return {Verdict::retry, nullptr};
    leave_gap(batch);
    return {Verdict::failed, take(batch)};
}

void PartitionQueue::put_back(std::vector<std::unique_ptr<OutgoingBatch>> parts) {
    const auto at = batches_.begin() + static_cast<std::ptrdiff_t>(split_at_);
    batches_.insert(at, std::make_move_iterator(parts.begin()), std::make_move_iterator(parts.end()));
}

std::vector<std::unique_ptr<OutgoingBatch>> PartitionQueue::take_expired(base::MonotonicTime now) {
    std::vector<std::unique_ptr<OutgoingBatch>> expired;
    while (!batches_.empty()) {
        OutgoingBatch& first = *batches_.front();
        if (first.in_flight || !first.ready || now - first.born < rules_.delivery_timeout) break;
        leave_gap(first);
        expired.push_back(take(first));
    }
    return expired;
}

std::vector<std::unique_ptr<OutgoingBatch>> PartitionQueue::take_waiting() {
    std::vector<std::unique_ptr<OutgoingBatch>> waiting;
    for (std::size_t i = 0; i < batches_.size();) {
        OutgoingBatch& batch = *batches_[i];
        if (batch.in_flight || !batch.ready) {
            ++i;
            continue;
        }
        leave_gap(batch);
        waiting.push_back(take(batch));
    }
    return waiting;
}

}  // namespace klog::client
