// SPDX-License-Identifier: Apache-2.0
// AlterConfigs, versions 0 to 2 (replaces a resource's whole configuration), and IncrementalAlterConfigs, 0 and 1 (KIP-
// 339): the same but for what stays.
#include "core/wire/messages/33_alter_configs.h"

#include "core/broker/handlers/configs.h"
#include "core/broker/handlers/handlers.h"
#include "core/broker/kafka_error.h"
#include "core/wire/messages/44_incremental_alter_configs.h"

namespace klog::broker {
namespace {

using controller::ConfigOp;
using wire::ErrorCode;

std::vector<controller::ConfigEdit> edits_of(const wire::AlterConfigsRequest::Resource& resource) {
    std::vector<controller::ConfigEdit> edits;
    for (const auto& config : resource.configs) edits.push_back({config.name, ConfigOp::set, config.value});
    return edits;
}

std::vector<controller::ConfigEdit> edits_of(const wire::IncrementalAlterConfigsRequest::Resource& resource) {
    std::vector<controller::ConfigEdit> edits;
    for (const auto& config : resource.configs)
        edits.push_back({config.name, static_cast<ConfigOp>(config.config_operation), config.value});
    return edits;
}

bool known_operations(const std::vector<controller::ConfigEdit>& edits) {
    return std::ranges::all_of(
        edits, [](const auto& edit) { return edit.op >= ConfigOp::set && edit.op <= ConfigOp::subtract; });
}

template <class Response, class Request>
runtime::Task<Response> alter(Call call, Request request, bool incremental) {
    Response response;
    std::vector<controller::ConfigAlteration> alterations;
    std::vector<std::size_t> places;
    for (const auto& resource : request.resources) {
        auto& answer = response.responses.emplace_back();
        answer.resource_type = resource.resource_type;
        answer.resource_name = resource.resource_name;
        std::string why;
        answer.error_code = check_resource(call, resource.resource_type, resource.resource_name,
                                           wire::AclOperation::alter_configs, why);
        auto edits = edits_of(resource);
        if (answer.error_code == ErrorCode::none && resource.resource_type == broker_logger_resource) {
            answer.error_code = ErrorCode::invalid_request;
            why = "there are no loggers to configure";
        }
        if (answer.error_code == ErrorCode::none && !known_operations(edits)) {
            answer.error_code = ErrorCode::invalid_request;
            why = "an unknown operation on a configuration key";
        }
        if (!why.empty()) answer.error_message = std::move(why);
        if (answer.error_code != ErrorCode::none) continue;
        places.push_back(response.responses.size() - 1);
        const auto type = static_cast<controller::ResourceType>(resource.resource_type);
        alterations.push_back({{type, resource.resource_name}, incremental, std::move(edits)});
    }
    auto altered = co_await call.home->shared.controller.alter_configs(std::move(alterations), request.validate_only);
    for (std::size_t i = 0; i < altered.size(); ++i) {
        if (altered[i]) continue;
        response.responses[places[i]].error_code = kafka_error(altered[i].error());
        response.responses[places[i]].error_message = altered[i].error().message;
    }
    co_return response;
}

}  // namespace

runtime::Task<wire::AlterConfigsResponse> handle(Call call, wire::AlterConfigsRequest request) {
    return alter<wire::AlterConfigsResponse>(std::move(call), std::move(request), false);
}

runtime::Task<wire::IncrementalAlterConfigsResponse> handle(Call call, wire::IncrementalAlterConfigsRequest request) {
    return alter<wire::IncrementalAlterConfigsResponse>(std::move(call), std::move(request), true);
}

}  // namespace klog::broker
