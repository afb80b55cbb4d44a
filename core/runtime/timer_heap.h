// SPDX-License-Identifier: Apache-2.0
// The timers of one shard, in the order of their times and, among equals, of their setting. Cancelled timers leave the
// heap lazily; they never outnumber the live ones by much. Both runtimes use it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/runtime/shard.h"

namespace klog::runtime {

class TimerHeap {
public:
    TimerId set(MonotonicTime at, Job job);
    /// No effect on a timer that has run or was cancelled. The job is destroyed here.
    void cancel(TimerId id);
    /// When the next live timer is due.
    std::optional<MonotonicTime> earliest();
    /// Takes the next timer that is due at `now`; an empty job when there is none.
    Job take_due(MonotonicTime now);
    std::size_t size() const { return live_; }
    /// Forgets all of them; the jobs are given back to be destroyed where the caller likes.
    std::vector<Job> clear();

private:
    struct Slot {
        Job job;
        std::uint32_t generation = 1;
    };
    struct Entry {
        MonotonicTime at;
        std::uint64_t sequence;
        std::uint32_t slot;
        std::uint32_t generation;
        bool operator<(const Entry& other) const {  // The standard heap has its largest on top.
            return at != other.at ? at > other.at : sequence > other.sequence;
        }
    };
    bool dead(const Entry& entry) const { return slots_[entry.slot].generation != entry.generation; }
    void drop_dead_top();
    void pop();
    Job release(std::uint32_t slot);
    void compact();

    std::vector<Entry> heap_;
    std::vector<Slot> slots_;
    std::vector<std::uint32_t> free_slots_;
    std::uint64_t next_sequence_ = 0;
    std::size_t live_ = 0;
};

}  // namespace klog::runtime
