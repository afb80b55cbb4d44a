// SPDX-License-Identifier: Apache-2.0
// What an answer that refuses for want of leadership says about the current leader (KIP-951): so that the client goes
// there at once, without asking for metadata. For Produce and Fetch, whose messages have the same shape here.
#pragma once

#include <algorithm>

#include "core/broker/broker_shard.h"
#include "core/wire/errors.h"

namespace klog::broker {

inline bool is_about_leadership(wire::ErrorCode code) {
    return code == wire::ErrorCode::not_leader_or_follower || code == wire::ErrorCode::fenced_leader_epoch;
}

/// Fills `partition.current_leader`, and `response.node_endpoints` when `with_endpoints`.
template <class Response, class PartitionAnswer>
void tell_current_leader(const Call& call, const meta::Topic& topic, base::PartitionId partition_id,
                         bool with_endpoints, PartitionAnswer& partition, Response& response) {
    const meta::Partition* known = topic.partition(partition_id);
    if (known == nullptr || known->leader.value < 0) return;
    partition.current_leader.leader_id = known->leader;
    partition.current_leader.leader_epoch = known->leader_epoch;
    if (!with_endpoints) return;
    const auto same = [&](const auto& endpoint) { return endpoint.node_id == known->leader; };
    if (std::ranges::any_of(response.node_endpoints, same)) return;
    const meta::Broker* leader = call.home->image()->broker(known->leader);
    const auto address = leader == nullptr ? std::nullopt : call.endpoint_of(*leader);
    if (address) response.node_endpoints.push_back({known->leader, address->host, address->port, leader->rack});
}

}  // namespace klog::broker
