// SPDX-License-Identifier: Apache-2.0
// What the three configuration APIs share: Kafka's resources, and who may touch them.
#pragma once

#include <string>

#include "core/broker/broker_shard.h"
#include "core/controller/controller.h"
#include "core/controller/topic_names.h"

namespace klog::broker {

/// Kafka's ConfigResource.Type.
inline constexpr std::int8_t topic_resource = 2, broker_resource = 4, broker_logger_resource = 8;

/// The resource is a topic, or this broker, or all brokers; else why not.
inline wire::ErrorCode check_resource(const Call& call, std::int8_t type, const std::string& name,
                                      wire::AclOperation operation, std::string& why) {
    using wire::ErrorCode;
    if (type == topic_resource) {
        if (const auto legal = controller::check_topic_name(name); !legal) {
            why = legal.error().message;
            return ErrorCode::invalid_topic_exception;
        }
        if (!call.allowed(operation, name)) return ErrorCode::topic_authorization_failed;
        if (call.home->image()->topic(name) == nullptr) return ErrorCode::unknown_topic_or_partition;
        return ErrorCode::none;
    }
    if (!call.allowed(operation, security::the_cluster)) return ErrorCode::cluster_authorization_failed;
    if (type != broker_resource && type != broker_logger_resource) {
        why = fmt::format("resources of type {} have no configuration here", type);
        return ErrorCode::invalid_request;
    }
    if (name.empty() && type == broker_resource) return ErrorCode::none;
    if (name != std::to_string(call.home->shared.node_id.value)) {  // Not "01" either: one thing has one name.
        why = fmt::format("this is broker {}, not '{}'", call.home->shared.node_id, name);
        return ErrorCode::invalid_request;
    }
    return ErrorCode::none;
}

}  // namespace klog::broker
