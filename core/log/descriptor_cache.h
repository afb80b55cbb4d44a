// SPDX-License-Identifier: Apache-2.0
// Open files of one log directory, bounded in number: 100,000 partitions do not fit into the descriptors of a process.
// Whoever uses a file keeps a weak pointer to it and asks again when that has expired. A file that is in use (a slice
// under way, dirty and waiting for its flush) stays open beyond the bound until it is let go.
//
// Shared by all shards and the pool: thread-safe. The lock is never held across a system call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/os/disk.h"

namespace klog::log {

class DescriptorCache {
public:
    DescriptorCache(os::Disk& disk, std::size_t files_max) : disk_(disk), files_max_(files_max) {}

    /// The open file, or opens it for reading and writing; it must exist (Open::create makes it). May block.
    base::Result<std::shared_ptr<os::File>> get(const std::string& path, os::Open how = os::Open::read_write);
    /// The path names something else since just now, or nothing: the next get opens anew. Call it after the removal.
    void forget(const std::string& path);
    /// All files in a directory.
    void forget_below(const std::string& directory);
    std::size_t size() const;

private:
    void make_room(std::vector<std::shared_ptr<os::File>>& dropped);

    os::Disk& disk_;
    const std::size_t files_max_;
    mutable std::mutex mutex_;
    std::unordered_map<std::string, std::shared_ptr<os::File>> files_;
    std::deque<std::string> order_;  // Oldest first.
    /// Counts forget(): a file that was being opened meanwhile may be the old one and is not kept.
    std::uint64_t forgotten_ = 0;
};

}  // namespace klog::log
