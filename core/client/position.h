// SPDX-License-Identifier: Apache-2.0
// Positions in partitions as people give them (cmd/offsets_grammar.h reads them), and what they come to on a cluster.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/types.h"
#include "core/client/cluster.h"

namespace klog::client {

struct Position {
    enum class Kind {
        start,        // The log start offset.
        end,          // The log end when asked; for read-committed readers, the last stable offset.
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

/// Special times of ListOffsets.
inline constexpr base::TimestampMs latest_time = -1, earliest_time = -2, max_timestamp_time = -3;

struct ListedOffset {
    base::Offset offset{-1};  // -1: no record is that late.
    base::TimestampMs timestamp = -1;
    base::LeaderEpoch leader_epoch = base::no_leader_epoch;
};
struct OffsetQuestion {
    base::PartitionId partition;
    base::TimestampMs time = latest_time;
};
/// ListOffsets at the leaders; answers in the order of the questions. Tries again while leaders move.
runtime::Task<base::Result<std::vector<ListedOffset>>> list_offsets(Cluster& cluster, std::string topic,
                                                                    std::vector<OffsetQuestion> questions,
                                                                    Isolation isolation);

/// Where to read one partition.
struct Stretch {
    base::PartitionId partition;
    base::Offset from;
    std::optional<base::Offset> until;
    /// `from` was before the start or behind the end and was moved there.
    bool clamped = false;
};
/// What an expression comes to for these partitions (or for those that it names). `stop_at_end`: where it has no end,
/// the end as it is now. Kind::stored is for groups and is refused here.
runtime::Task<base::Result<std::vector<Stretch>>> resolve(Cluster& cluster, std::string topic,
                                                          std::vector<base::PartitionId> partitions,
                                                          OffsetExpression expression, Isolation isolation,
                                                          bool stop_at_end);

}  // namespace klog::client
