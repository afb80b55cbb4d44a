// SPDX-License-Identifier: Apache-2.0
// The one grammar for offsets, used by every subcommand that reads or moves positions:
//
//     start end stored N N:M N: :M +N -N ~N @T @T1:T2 @T: @:T :end   and a map of partitions: 0=10:20,2=end
//
// beginning, earliest and latest are understood too. Ranges are half open. T: see parse_time; after "@T1:" a bare
// duration counts from T1. Resolved against a cluster by client/positions.h.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

#include "core/base/error.h"
#include "core/base/types.h"

namespace klog::cmd {

struct Position {
    enum class Kind {
        start,        // The log start offset.
        end,          // The log end when the command began.
        stored,       // The committed offset of the group.
        at,           // Offset `number`.
        after_start,  // `number` after the start.
        before_end,   // The last `number` of each partition.
        last_in_all,  // The last `number` over all partitions, by time.
        at_time,      // The first record at or after `number` ms.
    };
    Kind kind = Kind::start;
    std::int64_t number = 0;
    bool operator==(const Position&) const = default;
};

struct OffsetRange {
    Position from;
    std::optional<Position> until;  // Where to stop, not included; none: follow.
    bool operator==(const OffsetRange&) const = default;
};

/// `all` for every partition, unless `each` names some: then only those are read.
struct OffsetExpression {
    OffsetRange all;
    std::map<base::PartitionId, OffsetRange> each;
    bool operator==(const OffsetExpression&) const = default;
};

base::Result<OffsetExpression> parse_offsets(std::string_view text, base::TimestampMs now_ms);

}  // namespace klog::cmd
