// SPDX-License-Identifier: Apache-2.0
#include "core/log/retention.h"

#include <algorithm>

namespace klog::log {
namespace {

/// The number of segments at the front for which the predicate holds and which may go at all.
template <class TooOld>
std::size_t leading(std::span<const RetentionSegment> segments, base::Offset upper_bound, TooOld too_old) {
    std::size_t count = 0;
    while (count < segments.size()) {
        const auto& segment = segments[count];
        const bool active = count + 1 == segments.size();
        if (segment.next_base > upper_bound || (active && segment.bytes == 0) || !too_old(segment)) break;
        ++count;
    }
    return count;
}

}  // namespace

std::size_t segments_to_remove(std::span<const RetentionSegment> segments, const RetentionRules& rules,
                               base::TimestampMs now_ms) {
    std::size_t count = leading(segments, rules.upper_bound,
                                [&](const RetentionSegment& segment) { return segment.next_base <= rules.log_start; });
    if (!rules.by_time_and_size) return count;
    if (rules.retention_ms >= 0) {
        count = std::max(count, leading(segments, rules.upper_bound, [&](const RetentionSegment& segment) {
                             return segment.largest_timestamp_ms >= 0 &&
                                    now_ms - segment.largest_timestamp_ms > rules.retention_ms;
                         }));
    }
    if (rules.retention_bytes >= 0) {
        std::uint64_t total = 0;
        for (const auto& segment : segments) total += segment.bytes;
        const auto limit = static_cast<std::uint64_t>(rules.retention_bytes);
        std::uint64_t beyond = total > limit ? total - limit : 0;
        count = std::max(count, leading(segments, rules.upper_bound, [&](const RetentionSegment& segment) {
                             if (beyond < segment.bytes) return false;
                             beyond -= segment.bytes;
                             return true;
                         }));
    }
    return count;
}

}  // namespace klog::log
