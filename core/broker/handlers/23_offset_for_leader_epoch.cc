// SPDX-License-Identifier: Apache-2.0
// OffsetForLeaderEpoch, versions 2 to 4: where an epoch ends in the leader's log.
#include "core/wire/messages/23_offset_for_leader_epoch.h"

#include "core/broker/handlers/handlers.h"
#include "core/broker/kafka_error.h"
#include "core/broker/owners.h"

namespace klog::broker {
namespace {

using wire::ErrorCode;
using Answer = wire::OffsetForLeaderEpochResponse::Partition;

struct Lookup : OwnedItem {
    wire::OffsetForLeaderEpochRequest::Partition ask;
    Answer* answer = nullptr;
};

runtime::Task<void> look_up(BrokerShard* owner, Lookup* item) {
    Answer& answer = *item->answer;
    replica::Partition* partition = owner->shared.replicas.find(item->key);
    if (partition == nullptr) {
        answer.error_code = ErrorCode::not_leader_or_follower;
        co_return;
    }
    std::optional<base::LeaderEpoch> epoch;
    if (item->ask.current_leader_epoch.value >= 0) epoch = item->ask.current_leader_epoch;
    const auto end = co_await partition->end_offset_for_epoch(item->ask.leader_epoch, epoch);
    answer.error_code = kafka_error(end);
    if (!end) co_return;
    answer.leader_epoch = end->epoch;
    answer.end_offset = end->end_offset;
}

}  // namespace

runtime::Task<wire::OffsetForLeaderEpochResponse> handle(Call call, wire::OffsetForLeaderEpochRequest request) {
    wire::OffsetForLeaderEpochResponse response;
    std::vector<Lookup> items;
    response.topics.reserve(request.topics.size());
    for (const auto& topic : request.topics) {
        auto& answers =
            response.topics.emplace_back(topic.topic, std::vector<Answer>(topic.partitions.size())).partitions;
        const meta::Topic* known = call.home->image()->topic(topic.topic);
        const bool allowed = call.allowed(wire::AclOperation::describe, topic.topic);
        for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
            const auto& ask = topic.partitions[i];
            answers[i].partition = ask.partition;
            if (!allowed)
                answers[i].error_code = ErrorCode::topic_authorization_failed;
            else if (known == nullptr || known->partition(ask.partition) == nullptr)
                answers[i].error_code = ErrorCode::unknown_topic_or_partition;
            else
                items.push_back({{{known->id, ask.partition}}, ask, &answers[i]});
        }
    }
    std::vector<Lookup*> wanted;
    for (Lookup& item : items) wanted.push_back(&item);
    co_await on_owners(call.home, std::move(wanted), look_up);
    co_return response;
}

}  // namespace klog::broker
