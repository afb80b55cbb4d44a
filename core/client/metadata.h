// SPDX-License-Identifier: Apache-2.0
// What a client knows of a cluster: brokers, topics, who leads what. Values; a TopicInfo is immutable and replaced
// whole.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/base/types.h"
#include "core/base/uuid.h"
#include "core/net/stream.h"
#include "core/wire/errors.h"

namespace klog::client {

struct PartitionInfo {
    base::PartitionId id;
    base::NodeId leader = base::no_node;
    base::LeaderEpoch leader_epoch = base::no_leader_epoch;
    wire::ErrorCode error = wire::ErrorCode::none;
    std::vector<base::NodeId> replicas, isr, offline;
};

struct TopicInfo {
    std::string name;
    base::Uuid id;
    bool internal = false;
    base::MonotonicTime learned{};  // When a broker said so.
    wire::ErrorCode error = wire::ErrorCode::none;
    std::vector<PartitionInfo> partitions;     // By rising number, from 0, without holes.
    std::vector<base::PartitionId> available;  // Those with a leader.

    const PartitionInfo* find(base::PartitionId partition) const {
        const auto index = static_cast<std::size_t>(partition.value);
        return partition.value >= 0 && index < partitions.size() ? &partitions[index] : nullptr;
    }
};
using TopicPtr = std::shared_ptr<const TopicInfo>;

struct BrokerInfo {
    base::NodeId id;
    net::Address address;
    std::string rack;
};

struct TopicPartition {
    std::string topic;
    base::PartitionId partition;
    auto operator<=>(const TopicPartition&) const = default;
};

}  // namespace klog::client
