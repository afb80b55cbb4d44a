// SPDX-License-Identifier: Apache-2.0
// What brokers are told: leaders and replicas to those that have them, metadata to all.
#include <algorithm>

#include "core/base/log.h"
#include "core/controller/state.h"
#include "core/wire/errors.h"
#include "core/wire/messages/04_leader_and_isr.h"
#include "core/wire/messages/05_stop_replica.h"
#include "core/wire/messages/06_update_metadata.h"

namespace klog::controller {

using base::Result;
using runtime::Task;
using wire::LeaderAndIsrRequest;
using wire::StopReplicaRequest;
using wire::UpdateMetadataRequest;

namespace {

constexpr std::int8_t some_partitions = 1, all_partitions_of_broker = 2;
/// In StopReplica: the topic is being deleted, whatever the epoch (LeaderAndIsr.EpochDuringDelete).
constexpr base::LeaderEpoch epoch_during_delete{-2};

std::int16_t security_protocol_id(std::string_view name) {
    if (name == "SSL") return 1;
    if (name == "SASL_PLAINTEXT") return 2;
    if (name == "SASL_SSL") return 3;
    return 0;
}

UpdateMetadataRequest::Broker broker_to_tell(base::NodeId id, const LiveBroker& broker) {
    UpdateMetadataRequest::Broker told;
    told.id = id;
    for (const meta::Endpoint& endpoint : broker.registration.endpoints) {
        told.endpoints.push_back(
            {endpoint.port, endpoint.host, endpoint.listener, security_protocol_id(endpoint.security_protocol)});
    }
    told.rack = broker.registration.rack;
    return told;
}

Task<void> send_removal(BrokerLink* link, base::NodeId to, std::shared_ptr<const StopReplicaRequest> request,
                        bool* removed) {
    const auto answer = co_await link->stop_replica(to, std::move(request));
    *removed = answer && answer->error_code == wire::ErrorCode::none &&
               std::ranges::all_of(answer->partition_errors,
                                   [](const auto& p) { return p.error_code == wire::ErrorCode::none; });
    if (!answer) base::log_warn("telling broker {} to remove replicas: {}", to, answer.error().message);
}

}  // namespace

Task<void> Controller::State::send_metadata(base::NodeId to, std::shared_ptr<const UpdateMetadataRequest> request) {
    const auto answer = co_await link.update_metadata(to, std::move(request));
    if (answer) co_return;
    base::log_warn("telling broker {} the metadata: {}", to, answer.error().message);
    try_again_later();
}

Task<void> Controller::State::send_leaders(base::NodeId to, std::shared_ptr<const LeaderAndIsrRequest> request) {
    const auto answer = co_await link.leader_and_isr(to, request);
    take_answer(to, *request, answer);
}

/// Replicas that the broker cannot serve count as dead until it starts anew.
void Controller::State::take_answer(base::NodeId from, const LeaderAndIsrRequest& request,
                                    const Result<wire::LeaderAndIsrResponse>& answer) {
    if (!answer) {
        base::log_warn("telling broker {} its leaders: {}", from, answer.error().message);
        try_again_later();
        return;
    }
    if (answer->error_code != wire::ErrorCode::none) {
        base::log_warn("broker {} refused to be told its leaders: {}", from, wire::name_of(answer->error_code));
    }
    for (std::size_t i = 0; i < answer->topics.size() && i < request.topic_states.size(); ++i) {
        const std::string& topic = request.topic_states[i].topic_name;
        for (const auto& partition : answer->topics[i].partition_errors) {
            if (partition.error_code == wire::ErrorCode::none) continue;
            ++refusals;
            base::log_warn("broker {} cannot serve {}-{}: {}", from, topic, partition.partition_index,
                           wire::name_of(partition.error_code));
            if (partition.error_code == wire::ErrorCode::kafka_storage_error) {
                offline_replicas.insert({from, {topic, partition.partition_index}});
            } else if (partition.error_code == wire::ErrorCode::leader_not_available) {
                try_again_later();
            }
        }
    }
}

Task<void> Controller::State::tell(PartitionSet partitions, bool full) {
    co_await tell_leaders(partitions, full);
    co_await tell_metadata(std::move(partitions), full, false);
}

Task<void> Controller::State::tell_leaders(PartitionSet partitions, bool full) {
    std::map<base::NodeId, std::shared_ptr<LeaderAndIsrRequest>> requests;
    for (const auto& [id, broker] : brokers) {
        if (!full) continue;  // A full request is sent even where it is empty: there is nothing there, then.
        requests[id] = std::make_shared<LeaderAndIsrRequest>();
    }
    for (const auto& [name, ids] : partitions) {
        const auto topic = topics.find(name);
        if (topic == topics.end()) continue;
        for (const base::PartitionId id : ids) {
            const auto entry = topic->second.partitions.find(id);
            const auto replicas = topic->second.assignment.partitions.find(id);
            if (entry == topic->second.partitions.end() || replicas == topic->second.assignment.partitions.end())
                continue;
            LeaderAndIsrRequest::Partition told;
            told.partition_index = id;
            told.controller_epoch = entry->second.state.controller_epoch;
            told.leader = entry->second.state.leader;
            told.leader_epoch = entry->second.state.leader_epoch;
            told.isr = entry->second.state.isr;
            told.partition_epoch = entry->second.version;
            told.replicas = replicas->second.replicas;
            told.adding_replicas = replicas->second.adding;
            told.removing_replicas = replicas->second.removing;
            // Whoever restarts gets another epoch: in the first one nobody can have lost sight of what it had.
            told.is_new = told.leader_epoch == first_leader_epoch;
            told.leader_recovery_state = entry->second.state.leader_recovery_state;
            for (const base::NodeId to : told.replicas) {
                if (!alive(to)) continue;
                auto& request = requests[to];
                if (!request) request = std::make_shared<LeaderAndIsrRequest>();
                auto& groups = request->topic_states;
                if (groups.empty() || groups.back().topic_name != name) {
                    groups.push_back({name, topic->second.assignment.id, {}});
                }
                groups.back().partition_states.push_back(told);
            }
        }
    }
    runtime::Scope sending;
    for (const auto& [to, request] : requests) {
        request->controller_id = options.node_id;
        request->controller_epoch = epoch;
        request->broker_epoch = brokers[to].epoch;
        request->type = full ? all_partitions_of_broker : some_partitions;
        sending.spawn(send_leaders(to, request));
    }
    co_await sending.join();
}

Task<void> Controller::State::tell_metadata(PartitionSet partitions, bool full, bool deleting_them) {
    UpdateMetadataRequest request;
    request.controller_id = options.node_id;
    request.controller_epoch = epoch;
    request.type = full ? all_partitions_of_broker : some_partitions;
    for (const auto& [name, ids] : partitions) {
        const auto topic = topics.find(name);
        if (topic == topics.end()) continue;
        auto& group = request.topic_states.emplace_back(name, topic->second.assignment.id);
        for (const base::PartitionId id : ids) {
            const auto entry = topic->second.partitions.find(id);
            const auto replicas = topic->second.assignment.partitions.find(id);
            if (entry == topic->second.partitions.end() || replicas == topic->second.assignment.partitions.end())
                continue;
            const base::PartitionId number = id;
            UpdateMetadataRequest::Partition told;
            told.partition_index = id;
            told.controller_epoch = entry->second.state.controller_epoch;
            told.leader = deleting_them ? meta::leader_during_delete : entry->second.state.leader;
            told.leader_epoch = entry->second.state.leader_epoch;
            told.isr = entry->second.state.isr;
            told.zk_version = entry->second.version;
            told.replicas = replicas->second.replicas;
            std::ranges::copy_if(told.replicas, std::back_inserter(told.offline_replicas),
                                 [&](base::NodeId replica) { return !usable(replica, topic->first, number); });
            group.partition_states.push_back(std::move(told));
        }
    }
    for (const auto& [id, broker] : brokers) request.live_brokers.push_back(broker_to_tell(id, broker));
    runtime::Scope sending;
    for (const auto& [to, broker] : brokers) {
        request.broker_epoch = broker.epoch;
        sending.spawn(send_metadata(to, std::make_shared<const UpdateMetadataRequest>(request)));
    }
    co_await sending.join();
}

Task<bool> Controller::State::tell_removal(std::string name) {
    const auto topic = topics.find(name);
    if (topic == topics.end()) co_return true;
    std::map<base::NodeId, std::shared_ptr<StopReplicaRequest>> requests;
    bool all_alive = true;
    for (const auto& [id, replicas] : topic->second.assignment.partitions) {
        for (const base::NodeId to : replicas.replicas) {
            if (!alive(to)) {
                all_alive = false;
                continue;
            }
            auto& request = requests[to];
            if (!request) {
                request = std::make_shared<StopReplicaRequest>();
                request->topic_states.push_back({name, {}});
            }
            request->topic_states.back().partition_states.push_back({id, epoch_during_delete, true});
        }
    }
    std::map<base::NodeId, bool> removed;
    runtime::Scope sending;
    for (const auto& [to, request] : requests) {
        request->controller_id = options.node_id;
        request->controller_epoch = epoch;
        request->broker_epoch = brokers[to].epoch;
        sending.spawn(send_removal(&link, to, request, &removed[to]));
    }
    co_await sending.join();
    co_return all_alive&& std::ranges::all_of(removed, [](const auto& broker) { return broker.second; });
}

}  // namespace klog::controller
