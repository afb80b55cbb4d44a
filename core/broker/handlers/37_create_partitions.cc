// SPDX-License-Identifier: Apache-2.0
// CreatePartitions, versions 0 to 3. A topic that is named twice is refused, once.
#include "core/wire/messages/37_create_partitions.h"

#include <map>

#include "core/broker/handlers/handlers.h"
#include "core/broker/kafka_error.h"
#include "core/controller/controller.h"

namespace klog::broker {
namespace {

using wire::ErrorCode;

controller::GrownTopic to_grown(const wire::CreatePartitionsRequest::Topic& topic) {
    controller::GrownTopic out{topic.name, topic.count, {}};
    if (topic.assignments)
        for (const auto& assignment : *topic.assignments) out.assignments.push_back(assignment.broker_ids);
    return out;
}

ErrorCode to_kafka(const base::Error& error) {
    return error.code == base::Errc::busy ? ErrorCode::reassignment_in_progress : kafka_error(error);
}

}  // namespace

runtime::Task<wire::CreatePartitionsResponse> handle(Call call, wire::CreatePartitionsRequest request) {
    wire::CreatePartitionsResponse response;
    std::map<std::string_view, int> times;
    for (const auto& topic : request.topics) ++times[topic.name];
    std::vector<controller::GrownTopic> topics;
    std::vector<std::size_t> places;
    for (const auto& topic : request.topics) {
        int& named = times[topic.name];
        if (named == 0) continue;  // Answered already.
        auto& answer = response.results.emplace_back();
        answer.name = topic.name;
        if (named > 1) {
            named = 0;
            answer.error_code = ErrorCode::invalid_request;
            answer.error_message = "the topic is named twice";
        } else if (!call.allowed(wire::AclOperation::alter, topic.name)) {
            answer.error_code = ErrorCode::topic_authorization_failed;
        } else {
            places.push_back(response.results.size() - 1);
            topics.push_back(to_grown(topic));
        }
    }
    auto grown = co_await call.home->shared.controller.create_partitions(std::move(topics), request.validate_only,
                                                                         call.deadline_in(request.timeout_ms));
    for (std::size_t i = 0; i < grown.size(); ++i) {
        if (grown[i]) continue;
        response.results[places[i]].error_code = to_kafka(grown[i].error());
        response.results[places[i]].error_message = grown[i].error().message;
    }
    co_return response;
}

}  // namespace klog::broker
