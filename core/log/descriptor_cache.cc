// SPDX-License-Identifier: Apache-2.0
#include "core/log/descriptor_cache.h"

namespace klog::log {

using base::Result;

Result<std::shared_ptr<os::File>> DescriptorCache::get(const std::string& path, os::Open how) {
    std::uint64_t forgotten_before = 0;
    {
        const std::scoped_lock guard(mutex_);
        forgotten_before = forgotten_;
        if (const auto found = files_.find(path); found != files_.end()) return found->second;
    }
    KLOG_TRY(auto file, disk_.open(path, how));
    std::vector<std::shared_ptr<os::File>> dropped;  // Closed after the lock is gone.
    const std::scoped_lock guard(mutex_);
    if (forgotten_ != forgotten_before) return file;
    const auto [place, added] = files_.emplace(path, file);
    if (!added) {
        dropped.push_back(std::move(file));
        return place->second;  // Somebody else was faster.
    }
    order_.push_back(path);
    make_room(dropped);
    return file;
}

void DescriptorCache::make_room(std::vector<std::shared_ptr<os::File>>& dropped) {
    // One look at each at most: what is in use goes to the end of the queue.
    for (std::size_t looks = order_.size(); looks > 0 && order_.size() > files_max_; --looks) {
        std::string path = std::move(order_.front());
        order_.pop_front();
        const auto found = files_.find(path);
        if (found == files_.end()) continue;
        if (found->second.use_count() > 1) {
            order_.push_back(std::move(path));
            continue;
        }
        dropped.push_back(std::move(found->second));
        files_.erase(found);
    }
}

void DescriptorCache::forget(const std::string& path) {
    std::shared_ptr<os::File> dropped;
    const std::scoped_lock guard(mutex_);
    ++forgotten_;
    const auto found = files_.find(path);
    if (found == files_.end()) return;
    dropped = std::move(found->second);
    files_.erase(found);
    std::erase(order_, path);
}

void DescriptorCache::forget_below(const std::string& directory) {
    const std::string front = directory + "/";
    std::vector<std::shared_ptr<os::File>> dropped;  // Closed after the lock is gone.
    const std::scoped_lock guard(mutex_);
    ++forgotten_;
    const auto gone = [&](const std::string& path) { return path.starts_with(front); };
    // order does not show: all of them go
    std::erase_if(files_, [&](auto& each) {
        if (!gone(each.first)) return false;
        dropped.push_back(std::move(each.second));
        return true;
    });
    std::erase_if(order_, gone);
}

std::size_t DescriptorCache::size() const {
    const std::scoped_lock guard(mutex_);
    return files_.size();
}

}  // namespace klog::log
