// SPDX-License-Identifier: Apache-2.0
// Who leads a partition. Pure: the state, who is alive, and what is wanted in; the next state out.
#pragma once

#include <functional>
#include <optional>
#include <span>

#include "core/base/types.h"
#include "core/meta/paths.h"

namespace klog::controller {

/// True when that broker is alive and its replica of this partition can be used.
using Usable = std::function<bool(base::NodeId)>;

inline constexpr base::LeaderEpoch first_leader_epoch{0};
/// The first state of a partition that never had one: all usable replicas are in sync, the first of them leads.
/// Nothing when no replica is usable.
std::optional<meta::PartitionState> first_state(std::span<const base::NodeId> replicas, base::ControllerEpoch epoch,
                                                const Usable& usable);

/// The next state of a partition whose leader is gone, or must begin a new epoch: the first usable replica, in the
/// order of the assignment, that is in sync; outside the ISR only when `unclean_allowed`. The epoch is raised by one.
/// With nobody to lead, the leader is no_leader and the ISR stays as it was, because its members alone have all that
/// was acknowledged.
meta::PartitionState elect(const meta::PartitionState& before, std::span<const base::NodeId> replicas,
                           base::ControllerEpoch epoch, const Usable& usable, bool unclean_allowed);

/// True when the leader's epoch was granted to an earlier life of that broker, which was registered by transaction
/// `leader_life` (its czxid): the state was written before (`state_mzxid`).
inline bool epoch_of_earlier_life(std::int64_t state_mzxid, base::BrokerEpoch leader_life) {
    return state_mzxid < leader_life.value;
}

}  // namespace klog::controller
