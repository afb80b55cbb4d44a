// SPDX-License-Identifier: Apache-2.0
// Keeps jobs on the pool from writing the files of one partition at the same time, or when it is too late: the derived
// files (indexes, epochs, snapshots) and the removal of old segments. Log files that are appended to are not behind it.
// A job notes the generation when it is made; after a truncation, a close or a removal it finds another one and leaves
// everything alone. Shared by a PartitionLog and its jobs.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

namespace klog::log {

struct FileGate {
    std::mutex mutex;  // Held by jobs on the pool, across system calls; never taken on a shard.
    std::atomic<std::uint64_t> generation{0};
    std::uint64_t jobs_made = 0;  // By the owner of the log only.
    // Under the mutex: an older job that comes later must not undo a newer one.
    std::uint64_t newest_done = 0;
    std::uint64_t newest_epochs = 0;
};

}  // namespace klog::log
