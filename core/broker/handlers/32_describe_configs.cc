// SPDX-License-Identifier: Apache-2.0
// DescribeConfigs, versions 1 to 4: topics, this broker, all brokers. A resource that is named twice is answered once.
#include "core/wire/messages/32_describe_configs.h"

#include <optional>
#include <set>

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

std::size_t bytes_of(const Response::Config& config) {
    std::size_t bytes = sizeof(config) + config.name.size() + config.value.value_or("").size() +
                        config.documentation.value_or("").size();
    for (const auto& one : config.synonyms) bytes += sizeof(one) + one.name.size() + one.value.value_or("").size();
    return bytes;
}

/// The keys that were asked for, or all of them. False: they do not fit any more.
bool add_keys(const Call& call, const wire::DescribeConfigsRequest& request,
              const wire::DescribeConfigsRequest::Resource& resource, Response::Resource& answer, AnswerSize& size) {
    std::optional<std::set<std::string_view>> wanted;
    if (resource.configuration_keys)
        wanted.emplace(resource.configuration_keys->begin(), resource.configuration_keys->end());
    std::size_t bytes = 0;
    for (DescribedKey& key : keys_of(call, resource.resource_type, resource.resource_name)) {
        if (wanted && !wanted->contains(key.name)) continue;
        answer.configs.push_back(
            to_answer(std::move(key), call.version, request.include_synonyms, request.include_documentation));
        bytes += bytes_of(answer.configs.back());
    }
    if (!size.has_room(bytes, described_bytes_max)) return false;
    size.add(bytes);
    return true;
}

}  // namespace

runtime::Task<base::Result<wire::DescribeConfigsResponse>> handle(Call call, wire::DescribeConfigsRequest request) {
    Response response;
    AnswerSize size;
    std::set<std::pair<std::int8_t, std::string_view>> seen;
    for (const auto& resource : request.resources) {
        if (!seen.emplace(resource.resource_type, resource.resource_name).second) continue;
        auto& answer = response.results.emplace_back();
        answer.resource_type = resource.resource_type;
        answer.resource_name = resource.resource_name;
        std::string why;
        answer.error_code = check_resource(call, resource.resource_type, resource.resource_name,
                                           wire::AclOperation::describe_configs, why);
        if (answer.error_code == ErrorCode::none && !add_keys(call, request, resource, answer, size)) {
            answer.configs = {};
            answer.error_code = ErrorCode::policy_violation;
            why = "too much to describe in one answer: ask for fewer resources at once";
        }
        size.add(sizeof(answer) + answer.resource_name.size() + why.size());
        if (!why.empty()) answer.error_message = std::move(why);
        KLOG_CO_TRY_VOID(size.check());
    }
    co_return response;
}

}  // namespace klog::broker
