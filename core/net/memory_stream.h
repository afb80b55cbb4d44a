// SPDX-License-Identifier: Apache-2.0
// The connections of a MemoryNetwork. Internal to core/net. All of a world runs on one thread, so both ends look into
// the same Connection; but each end's waiting coroutines are woken on the end's own shard.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>

#include "core/net/memory_network.h"
#include "core/runtime/scope.h"

namespace klog::net {

struct MemoryConnection;
class MemoryListener;

/// What all hosts share.
struct MemoryNetwork::Fabric : std::enable_shared_from_this<Fabric> {
    explicit Fabric(runtime::SimWorld& of) : world(of) {}

    bool blocked(const std::string& from, const std::string& to) const;
    runtime::Duration latency();
    /// True once in n times; never for 0.
    bool happens(std::uint64_t one_in) { return one_in > 0 && world.random().one_in(one_in); }
    std::uint16_t free_port(const std::string& host);
    void add(const std::shared_ptr<MemoryConnection>& connection);
    template <class Do>
    void each_connection(Do what) {
        for (const auto& weak : std::vector(connections)) {
            if (const auto connection = weak.lock()) what(*connection);
        }
    }

    runtime::SimWorld& world;
    MemoryFaults faults;
    std::map<std::string, std::unique_ptr<Network>> hosts;
    std::map<Address, MemoryListener*> listeners;
    std::set<std::pair<std::string, std::string>> parted;  // From, to.
    std::set<std::string> isolated;
    std::set<std::string> off;
    std::vector<std::weak_ptr<MemoryConnection>> connections;  // In the order in which they came to be.
    static constexpr std::uint16_t first_free_port = 20'000;
    std::uint16_t last_port = first_free_port - 1;
};

struct MemoryConnection : std::enable_shared_from_this<MemoryConnection> {
    /// What is on its way in one direction or waits to be read at its end stays below this; then send waits.
    static constexpr std::size_t window_bytes_max = 256 * 1024;

    struct Packet {
        enum class Kind { bytes, end, reset } kind;
        std::string bytes;
    };
    struct End {
        std::string host;
        runtime::Shard* home = nullptr;
        Address local;
        Address peer;
        std::deque<Packet> coming;  // On the wire.
        std::string unread;
        std::size_t window_used = 0;  // Bytes in coming and unread.
        bool ended = false;           // The peer has sent its end.
        bool reset = false;           // The connection broke.
        bool closed = false;          // By us.
        bool vanished = false;        // The host lost its power.
        runtime::MonotonicTime last_arrival{};
        runtime::Signal readable;
        runtime::Signal room;  // For our sends.
    };

    End& other(End& end) { return &end == &ends[0] ? ends[1] : ends[0]; }
    void send(End& from, Packet packet);
    void break_end(End& end);
    void break_both();
    void close(End& end);
    /// What was stuck in a partition is under way again.
    void restart(End& to);
    void wake(End& end);

    std::shared_ptr<MemoryNetwork::Fabric> fabric;
    End ends[2];

private:
    void schedule_delivery(End& to);
    void deliver(End& to);
};

class MemoryStream final : public Stream {
public:
    MemoryStream(std::shared_ptr<MemoryConnection> connection, MemoryConnection::End& mine)
        : connection_(std::move(connection)), mine_(mine) {}
    ~MemoryStream() override { close(); }

    runtime::Task<base::Result<std::size_t>> read_some(std::span<char> into) override;
    runtime::Task<base::Result<>> send(base::Chain chain) override;
    void close() override { connection_->close(mine_); }
    const Address& peer() const override { return mine_.peer; }
    const Address& local() const override { return mine_.local; }
    runtime::Shard& home() const override { return *mine_.home; }

private:
    runtime::Task<base::Result<>> wait_for_room();

    std::shared_ptr<MemoryConnection> connection_;
    MemoryConnection::End& mine_;
};

}  // namespace klog::net
