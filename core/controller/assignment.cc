// SPDX-License-Identifier: Apache-2.0
#include "core/controller/assignment.h"

#include <algorithm>
#include <set>

namespace klog::controller {

using base::Errc;
using base::fail;

base::Result<std::vector<Replicas>> assign_replicas(std::span<const base::NodeId> brokers, std::int32_t partitions,
                                                    std::int16_t replication_factor, std::uint64_t start,
                                                    std::int32_t first) {
    if (replication_factor < 1) {
        return fail(Errc::invalid_replication_factor, "replication factor must be larger than 0, not {}",
                    replication_factor);
    }
    const std::size_t count = brokers.size();
    const auto factor = static_cast<std::size_t>(replication_factor);
    if (factor > count) {
        return fail(Errc::invalid_replication_factor, "replication factor {} is larger than the {} brokers alive",
                    replication_factor, count);
    }
    std::vector<Replicas> assignment;
    assignment.reserve(static_cast<std::size_t>(partitions));
    for (std::int32_t i = 0; i < partitions; ++i) {
        const std::size_t index = static_cast<std::size_t>(first) + static_cast<std::size_t>(i);
        const std::size_t leader = (start + index) % count;
        const std::size_t shift = start + index / count;
        Replicas& replicas = assignment.emplace_back(Replicas{brokers[leader]});
        for (std::size_t replica = 0; replica + 1 < factor; ++replica) {
            const std::size_t distance = 1 + (shift + replica) % (count - 1);
            replicas.push_back(brokers[(leader + distance) % count]);
        }
    }
    return assignment;
}

base::Result<> check_assignment(std::span<const Replicas> assignment, std::span<const base::NodeId> brokers) {
    for (const Replicas& replicas : assignment) {
        if (replicas.empty()) return fail(Errc::invalid_replica_assignment, "a partition has no replicas");
        if (replicas.size() != assignment.front().size()) {
            return fail(Errc::invalid_replica_assignment, "partitions have different numbers of replicas");
        }
        if (std::set(replicas.begin(), replicas.end()).size() != replicas.size()) {
            return fail(Errc::invalid_replica_assignment, "a broker is named twice for one partition");
        }
        for (const base::NodeId replica : replicas) {
            if (std::ranges::find(brokers, replica) == brokers.end()) {
                return fail(Errc::invalid_replica_assignment, "broker {} is not there", replica);
            }
        }
    }
    return {};
}

}  // namespace klog::controller
