// SPDX-License-Identifier: Apache-2.0
// DeleteTopics, versions 1 to 6.
#include "core/wire/messages/20_delete_topics.h"

#include <map>
#include <optional>

#include "core/broker/handlers/handlers.h"
#include "core/broker/kafka_error.h"
#include "core/controller/controller.h"

namespace klog::broker {
namespace {

using wire::ErrorCode;

ErrorCode to_kafka(const base::Error& error, bool by_id) {
    if (error.code == base::Errc::unsupported) return ErrorCode::topic_deletion_disabled;
    if (error.code == base::Errc::not_found && by_id) return ErrorCode::unknown_topic_id;
    return kafka_error(error);
}

/// Where each topic may not be deleted, or not be known, by this client; none: ask the controller.
ErrorCode refusal(const Call& call, const wire::DeleteTopicsRequest::Topic& wanted) {
    const auto& image = call.home->image();
    if (wanted.name && !wanted.topic_id.is_zero()) return ErrorCode::invalid_request;
    if (!wanted.name && wanted.topic_id.is_zero()) return ErrorCode::invalid_request;
    const meta::Topic* topic = wanted.name ? image->topic(*wanted.name) : image->topic(wanted.topic_id);
    if (topic == nullptr) return wanted.name ? ErrorCode::unknown_topic_or_partition : ErrorCode::unknown_topic_id;
    if (!call.allowed(wire::AclOperation::describe, topic->name))
        return wanted.name ? ErrorCode::unknown_topic_or_partition : ErrorCode::unknown_topic_id;
    if (!call.allowed(wire::AclOperation::remove, topic->name)) return ErrorCode::topic_authorization_failed;
    return ErrorCode::none;
}

/// Topics are named by name or by id.
using Name = std::pair<std::optional<std::string_view>, base::Uuid>;
Name name_of(const wire::DeleteTopicsRequest::Topic& wanted) {
    return {wanted.name ? std::optional<std::string_view>(*wanted.name) : std::nullopt, wanted.topic_id};
}

}  // namespace

runtime::Task<wire::DeleteTopicsResponse> handle(Call call, wire::DeleteTopicsRequest request) {
    if (call.version < 6)
        for (std::string& name : request.topic_names) request.topics.push_back({std::move(name), {}});
    wire::DeleteTopicsResponse response;
    std::vector<controller::TopicRef> topics;
    std::vector<std::size_t> places;
    std::map<Name, int> times;
    for (const auto& wanted : request.topics) ++times[name_of(wanted)];
    for (const auto& wanted : request.topics) {
        int& named = times[name_of(wanted)];
        if (named == 0) continue;  // Answered.
        auto& answer = response.responses.emplace_back();
        answer.name = wanted.name;
        answer.topic_id = wanted.topic_id;
        answer.error_code = named > 1 ? ErrorCode::invalid_request : refusal(call, wanted);
        if (named > 1) answer.error_message = "the topic is named twice";
        named = 0;
        if (answer.error_code != ErrorCode::none) continue;
        places.push_back(response.responses.size() - 1);
        if (wanted.name)
            topics.emplace_back(*wanted.name);
        else
            topics.emplace_back(wanted.topic_id);
    }
    auto deleted =
        co_await call.home->shared.controller.delete_topics(std::move(topics), call.deadline_in(request.timeout_ms));
    for (std::size_t i = 0; i < deleted.size(); ++i) {
        auto& answer = response.responses[places[i]];
        if (deleted[i]) {
            answer.name = deleted[i]->name;
            answer.topic_id = deleted[i]->id;
            continue;
        }
        answer.error_code = to_kafka(deleted[i].error(), !answer.name);
        answer.error_message = deleted[i].error().message;
    }
    co_return response;
}

}  // namespace klog::broker
