// SPDX-License-Identifier: Apache-2.0
#include "core/replica/image_update.h"

#include <set>

#include "core/wire/messages/06_update_metadata.h"

namespace klog::replica {

using base::Errc;
using base::fail;
using base::Result;
using wire::UpdateMetadataRequest;

namespace {

/// The ids of org.apache.kafka.common.security.auth.SecurityProtocol.
std::string security_protocol_named(std::int16_t id) {
    switch (id) {
        case 1: return "SSL";
        case 2: return "SASL_PLAINTEXT";
        case 3: return "SASL_SSL";
        default: return "PLAINTEXT";
    }
}

meta::Broker broker_of(const UpdateMetadataRequest::Broker& told) {
    meta::Broker broker{told.id, base::BrokerEpoch{-1}, {}, told.rack};
    for (const auto& endpoint : told.endpoints) {
        broker.endpoints.push_back(
            {endpoint.listener, security_protocol_named(endpoint.security_protocol), endpoint.host, endpoint.port});
    }
    return broker;
}

meta::Partition partition_of(const UpdateMetadataRequest::Partition& told) {
    return {told.leader, told.leader_epoch, told.replicas, told.isr, told.offline_replicas, told.zk_version};
}

Result<> apply_topic(meta::Image::Change& change, const UpdateMetadataRequest::Topic& told) {
    const meta::Topic* before = change.image().topic(told.topic_name);
    const bool same = before != nullptr && before->id == told.topic_id;
    meta::Topic topic = same ? *before : meta::Topic{told.topic_name, told.topic_id, {}};
    bool deleted = false;
    for (const auto& state : told.partition_states) {
        const auto index = state.partition_index.value;
        if (index < 0 || index >= partitions_believed_max) {
            return fail(Errc::invalid_argument, "topic {} has no partition {}", told.topic_name, index);
        }
        if (state.leader == meta::leader_during_delete) {
            deleted = true;
            continue;
        }
        const auto at = static_cast<std::size_t>(index);
        if (topic.partitions.size() <= at) topic.partitions.resize(at + 1);
        topic.partitions[at] = partition_of(state);
    }
    if (!deleted)
        change.set_topic(std::move(topic));
    else if (same)
        change.remove_topic(told.topic_name);  // Topics are deleted whole.
    return {};
}

}  // namespace

Result<> apply(meta::Image::Change& change, const UpdateMetadataRequest& request) {
    if (!request.ungrouped_partition_states.empty()) {
        return fail(Errc::invalid_argument, "UpdateMetadata without topics");
    }
    change.set_controller(request.controller_id);
    std::map<base::NodeId, meta::Broker> brokers;
    for (const auto& told : request.live_brokers) brokers[told.id] = broker_of(told);
    change.set_brokers(std::move(brokers));
    if (request.type == full_request) {
        std::set<std::string, std::less<>> listed;
        for (const auto& topic : request.topic_states) listed.insert(topic.topic_name);
        const std::vector<std::shared_ptr<const meta::Topic>> before(change.image().topics().begin(),
                                                                     change.image().topics().end());
        for (const auto& topic : before) {
            if (!listed.contains(topic->name)) change.remove_topic(topic->name);
        }
    }
    for (const auto& topic : request.topic_states) KLOG_TRY_VOID(apply_topic(change, topic));
    return {};
}

}  // namespace klog::replica
