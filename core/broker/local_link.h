// SPDX-License-Identifier: Apache-2.0
// How the controller reaches the broker that it runs in: a call, no connection. Home shard.
#pragma once

#include "core/controller/controller.h"
#include "core/replica/replicas.h"
#include "core/wire/messages/04_leader_and_isr.h"
#include "core/wire/messages/05_stop_replica.h"
#include "core/wire/messages/06_update_metadata.h"

namespace klog::broker {

class LocalLink final : public controller::BrokerLink {
public:
    LocalLink(replica::Replicas& replicas, base::NodeId self) : replicas_(replicas), self_(self) {}

    runtime::Task<base::Result<wire::LeaderAndIsrResponse>> leader_and_isr(
        base::NodeId to, std::shared_ptr<const wire::LeaderAndIsrRequest> request) override {
        if (to != self_) co_return nobody(to);
        co_return co_await replicas_.leader_and_isr(std::move(request));
    }
    runtime::Task<base::Result<wire::UpdateMetadataResponse>> update_metadata(
        base::NodeId to, std::shared_ptr<const wire::UpdateMetadataRequest> request) override {
        if (to != self_) co_return nobody(to);
        co_return co_await replicas_.update_metadata(std::move(request));
    }
    runtime::Task<base::Result<wire::StopReplicaResponse>> stop_replica(
        base::NodeId to, std::shared_ptr<const wire::StopReplicaRequest> request) override {
        if (to != self_) co_return nobody(to);
        co_return co_await replicas_.stop_replica(std::move(request));
    }

private:
    static std::unexpected<base::Error> nobody(base::NodeId to) {
        return base::fail(base::Errc::connect_failed, "there is no broker {} here", to);
    }

    replica::Replicas& replicas_;
    const base::NodeId self_;
};

}  // namespace klog::broker
