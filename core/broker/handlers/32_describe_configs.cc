// SPDX-License-Identifier: Apache-2.0
// DescribeConfigs, versions 1 to 4: topics, this broker, all brokers.
#include "core/wire/messages/32_describe_configs.h"

#include <algorithm>

#include "core/broker/effective_config.h"
#include "core/broker/handlers/configs.h"
#include "core/broker/handlers/handlers.h"

namespace klog::broker {
namespace {

using wire::ErrorCode;
using Response = wire::DescribeConfigsResponse;

Response::Config to_answer(DescribedKey key, wire::Version version, bool with_synonyms, bool with_documentation) {
    Response::Config out;
    out.name = std::move(key.name);
    out.value = std::move(key.value);
    out.read_only = key.read_only;
    out.config_source = static_cast<std::int8_t>(key.source);
    out.is_sensitive = key.sensitive;
    if (with_synonyms)
        for (Synonym& one : key.synonyms)
            out.synonyms.push_back({std::move(one.name), std::move(one.value), static_cast<std::int8_t>(one.source)});
    if (version < 3) return out;
    out.config_type = static_cast<std::int8_t>(key.type);
    if (with_documentation) out.documentation = std::string(key.doc);
    return out;
}

std::vector<DescribedKey> keys_of(const Call& call, std::int8_t type, const std::string& name) {
    const EffectiveConfig config(call.home->shared.config, *call.home->image(), call.home->shared.node_id);
    if (type == topic_resource) return config.describe_topic(name);
    if (type == broker_logger_resource) return {};
    return name.empty() ? config.describe_default_broker() : config.describe_broker();
}

}  // namespace

runtime::Task<wire::DescribeConfigsResponse> handle(Call call, wire::DescribeConfigsRequest request) {
    Response response;
    for (const auto& resource : request.resources) {
        auto& answer = response.results.emplace_back();
        answer.resource_type = resource.resource_type;
        answer.resource_name = resource.resource_name;
        std::string why;
        answer.error_code = check_resource(call, resource.resource_type, resource.resource_name,
                                           wire::AclOperation::describe_configs, why);
        if (!why.empty()) answer.error_message = std::move(why);
        if (answer.error_code != ErrorCode::none) continue;
        for (DescribedKey& key : keys_of(call, resource.resource_type, resource.resource_name)) {
            const auto& wanted = resource.configuration_keys;
            if (wanted && std::ranges::find(*wanted, key.name) == wanted->end()) continue;
            answer.configs.push_back(
                to_answer(std::move(key), call.version, request.include_synonyms, request.include_documentation));
        }
    }
    co_return response;
}

}  // namespace klog::broker
