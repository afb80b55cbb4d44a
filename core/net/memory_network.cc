// SPDX-License-Identifier: Apache-2.0
#include "core/net/memory_network.h"

#include <algorithm>

#include "core/base/check.h"
#include "core/net/memory_stream.h"

namespace klog::net {

using base::Errc;
using base::Result;
using runtime::MonotonicTime;
using runtime::Shard;
using runtime::Task;
using namespace std::chrono_literals;

namespace {

// As Linux: a connect that nobody answers is tried again each second (there: at growing intervals) and given up.
constexpr auto connect_retry = 1s;
constexpr auto connect_time_max = 130s;

bool is_own_name(const std::string& host) {
    return host.empty() || host == "localhost" || host == "127.0.0.1" || host == "::1" || host == "0.0.0.0" ||
           host == "::";
}

}  // namespace

class MemoryListener final : public Listener {
public:
    MemoryListener(std::shared_ptr<MemoryNetwork::Fabric> fabric, Address address, std::function<Shard&()> place)
        : fabric_(std::move(fabric)), address_(std::move(address)), place_(std::move(place)), home_(Shard::current()) {
        fabric_->listeners[address_] = this;
    }
    ~MemoryListener() override { close(); }

    Task<Result<std::unique_ptr<Stream>>> accept() override {
        while (!closed_ && waiting_.empty()) co_await arrived_.wait();
        if (closed_) co_return base::fail(Errc::closed, "{} listens no more", address_.to_string());
        auto connection = std::move(waiting_.front());
        waiting_.pop_front();
        auto& mine = connection->ends[1];
        mine.home = &place_();
        co_return std::make_unique<MemoryStream>(std::move(connection), mine);
    }
    void close() override {
        if (closed_) return;
        closed_ = true;
        fabric_->listeners.erase(address_);
        for (auto& connection : waiting_) {
            connection->send(connection->ends[1], {MemoryConnection::Packet::Kind::reset, {}});
        }
        waiting_.clear();
        arrived_.notify_all();
    }
    const Address& address() const override { return address_; }

    /// The first half of a connection, from the shard of the one who connects.
    void take(std::shared_ptr<MemoryConnection> connection) {
        connection->ends[1].home = home_;
        waiting_.push_back(std::move(connection));
        // By way of the queue: the listener may be gone when this runs, so it is looked up again.
        home_->post([fabric = fabric_, address = address_] {
            const auto found = fabric->listeners.find(address);
            if (found != fabric->listeners.end()) found->second->arrived_.notify_all();
        });
    }

private:
    std::shared_ptr<MemoryNetwork::Fabric> fabric_;
    Address address_;
    std::function<Shard&()> place_;
    Shard* home_;
    std::deque<std::shared_ptr<MemoryConnection>> waiting_;
    runtime::Signal arrived_;
    bool closed_ = false;
};

namespace {

class Host final : public Network {
public:
    Host(MemoryNetwork::Fabric& fabric, std::string name) : fabric_(fabric), name_(std::move(name)) {}

    Result<std::unique_ptr<Listener>> listen(Address address, std::function<Shard&()> place) override {
        Address own{name_, address.port};
        if (own.port == 0) own.port = fabric_.free_port(name_);
        if (fabric_.listeners.contains(own)) {
            return base::fail(Errc::busy, "cannot listen on {}: the port is taken", own.to_string());
        }
        return std::make_unique<MemoryListener>(fabric_.shared_from_this(), own, std::move(place));
    }

    Task<Result<std::unique_ptr<Stream>>> connect(Address address, std::optional<MonotonicTime> deadline) override {
        Shard& home = *Shard::current();
        const Address target{is_own_name(address.host) ? name_ : address.host, address.port};
        if (!fabric_.hosts.contains(target.host)) co_return base::fail(Errc::not_found, "no host {}", target.host);
        const MonotonicTime give_up = std::min(deadline.value_or(MonotonicTime::max()), home.now() + connect_time_max);
        for (;;) {
            co_await runtime::sleep_until(std::min(give_up, home.now() + fabric_.latency()));
            if (home.now() >= give_up) break;
            if (!fabric_.blocked(name_, target.host) && !fabric_.blocked(target.host, name_)) {
                co_return open(home, target, std::move(address));
            }
            co_await runtime::sleep_until(std::min(give_up, home.now() + connect_retry));
        }
        co_return base::fail(Errc::timed_out, "cannot connect to {}: no answer", address.to_string());
    }

private:
    Result<std::unique_ptr<Stream>> open(Shard& home, const Address& target, Address asked) {
        const auto listener = fabric_.listeners.find(target);
        if (listener == fabric_.listeners.end() || fabric_.happens(fabric_.faults.refuse_one_in)) {
            return base::fail(Errc::connect_failed, "cannot connect to {}: refused", asked.to_string());
        }
        auto connection = std::make_shared<MemoryConnection>();
        connection->fabric = fabric_.shared_from_this();
        auto& [mine, theirs] = connection->ends;
        mine.host = name_;
        mine.home = &home;
        mine.local = {name_, fabric_.free_port(name_)};
        mine.peer = std::move(asked);
        theirs.host = target.host;
        theirs.local = target;
        theirs.peer = mine.local;
        fabric_.add(connection);
        listener->second->take(connection);
        return std::make_unique<MemoryStream>(std::move(connection), mine);
    }

    MemoryNetwork::Fabric& fabric_;
    std::string name_;
};

}  // namespace

bool MemoryNetwork::Fabric::blocked(const std::string& from, const std::string& to) const {
    if (off.contains(from) || off.contains(to)) return true;
    if (from == to) return false;
    return isolated.contains(from) || isolated.contains(to) || parted.contains({from, to});
}

runtime::Duration MemoryNetwork::Fabric::latency() {
    const bool slow = happens(faults.slow_one_in);
    const auto most = std::max(faults.latency_min, slow ? faults.slow_max : faults.latency_max);
    return runtime::Duration(world.random().between(faults.latency_min.count(), most.count()));
}

std::uint16_t MemoryNetwork::Fabric::free_port(const std::string& host) {
    do {
        last_port = std::max(first_free_port, static_cast<std::uint16_t>(last_port + 1));
    } while (listeners.contains({host, last_port}));
    return last_port;
}

void MemoryNetwork::Fabric::add(const std::shared_ptr<MemoryConnection>& connection) {
    if (connections.size() % 64 == 0) std::erase_if(connections, [](const auto& weak) { return weak.expired(); });
    connections.push_back(connection);
}

MemoryNetwork::MemoryNetwork(runtime::SimWorld& world) : fabric_(std::make_shared<Fabric>(world)) {}
MemoryNetwork::~MemoryNetwork() = default;

Network& MemoryNetwork::host(const std::string& name) {
    auto& host = fabric_->hosts[name];
    if (!host) host = std::make_unique<Host>(*fabric_, name);
    return *host;
}

MemoryFaults& MemoryNetwork::faults() { return fabric_->faults; }

void MemoryNetwork::part_one_way(const std::string& from, const std::string& to) { fabric_->parted.insert({from, to}); }

void MemoryNetwork::part(const std::string& a, const std::string& b) {
    part_one_way(a, b);
    part_one_way(b, a);
}

void MemoryNetwork::isolate(const std::string& host) { fabric_->isolated.insert(host); }

void MemoryNetwork::heal() {
    fabric_->parted.clear();
    fabric_->isolated.clear();
    fabric_->each_connection([](MemoryConnection& connection) {
        for (auto& end : connection.ends) connection.restart(end);
    });
}

void MemoryNetwork::cut(const std::string& a, const std::string& b) {
    fabric_->each_connection([&](MemoryConnection& connection) {
        const auto& [x, y] = connection.ends;
        if ((x.host == a && y.host == b) || (x.host == b && y.host == a)) connection.break_both();
    });
}

void MemoryNetwork::cut_all() {
    fabric_->each_connection([](MemoryConnection& connection) { connection.break_both(); });
}

void MemoryNetwork::power_off(const std::string& host) {
    fabric_->off.insert(host);
    fabric_->each_connection([&](MemoryConnection& connection) {
        for (auto& end : connection.ends) {
            if (end.host != host) continue;
            end.vanished = true;
            end.coming.clear();
            connection.other(end).coming.clear();  // What it had sent is lost too, but for what has arrived.
        }
    });
}

void MemoryNetwork::power_on(const std::string& host) { fabric_->off.erase(host); }

}  // namespace klog::net
