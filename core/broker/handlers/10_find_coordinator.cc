// SPDX-License-Identifier: Apache-2.0
// FindCoordinator, versions 0 to 6. This broker coordinates neither groups nor transactions yet, and says of every key
// what Kafka says while no coordinator is there: COORDINATOR_NOT_AVAILABLE. It is announced all the same, because
// librdkafka compresses with lz4 only for brokers that have it (its feature LZ4 depends on this API).
#include "core/wire/messages/10_find_coordinator.h"

#include <set>

#include "core/base/log.h"
#include "core/broker/handlers/handlers.h"

namespace klog::broker {
namespace {

using wire::ErrorCode;

constexpr std::int8_t of_group = 0, of_transaction = 1;
constexpr std::string_view not_here = "this broker has no coordinators yet";

ErrorCode answer_for(const Call& call, std::string_view key, std::int8_t type) {
    if (type == of_group && !call.allowed(wire::AclOperation::describe, security::group(key)))
        return ErrorCode::group_authorization_failed;
    if (type == of_transaction && !call.allowed(wire::AclOperation::describe, security::transactional_id(key)))
        return ErrorCode::transactional_id_authorization_failed;
    if (type != of_group && type != of_transaction) return ErrorCode::invalid_request;
    return ErrorCode::coordinator_not_available;
}

/// Clients ask again and again, and say nothing themselves.
void say_that_there_is_none(const Call& call, std::int8_t type) {
    if ((type != of_group && type != of_transaction) || !call.home->bad_connections.allows(call.home->shard.now()))
        return;
    base::log_warn("{} wants a coordinator of {}: there is none yet, it will wait in vain",
                   call.client->peer.to_string(), type == of_group ? "groups" : "transactions");
}

}  // namespace

runtime::Task<base::Result<wire::FindCoordinatorResponse>> handle(Call call, wire::FindCoordinatorRequest request) {
    constexpr wire::Version several_keys_since = 4;
    wire::FindCoordinatorResponse response;
    say_that_there_is_none(call, request.key_type);
    if (call.version < several_keys_since) {
        response.error_code = answer_for(call, request.key, request.key_type);
        response.error_message = not_here;
        response.node_id = base::no_node;
        response.port = -1;
        co_return response;
    }
    AnswerSize size;
    std::set<std::string_view> seen;
    for (const std::string& key : request.coordinator_keys) {
        if (!seen.insert(key).second) continue;
        auto& one = response.coordinators.emplace_back();
        one.key = key;
        one.error_code = answer_for(call, key, request.key_type);
        one.error_message = not_here;
        one.node_id = base::no_node;
        one.port = -1;
        size.add(sizeof(one) + key.size() + not_here.size());
        KLOG_CO_TRY_VOID(size.check());
    }
    co_return response;
}

}  // namespace klog::broker
