// SPDX-License-Identifier: Apache-2.0
#include "core/broker/broker_shard.h"

#include <algorithm>

#include "core/broker/effective_config.h"

namespace klog::broker {
namespace {

/// The configured bytes, or the default where -1 asks for that.
std::size_t request_bytes_of(const Config& config, unsigned shards) {
    std::int64_t bytes = config.integer("queued.max.request.bytes");
    if (bytes <= 0) bytes = to_integer(*find_broker_key("queued.max.request.bytes")->preset);
    return static_cast<std::size_t>(bytes) / shards;
}

std::size_t sessions_of(const Config& config, unsigned shards) {
    const auto slots = static_cast<std::size_t>(config.integer("max.incremental.fetch.session.cache.slots"));
    return (slots + shards - 1) / shards;
}

}  // namespace

BrokerShard::BrokerShard(Shared& everything, runtime::Shard& here, base::Random random)
    : shared(everything),
      shard(here),
      sessions(sessions_of(everything.config, everything.runtime.shard_count()), cached_partitions_max, random),
      request_bytes(request_bytes_of(everything.config, everything.runtime.shard_count())) {}

const records::BatchRules& BrokerShard::batch_rules(std::string_view topic) {
    const auto& now = image();
    if (now->version() != rules_version_) {
        rules_.clear();
        rules_version_ = now->version();
    }
    const auto found = rules_.find(topic);
    if (found != rules_.end()) return found->second;
    const EffectiveConfig config(shared.config, *now, shared.node_id);
    return rules_.emplace(std::string(topic), config.log_config(topic).batch_rules()).first->second;
}

std::optional<net::Address> Call::endpoint_of(const meta::Broker& broker) const {
    const std::string& listener = client->identity.listener;
    const meta::Endpoint* endpoint = broker.endpoint(listener);
    if (endpoint == nullptr) return std::nullopt;
    const Shared& shared = home->shared;
    const bool told = std::ranges::find(shared.advertised, listener) != shared.advertised.end();
    if (broker.id == shared.node_id && !told) return client->local;
    return net::Address{endpoint->host, static_cast<std::uint16_t>(endpoint->port)};
}

}  // namespace klog::broker
