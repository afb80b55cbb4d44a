// SPDX-License-Identifier: Apache-2.0
#include "core/broker/listeners.h"

#include <algorithm>

#include <sys/resource.h>

#include "core/base/log.h"
#include "core/broker/connection_overrides.h"
#include "core/broker/effective_config.h"

namespace klog::broker {
namespace {

std::optional<std::chrono::milliseconds> idle_max_of(const Config& config) {
    const std::int64_t ms = config.integer("connections.max.idle.ms");
    if (ms < 0) return std::nullopt;
    return std::chrono::milliseconds(ms);
}

/// Descriptors that connections may take: the rest is for logs, at least a quarter.
std::size_t descriptors_for_connections() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return ~std::size_t{0};
    return static_cast<std::size_t>(limit.rlim_cur) / 4 * 3;
}

}  // namespace

ConnectionSet::ConnectionSet(BrokerShard& home) : home_(home), idle_max_(idle_max_of(home.shared.config)) {}

void ConnectionSet::add(std::unique_ptr<net::Stream> stream, std::string listener, runtime::Job ended) {
    if (stopping_) {
        stream->close();
        return ended();
    }
    auto connection = std::make_shared<Connection>(home_, std::move(stream), std::move(listener));
    serving_.spawn(serve(std::move(connection), std::move(ended)));
}

runtime::Task<void> ConnectionSet::serve(std::shared_ptr<Connection> connection, runtime::Job ended) {
    const auto place = all_.insert(all_.end(), connection);
    set_idle_timer();
    co_await connection->serve();
    all_.erase(place);
    if (all_.empty() && idle_timer_ != runtime::TimerId::none) {
        home_.shard.cancel_timer(idle_timer_);
        idle_timer_ = runtime::TimerId::none;
    }
    ended();
    ended_.notify_all();
}

/// For the moment at which the one that has been silent longest will have been silent too long.
void ConnectionSet::set_idle_timer() {
    if (!idle_max_ || idle_timer_ != runtime::TimerId::none || all_.empty()) return;
    constexpr std::chrono::seconds least{1};
    auto oldest = home_.shard.now();
    for (const auto& connection : all_) oldest = std::min(oldest, connection->last_active());
    idle_timer_ = home_.shard.set_timer(std::max(oldest + *idle_max_, home_.shard.now() + least), [this] {
        idle_timer_ = runtime::TimerId::none;
        close_idle();
    });
}

void ConnectionSet::close_idle() {
    const auto before = home_.shard.now() - *idle_max_;
    for (const auto& connection : all_)
        if (!connection->is_owed() && connection->last_active() <= before) connection->close();
    set_idle_timer();
}

runtime::Task<void> ConnectionSet::stop(runtime::MonotonicTime deadline) {
    stopping_ = true;
    home_.request_bytes.stop();
    for (const auto& connection : all_) connection->finish();
    while (!all_.empty() && co_await ended_.wait(deadline)) {
    }
    for (const auto& connection : all_) connection->close();
    co_await serving_.join();
}

struct Listeners::Port {
    std::string name;
    std::unique_ptr<net::Listener> listener;
};

Listeners::Listeners(Shared& shared, runtime::Shard& home)
    : shared_(shared), home_(home), by_shard_(shared.shards.size()), descriptors_max_(descriptors_for_connections()) {
    for (const auto& shard : shared.shards) sets_.push_back(std::make_unique<ConnectionSet>(*shard));
}

Listeners::~Listeners() = default;

base::Result<std::vector<Listeners::Taken>> Listeners::take(net::Network& network,
                                                            const std::vector<ListenerAddress>& addresses,
                                                            std::function<runtime::Shard&()> place) {
    std::vector<Taken> taken;
    for (const ListenerAddress& one : addresses) {
        auto listener = network.listen(one.address, place);
        if (!listener && listener.error().code == base::Errc::busy)
            return base::fail(base::Errc::busy, "{}; choose another with --port", listener.error().message);
        if (!listener) return std::unexpected(std::move(listener.error()));
        Open open{one.name, {one.address.host, (*listener)->address().port}};
        taken.push_back({std::move(open), std::move(*listener)});
    }
    return taken;
}

void Listeners::add(std::vector<Taken> taken) {
    for (Taken& one : taken)
        ports_.push_back(std::make_unique<Port>(std::move(one.open.name), std::move(one.listener)));
}

void Listeners::start() {
    for (const auto& port : ports_) accepting_.spawn(accept(port.get()));
}

runtime::Shard& Listeners::place() {
    const auto least = std::ranges::min_element(by_shard_);
    return shared_.runtime.shard(static_cast<runtime::ShardIndex>(least - by_shard_.begin()));
}

bool Listeners::admit(const net::Address& peer) {
    const EffectiveConfig config(shared_.config, *shared_.replicas.image(), shared_.node_id);
    const auto limit = [&](std::string_view key) { return static_cast<std::size_t>(config.broker_integer(key)); };
    std::size_t from_one = limit("max.connections.per.ip");
    // What was given was checked; this is on the way of every connection.
    if (const auto text = config.broker_value("max.connections.per.ip.overrides"); text && !text->empty())
        if (const auto overrides = connection_overrides(*text))
            if (const auto own = overrides->find(peer.host); own != overrides->end()) from_one = own->second;
    const char* why = nullptr;
    if (count_ >= std::min(limit("max.connections"), descriptors_max_))
        why = "max.connections are there";
    else if (by_host_[peer.host] >= from_one)
        why = "max.connections.per.ip are there from it";
    if (why == nullptr) return true;
    if (by_host_[peer.host] == 0) by_host_.erase(peer.host);
    if (refused_.allows(home_.now())) base::log_warn("refusing a connection from {}: {}", peer.to_string(), why);
    return false;
}

void Listeners::ended(const std::string& host, runtime::ShardIndex on) {
    --count_;
    --by_shard_[on];
    const auto found = by_host_.find(host);
    if (--found->second == 0) by_host_.erase(found);
}

runtime::Task<void> Listeners::accept(Port* port) {
    for (;;) {
        auto accepted = co_await port->listener->accept();
        if (!accepted) {
            if (accepted.error().code == base::Errc::closed) co_return;
            // A connection that could not be taken is no reason to take no other.
            if (refused_.allows(home_.now())) base::log_error("listener {}: {}", port->name, accepted.error().message);
            co_await runtime::sleep_until(home_.now() + accept_retry_time);
            continue;
        }
        std::unique_ptr<net::Stream> stream = std::move(*accepted);
        runtime::Shard& to = stream->home();
        const std::string host = stream->peer().host;
        const bool admitted = admit(stream->peer());
        if (admitted) {
            ++count_;
            ++by_shard_[to.index()];
            ++by_host_[host];
        }
        auto ended_here = [this, host, on = to.index()] { home_.post([this, host, on] { ended(host, on); }); };
        to.post([set = sets_[to.index()].get(), stream = std::move(stream), name = port->name, admitted,
                 ended_here = std::move(ended_here)]() mutable {
            if (admitted)
                set->add(std::move(stream), std::move(name), std::move(ended_here));
            else
                stream->close();
        });
    }
}

runtime::Task<void> Listeners::stop() {
    for (const auto& port : ports_) port->listener->close();
    co_await accepting_.join();
    const auto deadline = home_.now() + drain_time;
    runtime::Scope stopping;
    for (const auto& set : sets_) {
        runtime::Shard& there = shared_.runtime.shard(static_cast<runtime::ShardIndex>(&set - sets_.data()));
        stopping.spawn(runtime::call_on(there, [set = set.get(), deadline] { return set->stop(deadline); }));
    }
    co_await stopping.join();
}

}  // namespace klog::broker
