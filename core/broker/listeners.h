// SPDX-License-Identifier: Apache-2.0
// Who may come in: accepts connections, counts them in all and per address, places each on the shard with the fewest,
// and closes those that are idle. One per broker; it lives on the home shard, its ConnectionSets each on their own.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/broker/broker_shard.h"
#include "core/broker/connection.h"
#include "core/broker/endpoints.h"
#include "core/net/stream.h"

namespace klog::broker {

/// The connections of one shard.
class ConnectionSet {
public:
    explicit ConnectionSet(BrokerShard& home);
    ConnectionSet(const ConnectionSet&) = delete;
    ConnectionSet& operator=(const ConnectionSet&) = delete;

    /// Serves it until its end; then calls `ended` on this shard.
    void add(std::unique_ptr<net::Stream> stream, std::string listener, runtime::Job ended);
    /// All are asked to finish; those that have not at the deadline are closed. Ends when nothing runs any more.
    runtime::Task<void> stop(runtime::MonotonicTime deadline);

private:
    runtime::Task<void> serve(std::shared_ptr<Connection> connection, runtime::Job ended);
    void close_idle();
    void set_idle_timer();

    BrokerShard& home_;
    const std::optional<std::chrono::milliseconds> idle_max_;
    std::list<std::shared_ptr<Connection>> all_;
    runtime::TimerId idle_timer_ = runtime::TimerId::none;
    bool stopping_ = false;
    runtime::Signal ended_;
    runtime::Scope serving_;
};

class Listeners {
public:
    Listeners(Shared& shared, runtime::Shard& home);
    ~Listeners();

    struct Open {
        std::string name;
        net::Address address;  // With the port that was taken.
    };
    struct Taken {
        Open open;
        std::unique_ptr<net::Listener> listener;
    };
    /// Takes the ports; whoever connects waits until start(). `place` is asked only from then on. busy: somebody else
    /// has one; the message names it.
    static base::Result<std::vector<Taken>> take(net::Network& network, const std::vector<ListenerAddress>& addresses,
                                                 std::function<runtime::Shard&()> place);
    /// These are accepted from.
    void add(std::vector<Taken> taken);
    /// For the next connection: the shard with the fewest.
    runtime::Shard& place();
    /// From now on connections are accepted.
    void start();
    /// No new connections; those that are there get `drain_time` to be answered, then all are closed.
    runtime::Task<void> stop();

private:
    struct Port;

    runtime::Task<void> accept(Port* port);
    bool admit(const net::Address& peer);
    void ended(const std::string& host, runtime::ShardIndex on);

    Shared& shared_;
    runtime::Shard& home_;
    std::vector<std::unique_ptr<Port>> ports_;
    std::vector<std::unique_ptr<ConnectionSet>> sets_;  // By shard.
    std::vector<std::size_t> by_shard_;                 // How many connections each has.
    std::map<std::string, std::size_t> by_host_;
    std::size_t count_ = 0;
    std::size_t descriptors_max_;
    LineLimit refused_;
    runtime::Scope accepting_;
};

}  // namespace klog::broker
