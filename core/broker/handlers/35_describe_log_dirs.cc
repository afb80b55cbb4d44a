// SPDX-License-Identifier: Apache-2.0
// DescribeLogDirs, versions 1 to 5.
#include "core/wire/messages/35_describe_log_dirs.h"

#include <set>

#include "core/broker/handlers/handlers.h"

namespace klog::broker {
namespace {

using wire::ErrorCode;
using Wanted = std::set<std::pair<std::string, base::PartitionId>>;

wire::DescribeLogDirsResponse::LogDir describe(const replica::LogDirInfo& dir, const Wanted* wanted) {
    wire::DescribeLogDirsResponse::LogDir out;
    out.log_dir = dir.path;
    if (dir.offline) {
        out.error_code = ErrorCode::kafka_storage_error;
        return out;
    }
    out.total_bytes = static_cast<std::int64_t>(dir.total_bytes);
    out.usable_bytes = static_cast<std::int64_t>(dir.usable_bytes);
    for (const auto& replica : dir.replicas) {
        if (wanted != nullptr && !wanted->contains({replica.topic, replica.partition})) continue;
        if (out.topics.empty() || out.topics.back().name != replica.topic) out.topics.push_back({replica.topic, {}});
        out.topics.back().partitions.push_back(
            {replica.partition, static_cast<std::int64_t>(replica.size_bytes), replica.offset_lag, false});
    }
    return out;
}

}  // namespace

runtime::Task<wire::DescribeLogDirsResponse> handle(Call call, wire::DescribeLogDirsRequest request) {
    wire::DescribeLogDirsResponse response;
    if (!call.allowed(wire::AclOperation::describe, security::the_cluster)) {
        if (call.version >= 3) response.error_code = ErrorCode::cluster_authorization_failed;
        co_return response;
    }
    Wanted wanted;
    if (request.topics)
        for (const auto& topic : *request.topics)
            for (const base::PartitionId partition : topic.partitions) wanted.emplace(topic.topic, partition);
    const auto dirs = co_await call.home->shared.replicas.describe_log_dirs();
    for (const auto& dir : dirs) response.results.push_back(describe(dir, request.topics ? &wanted : nullptr));
    co_return response;
}

}  // namespace klog::broker
