// SPDX-License-Identifier: Apache-2.0
// InitProducerId, versions 0 to 5, for idempotent producers. Transactions have no coordinator here yet, and none is
// announced: who asks all the same is told to look for it.
#include "core/wire/messages/22_init_producer_id.h"

#include "core/broker/handlers/handlers.h"
#include "core/broker/kafka_error.h"

namespace klog::broker {

using wire::ErrorCode;

runtime::Task<wire::InitProducerIdResponse> handle(Call call, wire::InitProducerIdRequest request) {
    wire::InitProducerIdResponse response;
    response.producer_epoch = base::ProducerEpoch{-1};
    const auto refuse = [&](ErrorCode code) {
        response.error_code = code;
        return response;
    };
    if (request.transactional_id && request.transactional_id->empty()) co_return refuse(ErrorCode::invalid_request);
    if (request.transactional_id) {
        if (!call.allowed(wire::AclOperation::write, security::transactional_id(*request.transactional_id)))
            co_return refuse(ErrorCode::transactional_id_authorization_failed);
        co_return refuse(ErrorCode::not_coordinator);
    }
    if (!call.allowed(wire::AclOperation::idempotent_write, security::the_cluster))
        co_return refuse(ErrorCode::cluster_authorization_failed);
    // An id with an epoch is a transactional producer's way to raise it (KIP-360); an idempotent one asks anew.
    if ((request.producer_id.value < 0) != (request.producer_epoch.value < 0))
        co_return refuse(ErrorCode::invalid_request);
    auto id = co_await call.home->shared.producer_ids.next();
    // The store cannot say now: the client asks again.
    if (!id) co_return refuse(ErrorCode::coordinator_load_in_progress);
    response.producer_id = *id;
    response.producer_epoch = base::ProducerEpoch{0};
    co_return response;
}

}  // namespace klog::broker
