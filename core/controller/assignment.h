// SPDX-License-Identifier: Apache-2.0
// Which brokers get the replicas of a new partition. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/error.h"
#include "core/base/types.h"

namespace klog::controller {

using Replicas = std::vector<base::NodeId>;  // The preferred leader first.

inline constexpr std::int32_t partitions_per_topic_max = 100'000;

/// Spreads partitions over `brokers` (sorted): the first replicas go round from `start`, the others follow at a
/// distance that grows by one each time the round is complete, so that the followers of one leader are spread as well
/// (as kafka.admin.AdminUtils without racks). `first` is the index of the first of these partitions in its topic.
/// invalid_replication_factor: below 1, or more than there are brokers.
base::Result<std::vector<Replicas>> assign_replicas(std::span<const base::NodeId> brokers, std::int32_t partitions,
                                                    std::int16_t replication_factor, std::uint64_t start,
                                                    std::int32_t first = 0);

/// What somebody asked for: same number of replicas everywhere, none twice, all of them known brokers. Else
/// invalid_replica_assignment.
base::Result<> check_assignment(std::span<const Replicas> assignment, std::span<const base::NodeId> brokers);

}  // namespace klog::controller
