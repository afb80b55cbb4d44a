// SPDX-License-Identifier: Apache-2.0
#include "core/log/leader_epoch_cache.h"

#include <algorithm>

namespace klog::log {

using base::LeaderEpoch;
using base::Offset;

std::optional<EpochEntry> LeaderEpochCache::latest() const {
    if (entries_.empty()) return std::nullopt;
    return entries_.back();
}

bool LeaderEpochCache::assign(LeaderEpoch epoch, Offset start) {
    if (epoch.value < 0) return false;  // Formats 0 and 1 know no epochs.
    bool changed = false;
    const auto contradicts = [&](const EpochEntry& entry) {
        if (entry.epoch == epoch) return entry.start_offset > start;
        return entry.epoch > epoch || entry.start_offset >= start;
    };
    while (!entries_.empty() && contradicts(entries_.back())) {
        entries_.pop_back();
        changed = true;
    }
    if (!entries_.empty() && entries_.back().epoch == epoch) return changed;
    entries_.push_back({epoch, start});
    return true;
}

bool LeaderEpochCache::truncate_end(Offset end) {
    const auto before = entries_.size();
    while (!entries_.empty() && entries_.back().start_offset >= end) entries_.pop_back();
    return entries_.size() != before;
}

bool LeaderEpochCache::truncate_start(Offset start) {
    const auto later = std::ranges::upper_bound(entries_, start, {}, &EpochEntry::start_offset);
    if (later == entries_.begin()) return false;
    const auto current = later - 1;
    if (current == entries_.begin() && current->start_offset == start) return false;
    current->start_offset = start;
    entries_.erase(entries_.begin(), current);
    return true;
}

EpochEnd LeaderEpochCache::end_offset_for(LeaderEpoch epoch, Offset log_end) const {
    if (entries_.empty() || epoch.value < 0) return {};
    if (entries_.back().epoch == epoch) return {epoch, log_end};
    const auto higher = std::ranges::upper_bound(entries_, epoch, {}, &EpochEntry::epoch);
    if (higher == entries_.end()) return {};
    if (higher == entries_.begin()) return {epoch, higher->start_offset};
    return {(higher - 1)->epoch, higher->start_offset};
}

std::optional<LeaderEpoch> LeaderEpochCache::epoch_at(Offset offset) const {
    const auto later = std::ranges::upper_bound(entries_, offset, {}, &EpochEntry::start_offset);
    if (later == entries_.begin()) return std::nullopt;
    return (later - 1)->epoch;
}

}  // namespace klog::log
