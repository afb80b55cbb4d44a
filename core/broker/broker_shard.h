// SPDX-License-Identifier: Apache-2.0
// What handlers work with. Shared is one per broker: the other rooms and what is the same for all shards. BrokerShard
// is one per shard: connections, fetch sessions and waiting requests of that shard live in it and nowhere else.
//
// A request is served on the shard of its connection (home). It reaches a partition by running a task on the shard that
// owns it (owners.h), and brings values back.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/broker/answers.h"
#include "core/broker/config.h"
#include "core/broker/fetch_session.h"
#include "core/broker/limits.h"
#include "core/broker/producer_ids.h"
#include "core/meta/image.h"
#include "core/net/stream.h"
#include "core/records/validate.h"
#include "core/replica/replicas.h"
#include "core/runtime/scope.h"
#include "core/runtime/shard.h"
#include "core/security/authorizer.h"

namespace klog::controller {
class Controller;
}

namespace klog::broker {

class BrokerShard;

struct Shared {
    const Config& config;
    base::NodeId node_id;
    runtime::Runtime& runtime;
    replica::Replicas& replicas;
    controller::Controller& controller;
    const security::Authorizer& authorizer;
    ProducerIds& producer_ids;
    /// The listeners whose clients are told a configured address; those of the others the one that they reached.
    std::vector<std::string> advertised = {};
    /// One per shard of the runtime, in its order.
    std::vector<std::unique_ptr<BrokerShard>> shards = {};
};

class BrokerShard {
public:
    BrokerShard(Shared& everything, runtime::Shard& here, base::Random random);
    BrokerShard(const BrokerShard&) = delete;
    BrokerShard& operator=(const BrokerShard&) = delete;

    const meta::Image::Ptr& image() const { return shared.replicas.image(); }
    base::TimestampMs wall_ms() const { return shard.clock().wall_ms(); }
    /// What batches of a topic must be like, by the image that is current here.
    const records::BatchRules& batch_rules(std::string_view topic);
    BrokerShard& of(const runtime::Shard& other) const { return *shared.shards[other.index()]; }

    Shared& shared;
    runtime::Shard& shard;
    /// Requests that wait on this shard for its partitions; joined when the broker stops.
    runtime::Scope waiting;
    FetchSessions sessions;
    ByteBudget request_bytes;
    LineLimit bad_connections;

private:
    std::int64_t rules_version_ = -1;  // Of the image that `rules_` were made from.
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
    };
    std::unordered_map<std::string, records::BatchRules, Hash, std::equal_to<>> rules_;
};

/// The sender of a request: what its connection knows of it.
struct Client {
    security::Identity identity;
    net::Address peer;
    net::Address local;    // The address of ours that it reached.
    std::string software;  // Name and version, once ApiVersions told them.
};

/// One request that is being served. A value; `home` and what `client` points to outlive the request.
struct Call {
    BrokerShard* home = nullptr;
    std::shared_ptr<Client> client;
    std::shared_ptr<Waiters> waiters;  // Of its connection.
    wire::Version version = 0;

    bool allowed(wire::AclOperation operation, security::Resource resource) const {
        return home->shared.authorizer.authorize(client->identity, operation, resource);
    }
    bool allowed(wire::AclOperation operation, std::string_view topic) const {
        return allowed(operation, security::topic(topic));
    }
    runtime::MonotonicTime deadline_in(std::int32_t timeout_ms) const {
        return home->shard.now() + std::chrono::milliseconds(timeout_ms < 0 ? 0 : timeout_ms);
    }
    /// Where this client reaches a broker; none: the broker has no such listener.
    std::optional<net::Address> endpoint_of(const meta::Broker& broker) const;
};

}  // namespace klog::broker
