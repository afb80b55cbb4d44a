// SPDX-License-Identifier: Apache-2.0
// The network of a simulated world: named hosts, and streams between them that are delayed, delivered in random parts,
// cut, or stuck in a partition, as the world's seed and the test choose. Bytes of one connection keep their order, as
// with TCP. Everything runs on the one thread of the SimWorld; a host's streams live on the shards of its machine.
//
//     MemoryNetwork network(sim.world());
//     network.host("broker")          // is a net::Network: what the code under test is given
//     network.part("broker", "client");
#pragma once

#include <memory>
#include <string>

#include "core/net/stream.h"
#include "core/runtime/sim_runtime.h"

namespace klog::net {

struct MemoryFaults {
    /// How long each packet takes, mostly;
    runtime::Duration latency_min = std::chrono::microseconds(50);
    runtime::Duration latency_max = std::chrono::milliseconds(2);
    /// one in so many takes up to this. 0: none.
    std::uint64_t slow_one_in = 200;
    runtime::Duration slow_max = std::chrono::milliseconds(200);
    /// One read in so many gives only a part of what is there. 0: none.
    std::uint64_t short_read_one_in = 3;
    /// One send in so many breaks the connection somewhere in its bytes. 0: none.
    std::uint64_t cut_one_in = 0;
    /// One connect in so many is refused. 0: none.
    std::uint64_t refuse_one_in = 0;
};

class MemoryNetwork {
public:
    explicit MemoryNetwork(runtime::SimWorld& world);
    ~MemoryNetwork();
    MemoryNetwork(const MemoryNetwork&) = delete;
    MemoryNetwork& operator=(const MemoryNetwork&) = delete;

    /// The network as this host sees it; the host comes to be with the first call. It connects to others by name, to
    /// itself also as localhost, 127.0.0.1, ::1. It listens under its own name, whatever address is asked for. Good as
    /// long as the MemoryNetwork.
    Network& host(const std::string& name);
    MemoryFaults& faults();

    /// Nothing gets from one to the other: what is sent waits for heal(), connects run into their deadline.
    void part_one_way(const std::string& from, const std::string& to);
    void part(const std::string& a, const std::string& b);
    /// As part() with every other host.
    void isolate(const std::string& host);
    /// Ends all partitions; what was stuck is delivered.
    void heal();
    /// Breaks all connections between the two; both ends see it at once.
    void cut(const std::string& a, const std::string& b);
    void cut_all();

    /// The host loses power: it vanishes without a word, and its peers' bytes with it. To be called before its machine
    /// crashes; a crash alone closes the host's connections, as the kernel does for a killed process.
    void power_off(const std::string& host);
    /// It is back, and knows nothing of its old connections: their peers see a reset when they next send.
    void power_on(const std::string& host);

    struct Fabric;

private:
    std::shared_ptr<Fabric> fabric_;
};

}  // namespace klog::net
