// SPDX-License-Identifier: Apache-2.0
// Which leader epoch starts at which offset in one partition (KIP-101, LeaderEpochFileCache). Epochs and start offsets
// rise. Pure memory: the log reads and writes `leader-epoch-checkpoint`. Behind the recovery point the file may lack
// epochs, which recovery finds in the batches; a leader's own epoch is durable before its first append.
#pragma once

#include <optional>
#include <vector>

#include "core/log/partition_log.h"

namespace klog::log {

class LeaderEpochCache {
public:
    const std::vector<EpochEntry>& entries() const { return entries_; }
    std::optional<EpochEntry> latest() const;

    /// From here on records have this epoch. What contradicts it (not older epochs, not smaller offsets) goes, as in
    /// Kafka. True when something changed.
    bool assign(base::LeaderEpoch epoch, base::Offset start);
    /// The log now ends at `end`: epochs that start there or later go.
    bool truncate_end(base::Offset end);
    /// The log now starts at `start`: the epoch it lies in starts there, older ones go.
    bool truncate_start(base::Offset start);
    void reset(std::vector<EpochEntry> entries) { entries_ = std::move(entries); }

    /// KIP-101 and KIP-279. The epoch asked for is the newest: it ends at the log's end. Newer than all: undefined.
    /// Else the largest epoch that is not newer, and the start of the one after it.
    EpochEnd end_offset_for(base::LeaderEpoch epoch, base::Offset log_end) const;
    std::optional<base::LeaderEpoch> epoch_at(base::Offset offset) const;

private:
    std::vector<EpochEntry> entries_;
};

}  // namespace klog::log
