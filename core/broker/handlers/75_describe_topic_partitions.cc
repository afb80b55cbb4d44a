// SPDX-License-Identifier: Apache-2.0
// DescribeTopicPartitions, version 0: topics in pages, by name (KIP-966).
#include "core/wire/messages/75_describe_topic_partitions.h"

#include <algorithm>
#include <set>

#include "core/broker/handlers/handlers.h"

namespace klog::broker {
namespace {

using wire::ErrorCode;
using Response = wire::DescribeTopicPartitionsResponse;

Response::Partition describe(const meta::Partition& partition, std::int32_t index) {
    Response::Partition out;
    out.error_code = partition.leader.value >= 0 ? ErrorCode::none : ErrorCode::leader_not_available;
    out.partition_index = {index};
    out.leader_id = partition.leader;
    out.leader_epoch = partition.leader_epoch;
    out.replica_nodes = partition.replicas;
    out.isr_nodes = partition.isr;
    out.eligible_leader_replicas.emplace();
    out.last_known_elr.emplace();
    out.offline_replicas = partition.offline_replicas;
    return out;
}

/// Names in order, from the cursor on; all topics when none is named.
std::set<std::string> wanted_names(const Call& call, const wire::DescribeTopicPartitionsRequest& request) {
    std::set<std::string> names;
    for (const auto& topic : request.topics) names.insert(topic.name);
    if (request.topics.empty())
        for (const auto& topic : call.home->image()->topics()) names.insert(topic->name);
    if (request.cursor) names.erase(names.begin(), names.lower_bound(request.cursor->topic_name));
    return names;
}

/// The cursor is one that a response gave for this request, as far as can be told.
bool cursor_fits(const wire::DescribeTopicPartitionsRequest& request) {
    if (!request.cursor) return true;
    if (request.cursor->partition_index.value < 0) return false;
    const auto is_its_topic = [&](const auto& topic) { return topic.name == request.cursor->topic_name; };
    return request.topics.empty() || std::ranges::any_of(request.topics, is_its_topic);
}

}  // namespace

runtime::Task<base::Result<wire::DescribeTopicPartitionsResponse>> handle(
    Call call, wire::DescribeTopicPartitionsRequest request) {
    Response response;
    if (!cursor_fits(request)) {
        for (const auto& topic : request.topics) {
            auto& answer = response.topics.emplace_back();
            answer.name = topic.name;
            answer.error_code = ErrorCode::invalid_request;
        }
        co_return response;
    }
    const auto image = call.home->image();
    AnswerSize size;
    std::int64_t left = std::min<std::int64_t>(std::max(request.response_partition_limit, 1),
                                               call.home->shared.config.integer("max.request.partition.size.limit"));
    for (const std::string& name : wanted_names(call, request)) {
        const bool allowed = call.allowed(wire::AclOperation::describe, name);
        if (!allowed && request.topics.empty()) continue;
        const bool resumed = request.cursor && request.cursor->topic_name == name;
        const std::int32_t first = resumed ? request.cursor->partition_index.value : 0;
        if (left == 0) {
            response.next_cursor = {name, {first}};
            break;
        }
        auto& answer = response.topics.emplace_back();
        answer.name = name;
        const meta::Topic* topic = image->topic(name);
        if (!allowed || topic == nullptr) {
            answer.error_code = allowed ? ErrorCode::unknown_topic_or_partition : ErrorCode::topic_authorization_failed;
            size.add(sizeof(answer) + name.size());
            KLOG_CO_TRY_VOID(size.check());
            continue;
        }
        answer.topic_id = topic->id;
        answer.is_internal = meta::is_internal_topic(name);
        answer.topic_authorized_operations =
            security::authorized_operations(call.home->shared.authorizer, call.client->identity, security::topic(name));
        const auto end = static_cast<std::int32_t>(topic->partitions.size());
        std::int32_t i = first;
        for (; i < end && left > 0; ++i, --left)
            answer.partitions.push_back(describe(topic->partitions[static_cast<std::size_t>(i)], i));
        if (i < end) {
            response.next_cursor = {name, {i}};
            break;
        }
    }
    co_return response;
}

}  // namespace klog::broker
