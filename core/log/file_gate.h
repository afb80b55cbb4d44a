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
    std::uint64_t jobs_made = 0;    // Shard only.
    std::uint64_t newest_done = 0;  // Under the mutex.
};

}  // namespace klog::log
