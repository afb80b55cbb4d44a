// SPDX-License-Identifier: Apache-2.0
// The rule by which a leader's high watermark moves. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>

#include "core/base/types.h"

namespace klog::replica {

struct HighWatermarkInput {
    base::NodeId self;
    base::Offset own_end;  // Flushed with durability=fsync, written with durability=os.
    /// As the followers reported them by fetching in the current leader epoch; those who have not are absent.
    const std::map<base::NodeId, base::Offset>& follower_ends;
    std::span<const base::NodeId> isr;           // As the metadata store has it.
    std::span<const base::NodeId> proposed_isr;  // What is being proposed to the controller; else empty.
    std::int32_t min_isr = 1;                    // Effective: min(min.insync.replicas, replication factor).
    base::Offset current;
};

/// The smallest end over the confirmed and the proposed ISR; `current` when that is lower, unknown for somebody, or
/// when fewer than min_isr replicas are in the confirmed ISR.
base::Offset next_high_watermark(const HighWatermarkInput& input);

}  // namespace klog::replica
