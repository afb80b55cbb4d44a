// SPDX-License-Identifier: Apache-2.0
#include "core/controller/election.h"

#include <algorithm>

namespace klog::controller {

std::optional<meta::PartitionState> first_state(std::span<const base::NodeId> replicas, base::ControllerEpoch epoch,
                                                const Usable& usable) {
    meta::PartitionState state;
    state.controller_epoch = epoch;
    state.leader_epoch = first_leader_epoch;
    for (const base::NodeId replica : replicas) {
        if (usable(replica)) state.isr.push_back(replica);
    }
    if (state.isr.empty()) return std::nullopt;
    state.leader = state.isr.front();
    return state;
}

meta::PartitionState elect(const meta::PartitionState& before, std::span<const base::NodeId> replicas,
                           base::ControllerEpoch epoch, const Usable& usable, bool unclean_allowed) {
    meta::PartitionState after = before;
    after.controller_epoch = epoch;
    after.leader_epoch = before.leader_epoch + 1;
    const auto in_sync = [&](base::NodeId id) { return std::ranges::find(before.isr, id) != before.isr.end(); };
    const auto clean = std::ranges::find_if(replicas, [&](base::NodeId id) { return usable(id) && in_sync(id); });
    if (clean != replicas.end()) {
        after.leader = *clean;
        std::erase_if(after.isr, [&](base::NodeId id) { return !usable(id); });
        return after;
    }
    const auto any = std::ranges::find_if(replicas, usable);
    if (unclean_allowed && any != replicas.end()) {
        after.leader = *any;
        after.isr = {*any};
        after.leader_recovery_state = 1;
        return after;
    }
    after.leader = meta::no_leader;
    return after;
}

}  // namespace klog::controller
