// SPDX-License-Identifier: Apache-2.0
#include "core/runtime/timer_heap.h"

#include <algorithm>

namespace klog::runtime {

namespace {

constexpr std::size_t dead_entries_min = 64;  // Fewer are not worth a sweep.

}  // namespace

TimerId TimerHeap::set(MonotonicTime at, Job job) {
    std::uint32_t slot;
    if (free_slots_.empty()) {
        slot = static_cast<std::uint32_t>(slots_.size());
        slots_.emplace_back();
    } else {
        slot = free_slots_.back();
        free_slots_.pop_back();
    }
    slots_[slot].job = std::move(job);
    const std::uint32_t generation = slots_[slot].generation;
    heap_.push_back({at, next_sequence_++, slot, generation});
    std::push_heap(heap_.begin(), heap_.end());
    ++live_;
    return TimerId{(std::uint64_t{generation} << 32) | slot};
}

void TimerHeap::cancel(TimerId id) {
    const auto slot = static_cast<std::uint32_t>(static_cast<std::uint64_t>(id));
    const auto generation = static_cast<std::uint32_t>(static_cast<std::uint64_t>(id) >> 32);
    if (slot >= slots_.size() || slots_[slot].generation != generation) return;
    const Job gone = release(slot);
    if (heap_.size() - live_ > live_ + dead_entries_min) compact();
}

std::optional<MonotonicTime> TimerHeap::earliest() {
    drop_dead_top();
    if (heap_.empty()) return std::nullopt;
    return heap_.front().at;
}

Job TimerHeap::take_due(MonotonicTime now) {
    drop_dead_top();
    if (heap_.empty() || heap_.front().at > now) return {};
    const std::uint32_t slot = heap_.front().slot;
    pop();
    return release(slot);
}

std::vector<Job> TimerHeap::clear() {
    std::vector<Job> jobs;
    for (const Entry& entry : heap_) {
        if (!dead(entry)) jobs.push_back(release(entry.slot));
    }
    heap_.clear();
    return jobs;
}

void TimerHeap::drop_dead_top() {
    while (!heap_.empty() && dead(heap_.front())) pop();
}

void TimerHeap::pop() {
    std::pop_heap(heap_.begin(), heap_.end());
    heap_.pop_back();
}

Job TimerHeap::release(std::uint32_t slot) {
    Job job = std::move(slots_[slot].job);
    slots_[slot].job = nullptr;
    if (++slots_[slot].generation == 0) slots_[slot].generation = 1;  // An id is never TimerId::none.
    free_slots_.push_back(slot);
    --live_;
    return job;
}

void TimerHeap::compact() {
    std::erase_if(heap_, [this](const Entry& entry) { return dead(entry); });
    std::make_heap(heap_.begin(), heap_.end());
}

}  // namespace klog::runtime
