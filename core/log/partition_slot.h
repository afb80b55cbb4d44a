// SPDX-License-Identifier: Apache-2.0
// What a log directory knows of one partition that is open in it: the only thing that the partition's shard, the pool
// and the directory share. Each field says who may touch it. The slot outlives the log, so that a flush result or the
// news of a failed directory finds nobody instead of a dangling pointer.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/base/error.h"
#include "core/base/types.h"
#include "core/log/file_names.h"
#include "core/runtime/shard.h"

namespace klog::log {

/// The side of a PartitionLog that hears from its directory, on the owner shard.
class SlotClient {
public:
    virtual ~SlotClient() = default;
    /// A round has covered everything that was written below `end` before truncation number `generation`.
    virtual void flush_done(base::Offset end, std::uint64_t generation) = 0;
    virtual void directory_offline(const base::Error& why) = 0;
};

struct PartitionSlot {
    PartitionSlot(PartitionName which, runtime::Shard* where) : name(std::move(which)), owner(where) {}

    const PartitionName name;
    runtime::Shard* const owner;   // Null for tools without shards.
    SlotClient* client = nullptr;  // Set before anybody knows the slot; then owner shard only. Null: the log is gone.
    std::size_t pending = 0;       // Under the lock of FlushRounds: place in the next round plus one; 0: not in it.
    // Written by the log, read by whoever writes the checkpoints.
    std::atomic<std::int64_t> recovery_point{0};
    std::atomic<std::int64_t> log_start{0};
    // What the checkpoint files say.
    std::atomic<std::int64_t> recovery_point_on_disk{0};
    std::atomic<std::int64_t> log_start_on_disk{0};
    /// Where the log ended when it was closed well; -1: it was not.
    std::atomic<std::int64_t> closed_end{-1};
};

}  // namespace klog::log
