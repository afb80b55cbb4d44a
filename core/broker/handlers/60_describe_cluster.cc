// SPDX-License-Identifier: Apache-2.0
// DescribeCluster, versions 0 to 2.
#include "core/wire/messages/60_describe_cluster.h"

#include "core/broker/handlers/handlers.h"

namespace klog::broker {

using wire::ErrorCode;

runtime::Task<wire::DescribeClusterResponse> handle(Call call, wire::DescribeClusterRequest request) {
    constexpr std::int8_t brokers = 1, controllers = 2;
    wire::DescribeClusterResponse response;
    response.endpoint_type = call.version >= 1 ? request.endpoint_type : brokers;
    if (response.endpoint_type != brokers) {
        const bool known = response.endpoint_type == controllers;
        response.error_code = known ? ErrorCode::mismatched_endpoint_type : ErrorCode::unsupported_endpoint_type;
        response.error_message = known ? "this is a broker, not a controller" : "no such type of endpoint";
        co_return response;
    }
    const auto& image = call.home->image();
    response.cluster_id = image->cluster_id();
    response.controller_id = image->controller_id();
    for (const auto& [id, broker] : image->brokers())
        if (const auto address = call.endpoint_of(broker))
            response.brokers.push_back({id, address->host, address->port, broker.rack, false});
    if (request.include_cluster_authorized_operations)
        response.cluster_authorized_operations =
            security::authorized_operations(call.home->shared.authorizer, call.client->identity, security::the_cluster);
    co_return response;
}

}  // namespace klog::broker
