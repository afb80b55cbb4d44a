// SPDX-License-Identifier: Apache-2.0
// Metadata, versions 0 to 13: answered from the cluster image. Topics that are asked for and missing are made first,
// where client and configuration allow it, and answered ready to use. A topic that is named twice is answered once.
#include "core/wire/messages/03_metadata.h"

#include <set>

#include "core/broker/effective_config.h"
#include "core/broker/handlers/handlers.h"
#include "core/broker/kafka_error.h"
#include "core/controller/controller.h"
#include "core/controller/topic_names.h"

namespace klog::broker {
namespace {

using wire::AclOperation;
using wire::ErrorCode;
using wire::MetadataResponse;

MetadataResponse::Topic describe(const Call& call, const meta::Topic& topic, bool with_operations) {
    MetadataResponse::Topic out;
    out.name = topic.name;
    out.topic_id = topic.id;
    out.is_internal = meta::is_internal_topic(topic.name);
    out.partitions.reserve(topic.partitions.size());
    for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
        const meta::Partition& partition = topic.partitions[i];
        const bool led = partition.leader.value >= 0;
        out.partitions.push_back({led ? ErrorCode::none : ErrorCode::leader_not_available,
                                  {static_cast<std::int32_t>(i)},
                                  partition.leader,
                                  partition.leader_epoch,
                                  partition.replicas,
                                  partition.isr,
                                  partition.offline_replicas});
    }
    if (with_operations)
        out.topic_authorized_operations = security::authorized_operations(
            call.home->shared.authorizer, call.client->identity, security::topic(topic.name));
    return out;
}

MetadataResponse::Topic refuse(std::optional<std::string> name, const base::Uuid& id, ErrorCode error) {
    MetadataResponse::Topic out;
    out.error_code = error;
    out.is_internal = name && meta::is_internal_topic(*name);
    out.name = std::move(name);
    out.topic_id = id;
    return out;
}

void add_brokers(const Call& call, MetadataResponse& response) {
    for (const auto& [id, broker] : call.home->image()->brokers())
        if (const auto address = call.endpoint_of(broker))
            response.brokers.push_back({id, address->host, address->port, broker.rack});
}

/// Makes what is missing. The answers are in the order of `names`.
runtime::Task<std::vector<ErrorCode>> create_missing(Call call, std::vector<std::string> names) {
    std::vector<controller::NewTopic> topics;
    for (const std::string& name : names) topics.push_back({.name = name});
    const auto deadline =
        call.deadline_in(static_cast<std::int32_t>(call.home->shared.config.integer("request.timeout.ms")));
    auto created = co_await call.home->shared.controller.create_topics(std::move(topics), false, deadline);
    std::vector<ErrorCode> answers;
    for (const auto& one : created) {
        if (one || one.error().code == base::Errc::exists)
            answers.push_back(ErrorCode::none);
        else if (one.error().code == base::Errc::invalid_topic || one.error().code == base::Errc::invalid_argument)
            answers.push_back(ErrorCode::invalid_topic_exception);
        else if (one.error().code == base::Errc::invalid_replication_factor)
            answers.push_back(ErrorCode::invalid_replication_factor);
        else
            answers.push_back(ErrorCode::leader_not_available);  // It may be there soon; the client asks again.
    }
    co_return answers;
}

class Metadata {
public:
    Metadata(Call call, wire::MetadataRequest request) : call_(std::move(call)), request_(std::move(request)) {}

    runtime::Task<base::Result<MetadataResponse>> serve() {
        MetadataResponse response;
        const bool all = !request_.topics || (call_.version == 0 && request_.topics->empty());
        if (all) {
            for (const auto& topic : call_.home->image()->topics())
                if (call_.allowed(AclOperation::describe, topic->name)) response.topics.push_back(answer(*topic));
        } else {
            AnswerSize size;
            std::set<std::pair<std::string_view, base::Uuid>> seen;
            for (const auto& wanted : *request_.topics) {
                const bool by_id = !wanted.topic_id.is_zero();
                const std::string_view name = by_id || !wanted.name ? std::string_view() : *wanted.name;
                if (!seen.emplace(name, wanted.topic_id).second) continue;
                response.topics.push_back(find(wanted));
                if (response.topics.back().error_code != ErrorCode::none)
                    size.add(sizeof(response.topics.back()) + name.size());
                KLOG_CO_TRY_VOID(size.check());
                if (response.topics.back().error_code == ErrorCode::unknown_topic_or_partition && may_create(wanted))
                    missing_.push_back(response.topics.size() - 1);
            }
            if (!missing_.empty()) {
                auto created = create(&response);
                co_await std::move(created);
            }
        }
        const auto& image = call_.home->image();
        add_brokers(call_, response);
        response.cluster_id = image->cluster_id();
        response.controller_id = image->controller_id();
        if (request_.include_cluster_authorized_operations)
            response.cluster_authorized_operations = security::authorized_operations(
                call_.home->shared.authorizer, call_.client->identity, security::the_cluster);
        co_return response;
    }

private:
    MetadataResponse::Topic answer(const meta::Topic& topic) const {
        return describe(call_, topic, request_.include_topic_authorized_operations);
    }

    MetadataResponse::Topic find(const wire::MetadataRequest::Topic& wanted) const {
        const auto& image = call_.home->image();
        if (!wanted.topic_id.is_zero()) {
            const meta::Topic* topic = image->topic(wanted.topic_id);
            if (topic == nullptr || !call_.allowed(AclOperation::describe, topic->name))
                return refuse(call_.version < 12 ? std::optional<std::string>("") : std::nullopt, wanted.topic_id,
                              ErrorCode::unknown_topic_id);
            return answer(*topic);
        }
        if (!wanted.name) return refuse("", wanted.topic_id, ErrorCode::invalid_topic_exception);
        if (!call_.allowed(AclOperation::describe, *wanted.name))
            return refuse(wanted.name, {}, ErrorCode::topic_authorization_failed);
        if (const meta::Topic* topic = image->topic(*wanted.name)) return answer(*topic);
        if (!controller::check_topic_name(*wanted.name))
            return refuse(wanted.name, {}, ErrorCode::invalid_topic_exception);
        return refuse(wanted.name, {}, ErrorCode::unknown_topic_or_partition);
    }

    bool may_create(const wire::MetadataRequest::Topic& wanted) const {
        if (call_.version >= 4 && !request_.allow_auto_topic_creation) return false;
        if (!call_.home->shared.config.boolean("auto.create.topics.enable")) return false;
        if (meta::is_internal_topic(*wanted.name)) return false;  // Their coordinators make them.
        return call_.allowed(AclOperation::create, security::the_cluster) ||
               call_.allowed(AclOperation::create, *wanted.name);
    }

    runtime::Task<void> create(MetadataResponse* response) {
        std::vector<std::string> names;
        for (const std::size_t i : missing_) names.push_back(*response->topics[i].name);
        auto task = create_missing(call_, names);
        const auto created = co_await std::move(task);
        for (std::size_t n = 0; n < missing_.size(); ++n) {
            auto& topic = response->topics[missing_[n]];
            const meta::Topic* made = call_.home->image()->topic(names[n]);
            if (made != nullptr)
                topic = answer(*made);
            else
                topic.error_code = created[n] == ErrorCode::none ? ErrorCode::leader_not_available : created[n];
        }
    }

    Call call_;
    wire::MetadataRequest request_;
    std::vector<std::size_t> missing_;  // In the response.
};

}  // namespace

runtime::Task<base::Result<wire::MetadataResponse>> handle(Call call, wire::MetadataRequest request) {
    Metadata metadata(std::move(call), std::move(request));
    auto response = co_await metadata.serve();
    co_return response;
}

}  // namespace klog::broker
