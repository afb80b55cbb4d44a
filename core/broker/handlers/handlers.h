// SPDX-License-Identifier: Apache-2.0
// One overload of handle() per API that is served; dispatch.cc finds them by type, so that an API without a handler
// does not compile. Each is in handlers/NN_name.cc. They run on the home shard of the request's connection.
#pragma once

#include "core/broker/broker_shard.h"

namespace klog::wire {
#define KLOG_DECLARE(Name) \
    struct Name##Request;  \
    struct Name##Response;
KLOG_DECLARE(Fetch)
KLOG_DECLARE(ListOffsets)
KLOG_DECLARE(Metadata)
KLOG_DECLARE(ApiVersions)
KLOG_DECLARE(FindCoordinator)
KLOG_DECLARE(CreateTopics)
KLOG_DECLARE(DeleteTopics)
KLOG_DECLARE(DeleteRecords)
KLOG_DECLARE(InitProducerId)
KLOG_DECLARE(OffsetForLeaderEpoch)
KLOG_DECLARE(DescribeConfigs)
KLOG_DECLARE(AlterConfigs)
KLOG_DECLARE(DescribeLogDirs)
KLOG_DECLARE(CreatePartitions)
KLOG_DECLARE(IncrementalAlterConfigs)
KLOG_DECLARE(DescribeCluster)
KLOG_DECLARE(DescribeTopicPartitions)
#undef KLOG_DECLARE
}  // namespace klog::wire

namespace klog::broker {

/// An error instead of an answer closes the connection. Only what can name many things that cost more in the answer
/// than in the request has one (limit).
///
/// Fetch, Metadata and ApiVersions may be called again for the same connection before they have ended. Views in a
/// request are good until the first suspension for these, and until the end for the others.
runtime::Task<wire::FetchResponse> handle(Call call, wire::FetchRequest request);
runtime::Task<base::Result<wire::MetadataResponse>> handle(Call call, wire::MetadataRequest request);
runtime::Task<wire::ApiVersionsResponse> handle(Call call, wire::ApiVersionsRequest request);

runtime::Task<wire::ListOffsetsResponse> handle(Call call, wire::ListOffsetsRequest request);
runtime::Task<base::Result<wire::FindCoordinatorResponse>> handle(Call call, wire::FindCoordinatorRequest request);
runtime::Task<wire::CreateTopicsResponse> handle(Call call, wire::CreateTopicsRequest request);
runtime::Task<wire::DeleteTopicsResponse> handle(Call call, wire::DeleteTopicsRequest request);
runtime::Task<wire::DeleteRecordsResponse> handle(Call call, wire::DeleteRecordsRequest request);
runtime::Task<wire::InitProducerIdResponse> handle(Call call, wire::InitProducerIdRequest request);
runtime::Task<wire::OffsetForLeaderEpochResponse> handle(Call call, wire::OffsetForLeaderEpochRequest request);
runtime::Task<base::Result<wire::DescribeConfigsResponse>> handle(Call call, wire::DescribeConfigsRequest request);
runtime::Task<wire::AlterConfigsResponse> handle(Call call, wire::AlterConfigsRequest request);
runtime::Task<wire::DescribeLogDirsResponse> handle(Call call, wire::DescribeLogDirsRequest request);
runtime::Task<wire::CreatePartitionsResponse> handle(Call call, wire::CreatePartitionsRequest request);
runtime::Task<wire::IncrementalAlterConfigsResponse> handle(Call call, wire::IncrementalAlterConfigsRequest request);
runtime::Task<wire::DescribeClusterResponse> handle(Call call, wire::DescribeClusterRequest request);
runtime::Task<base::Result<wire::DescribeTopicPartitionsResponse>> handle(Call call,
                                                                          wire::DescribeTopicPartitionsRequest request);

}  // namespace klog::broker
