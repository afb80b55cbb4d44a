// SPDX-License-Identifier: Apache-2.0
// CreateTopics, versions 2 to 7. A topic that is named twice is refused, once.
#include "core/wire/messages/19_create_topics.h"

#include <map>

#include "core/broker/effective_config.h"
#include "core/broker/handlers/handlers.h"
#include "core/broker/kafka_error.h"
#include "core/controller/controller.h"

namespace klog::broker {
namespace {

using wire::ErrorCode;
using Answer = wire::CreateTopicsResponse::Topic;

controller::NewTopic to_new_topic(const wire::CreateTopicsRequest::Topic& topic) {
    controller::NewTopic out;
    out.name = topic.name;
    out.partitions = topic.num_partitions;
    out.replication_factor = topic.replication_factor;
    for (const auto& assignment : topic.assignments)
        out.assignments.emplace_back(assignment.partition_index, assignment.broker_ids);
    for (const auto& config : topic.configs) out.configs.emplace_back(config.name, config.value);
    return out;
}

/// The configuration that the topic has, or would have.
std::vector<wire::CreateTopicsResponse::Config> configs_of(const Call& call, const controller::CreatedTopic& topic) {
    meta::Image::Change with(*call.home->image());
    with.set_topic_config(topic.name, topic.configs);
    const EffectiveConfig config(call.home->shared.config, with.image(), call.home->shared.node_id);
    std::vector<wire::CreateTopicsResponse::Config> out;
    for (DescribedKey& key : config.describe_topic(topic.name))
        out.push_back({std::move(key.name), std::move(key.value), key.read_only, static_cast<std::int8_t>(key.source),
                       key.sensitive});
    return out;
}

void fill(const Call& call, const base::Result<controller::CreatedTopic>& created, Answer& answer) {
    if (!created) {
        answer.error_code = kafka_error(created.error());
        answer.error_message = created.error().message;
        return;
    }
    answer.topic_id = created->id;
    if (call.version < 5) return;
    answer.num_partitions = created->partitions;
    answer.replication_factor = created->replication_factor;
    if (call.allowed(wire::AclOperation::describe_configs, created->name))
        answer.configs = configs_of(call, *created);
    else
        answer.topic_config_error_code = ErrorCode::topic_authorization_failed;
}

}  // namespace

runtime::Task<wire::CreateTopicsResponse> handle(Call call, wire::CreateTopicsRequest request) {
    wire::CreateTopicsResponse response;
    std::map<std::string_view, int> times;
    for (const auto& topic : request.topics) ++times[topic.name];
    std::vector<controller::NewTopic> topics;
    std::vector<std::size_t> places;  // In the response, of what the controller is asked for.
    for (const auto& topic : request.topics) {
        int& named = times[topic.name];
        if (named == 0) continue;  // Answered already.
        auto& answer = response.topics.emplace_back();
        answer.name = topic.name;
        if (call.version >= 5) answer.configs.emplace();
        if (named > 1) {
            named = 0;
            answer.error_code = ErrorCode::invalid_request;
            answer.error_message = "the topic is named twice";
            continue;
        }
        if (!call.allowed(wire::AclOperation::create, security::the_cluster) &&
            !call.allowed(wire::AclOperation::create, topic.name)) {
            answer.error_code = ErrorCode::topic_authorization_failed;
            continue;
        }
        places.push_back(response.topics.size() - 1);
        topics.push_back(to_new_topic(topic));
    }
    auto created = co_await call.home->shared.controller.create_topics(std::move(topics), request.validate_only,
                                                                       call.deadline_in(request.timeout_ms));
    for (std::size_t i = 0; i < created.size(); ++i) fill(call, created[i], response.topics[places[i]]);
    co_return response;
}

}  // namespace klog::broker
