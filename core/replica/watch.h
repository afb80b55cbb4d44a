// SPDX-License-Identifier: Apache-2.0
// How a fetch session learns that a partition changed: it registers with each of its partitions once and then gets the
// list of those that changed, in O(changed). A ChangeList and the Partitions it watches live on one shard (that of the
// partitions); a session whose partitions live on several shards has one list on each.
//
//     ChangeList list([] { /* the first change since take(): tell the session's shard, once */ });
//     partition.watch(list, token, change_high_watermark | change_leadership)  ->  Registration, kept by the session
//     list.take()  ->  tokens that changed since the last take, each once, in the order of their first change
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace klog::replica {

/// What a partition tells its watchers about; a mask.
enum Change : std::uint8_t {
    change_high_watermark = 1,  // What a consumer may read grew.
    change_stable_offset = 2,   // What a read_committed consumer may read grew.
    change_log_start = 4,
    change_log_end = 8,      // What a follower may fetch grew.
    change_leadership = 16,  // Another leader or epoch, or the partition is gone from this broker. Always delivered.
};
using ChangeMask = std::uint8_t;

class WatchList;

class ChangeList {
public:
    /// `on_first` runs inside the change itself when the list stops being empty; it must only post or signal.
    explicit ChangeList(std::move_only_function<void()> on_first) : on_first_(std::move(on_first)) {}
    ~ChangeList();  // No registration may be left.
    ChangeList(const ChangeList&) = delete;
    ChangeList& operator=(const ChangeList&) = delete;

    std::vector<std::uint64_t> take();
    bool empty() const { return changed_.empty(); }
    std::size_t registered() const { return registered_; }

private:
    friend class WatchList;
    friend class Registration;
    struct Entry;

    void add(Entry& entry);

    std::move_only_function<void()> on_first_;
    std::vector<Entry*> changed_;
    std::size_t registered_ = 0;
};

/// Ends the watch when it goes; may outlive the partition. Destroyed on the partition's shard, before the ChangeList.
class Registration {
public:
    Registration();
    Registration(Registration&& other) noexcept;
    Registration& operator=(Registration&& other) noexcept;
    ~Registration();
    explicit operator bool() const { return entry_ != nullptr; }

private:
    friend class WatchList;
    explicit Registration(std::unique_ptr<ChangeList::Entry> entry);
    void reset();

    std::unique_ptr<ChangeList::Entry> entry_;
};

/// The other end: who watches one partition. Owned by the partition.
class WatchList {
public:
    WatchList() = default;
    ~WatchList();  // Tells all of change_leadership and lets them go.
    WatchList(const WatchList&) = delete;
    WatchList& operator=(const WatchList&) = delete;

    Registration add(ChangeList& list, std::uint64_t token, ChangeMask mask);
    void notify(ChangeMask what);
    std::size_t size() const { return size_; }

private:
    friend class Registration;
    void unlink(ChangeList::Entry& entry);

    ChangeList::Entry* first_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace klog::replica
