// SPDX-License-Identifier: Apache-2.0
// Which segments at the front of a log may go: pure, in Kafka's semantics (UnifiedLog.deleteOldSegments).
#pragma once

#include <cstdint>
#include <span>

#include "core/base/types.h"

namespace klog::log {

struct RetentionSegment {
    base::Offset next_base;  // Where the next segment starts; of the active one, the log's end.
    std::uint64_t bytes = 0;
    base::TimestampMs largest_timestamp_ms = -1;  // -1: none or unknown; it is then not too old.
};

struct RetentionRules {
    bool by_time_and_size = true;       // cleanup.policy contains delete.
    std::int64_t retention_ms = -1;     // -1: for ever.
    std::int64_t retention_bytes = -1;  // -1: no limit.
    base::Offset log_start;
    base::Offset upper_bound;  // The high watermark: nothing at or above it goes.
};

/// How many segments at the front go. May be all of them: the caller then rolls first, so that one is left. An empty
/// active segment never goes.
std::size_t segments_to_remove(std::span<const RetentionSegment> segments, const RetentionRules& rules,
                               base::TimestampMs now_ms);

}  // namespace klog::log
