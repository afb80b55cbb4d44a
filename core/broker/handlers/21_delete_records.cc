// SPDX-License-Identifier: Apache-2.0
// DeleteRecords, versions 0 to 2: moves log start offsets. Of a partition that is named twice the last offset counts,
// and it is answered once.
#include "core/wire/messages/21_delete_records.h"

#include <map>

#include "core/broker/effective_config.h"
#include "core/broker/handlers/handlers.h"
#include "core/broker/kafka_error.h"
#include "core/broker/owners.h"

namespace klog::broker {
namespace {

using wire::ErrorCode;
using Answer = wire::DeleteRecordsResponse::Partition;

struct Removal : OwnedItem {
    base::Offset before;
    Answer* answer = nullptr;
};

runtime::Task<void> remove_records(BrokerShard* owner, Removal* item) {
    replica::Partition* partition = owner->shared.replicas.find(item->key);
    if (partition == nullptr) {
        item->answer->error_code = ErrorCode::not_leader_or_follower;
        co_return;
    }
    const auto start = co_await partition->delete_records(item->before);
    item->answer->error_code = kafka_error(start);
    if (start) item->answer->low_watermark = *start;
}

ErrorCode refusal(const Call& call, const meta::Topic* known, const std::string& topic) {
    if (!call.allowed(wire::AclOperation::remove, topic)) return ErrorCode::topic_authorization_failed;
    if (known == nullptr) return ErrorCode::unknown_topic_or_partition;
    const EffectiveConfig config(call.home->shared.config, *call.home->image(), call.home->shared.node_id);
    const auto policies = to_list(config.topic_value(topic, "cleanup.policy"));
    const bool deletes = policies.empty() || std::ranges::find(policies, "delete") != policies.end();
    return deletes ? ErrorCode::none : ErrorCode::policy_violation;
}

}  // namespace

runtime::Task<wire::DeleteRecordsResponse> handle(Call call, wire::DeleteRecordsRequest request) {
    wire::DeleteRecordsResponse response;
    std::map<std::string, std::map<base::PartitionId, base::Offset>> asked;
    for (const auto& topic : request.topics)
        for (const auto& ask : topic.partitions) asked[topic.name][ask.partition_index] = ask.offset;
    std::vector<Removal> items;
    response.topics.reserve(asked.size());
    for (const auto& [name, partitions] : asked) {
        auto& answers = response.topics.emplace_back(name, std::vector<Answer>(partitions.size())).partitions;
        const meta::Topic* known = call.home->image()->topic(name);
        const ErrorCode refused = refusal(call, known, name);
        std::size_t i = 0;
        for (const auto& [partition, before] : partitions) {
            Answer& answer = answers[i++];
            answer.partition_index = partition;
            answer.low_watermark = base::Offset{-1};
            answer.error_code = refused;
            if (refused != ErrorCode::none) continue;
            if (known->partition(partition) == nullptr)
                answer.error_code = ErrorCode::unknown_topic_or_partition;
            else
                items.push_back({{{known->id, partition}}, before, &answer});
        }
    }
    std::vector<Removal*> wanted;
    for (Removal& item : items) wanted.push_back(&item);
    co_await on_owners(call.home, std::move(wanted), remove_records);
    co_return response;
}

}  // namespace klog::broker
