// SPDX-License-Identifier: Apache-2.0
// ListOffsets, versions 1 to 11: the offset at a time, or at one of the special times.
#include "core/wire/messages/02_list_offsets.h"

#include <map>

#include "core/broker/handlers/handlers.h"
#include "core/broker/kafka_error.h"
#include "core/broker/owners.h"

namespace klog::broker {
namespace {

using wire::ErrorCode;
using Answer = wire::ListOffsetsResponse::Partition;

struct Lookup : OwnedItem {
    wire::ListOffsetsRequest::Partition ask;
    replica::Isolation isolation = replica::Isolation::read_uncommitted;
    bool with_epoch = false;  // The version of the answer has it.
    Answer* answer = nullptr;
};

/// The version that knows the special time; none: nobody does.
std::optional<wire::Version> version_of_special(base::TimestampMs timestamp) {
    using enum replica::SpecialTimestamp;
    switch (static_cast<replica::SpecialTimestamp>(timestamp)) {
        case latest:
        case earliest: return 1;
        case max_timestamp: return 7;
        case earliest_local: return 8;
        case latest_tiered: return 9;
        case earliest_pending_upload: return 11;
    }
    return std::nullopt;
}

runtime::Task<void> look_up(BrokerShard* owner, Lookup* item) {
    Answer& answer = *item->answer;
    replica::Partition* partition = owner->shared.replicas.find(item->key);
    if (partition == nullptr) {
        answer.error_code = ErrorCode::not_leader_or_follower;
        co_return;
    }
    std::optional<base::LeaderEpoch> epoch;
    if (item->ask.current_leader_epoch.value >= 0) epoch = item->ask.current_leader_epoch;
    const auto found = co_await partition->list_offsets(item->ask.timestamp, item->isolation, epoch);
    answer.error_code = kafka_error(found);
    if (!found) co_return;
    answer.timestamp = found->timestamp;
    answer.offset = found->offset;
    if (item->with_epoch) answer.leader_epoch = found->leader_epoch;
}

ErrorCode refusal(const Call& call, const std::string& topic, const wire::ListOffsetsRequest::Partition& ask) {
    if (!call.allowed(wire::AclOperation::describe, topic)) return ErrorCode::topic_authorization_failed;
    if (ask.timestamp < 0) {
        const auto since = version_of_special(ask.timestamp);
        if (!since || call.version < *since) return ErrorCode::unsupported_version;
    }
    if (call.home->image()->partition(topic, ask.partition_index) == nullptr)
        return ErrorCode::unknown_topic_or_partition;
    return ErrorCode::none;
}

}  // namespace

runtime::Task<wire::ListOffsetsResponse> handle(Call call, wire::ListOffsetsRequest request) {
    wire::ListOffsetsResponse response;
    std::vector<Lookup> items;
    std::map<std::pair<std::string_view, base::PartitionId>, int> times;
    for (const auto& topic : request.topics)
        for (const auto& partition : topic.partitions) ++times[{topic.name, partition.partition_index}];
    replica::Isolation isolation = replica::Isolation::log_end;
    if (request.replica_id == base::no_node)
        isolation =
            request.isolation_level == 1 ? replica::Isolation::read_committed : replica::Isolation::read_uncommitted;
    response.topics.reserve(request.topics.size());
    for (const auto& topic : request.topics) {
        auto& answers =
            response.topics.emplace_back(topic.name, std::vector<Answer>(topic.partitions.size())).partitions;
        for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
            const auto& ask = topic.partitions[i];
            answers[i].partition_index = ask.partition_index;
            answers[i].error_code = refusal(call, topic.name, ask);
            if (times[{topic.name, ask.partition_index}] > 1) answers[i].error_code = ErrorCode::invalid_request;
            if (answers[i].error_code != ErrorCode::none) continue;
            const meta::Topic* known = call.home->image()->topic(topic.name);
            items.push_back({{{known->id, ask.partition_index}}, ask, isolation, call.version >= 4, &answers[i]});
        }
    }
    std::vector<Lookup*> wanted;
    for (Lookup& item : items) wanted.push_back(&item);
    co_await on_owners(call.home, std::move(wanted), look_up);
    co_return response;
}

}  // namespace klog::broker
