// SPDX-License-Identifier: Apache-2.0
// Byte streams between programs: the seam between klog and the network. AsioNetwork (net/asio_network.h) is TCP;
// MemoryNetwork (net/memory_network.h) delays, cuts and parts hosts under a seed. A stream lives on one shard, its
// home, and is touched only there.
//
// A stream dies only when nothing reads or sends: its owner calls close(), lets the coroutines end that use it, and
// then lets it go.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/base/chain.h"
#include "core/base/error.h"
#include "core/runtime/shard.h"
#include "core/runtime/task.h"

namespace klog::net {

struct Address {
    std::string host;  // A name or an address; IPv6 without brackets.
    std::uint16_t port = 0;
    bool operator==(const Address&) const = default;
    auto operator<=>(const Address&) const = default;
    std::string to_string() const;  // host:port, [host]:port for IPv6.
};

class Stream {
public:
    virtual ~Stream() = default;
    /// Waits for bytes and takes what is there. 0: the peer has closed. One read at a time. closed: by us, or the
    /// connection broke.
    virtual runtime::Task<base::Result<std::size_t>> read_some(std::span<char> into) = 0;
    /// Sends the whole chain. One send at a time. After an error an unknown part of it was sent: close. truncated and
    /// io: a file slice could not be read whole.
    virtual runtime::Task<base::Result<>> send(base::Chain chain) = 0;
    /// Ends both directions at once: reads and sends that wait end with Errc::closed. Idempotent.
    virtual void close() = 0;
    virtual const Address& peer() const = 0;
    /// The address of ours that the peer reached.
    virtual const Address& local() const = 0;
    /// The shard it lives on. May be asked from any thread.
    virtual runtime::Shard& home() const = 0;
};

class Listener {
public:
    virtual ~Listener() = default;
    /// The next connection; it lives where `place` (see Network::listen) has said: hop to its home() before touching
    /// it. closed after close(). Running out of descriptors is waited out here. One accept at a time.
    virtual runtime::Task<base::Result<std::unique_ptr<Stream>>> accept() = 0;
    virtual void close() = 0;
    /// With the port that the kernel chose when 0 was asked for.
    virtual const Address& address() const = 0;
};

class Network {
public:
    virtual ~Network() = default;
    /// Accepts on the current shard. `place` is asked once per connection, on that shard, where the accepted stream
    /// shall live; the caller then hops there before it touches the stream. busy: the port is taken.
    virtual base::Result<std::unique_ptr<Listener>> listen(Address address, std::function<runtime::Shard&()> place) = 0;
    /// Resolves and connects; the stream lives on the current shard. connect_failed: the host has answered that nothing
    /// listens there, which proves that no process does. timed_out: no answer until the deadline. not_found: no such
    /// host. io: the network cannot reach it.
    virtual runtime::Task<base::Result<std::unique_ptr<Stream>>> connect(
        Address address, std::optional<runtime::MonotonicTime> deadline) = 0;
};

}  // namespace klog::net
