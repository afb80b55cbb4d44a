// SPDX-License-Identifier: Apache-2.0
#include "core/log/checked_ranges.h"

#include <algorithm>

namespace klog::log {

void CheckedRanges::add(std::uint64_t from, std::uint64_t to) {
    if (from >= to) return;
    if (!ranges_.empty() && ranges_.back().to == from) {  // What an append does.
        ranges_.back().to = to;
        return;
    }
    auto first = std::ranges::lower_bound(ranges_, from, {}, &Range::to);  // The first that could touch.
    auto last = first;
    while (last != ranges_.end() && last->from <= to) {
        from = std::min(from, last->from);
        to = std::max(to, last->to);
        ++last;
    }
    first = ranges_.erase(first, last);
    ranges_.insert(first, {from, to});
    if (ranges_.size() > ranges_max)
        ranges_.erase(std::ranges::min_element(ranges_, {}, [](const Range& range) { return range.to - range.from; }));
}

void CheckedRanges::remove(std::uint64_t from, std::uint64_t to) {
    std::vector<Range> left;
    for (const auto& range : ranges_) {
        if (range.from < std::min(range.to, from)) left.push_back({range.from, std::min(range.to, from)});
        if (std::max(range.from, to) < range.to) left.push_back({std::max(range.from, to), range.to});
    }
    ranges_ = std::move(left);
}

bool CheckedRanges::covers(std::uint64_t from, std::uint64_t to) const {
    if (from >= to) return true;
    const auto found = std::ranges::lower_bound(ranges_, to, {}, &Range::to);
    return found != ranges_.end() && found->from <= from;
}

void CheckedRanges::truncate(std::uint64_t to) {
    while (!ranges_.empty() && ranges_.back().from >= to) ranges_.pop_back();
    if (!ranges_.empty()) ranges_.back().to = std::min(ranges_.back().to, to);
}

}  // namespace klog::log
