// SPDX-License-Identifier: Apache-2.0
// A TCP connection as a Stream. Internal to core/net; made by AsioNetwork.
#pragma once

#include "core/net/asio_socket.h"
#include "core/net/stream.h"

namespace klog::net {

class AsioStream final : public Stream {
public:
    /// Takes over a connected socket. May be made on any shard.
    AsioStream(AsioSocket socket, Address local, Address peer);

    runtime::Task<base::Result<std::size_t>> read_some(std::span<char> into) override;
    runtime::Task<base::Result<>> send(base::Chain chain) override;
    void close() override { socket_.close(); }
    const Address& peer() const override { return peer_; }
    const Address& local() const override { return local_; }
    runtime::Shard& home() const override { return socket_.home(); }

private:
    std::unexpected<base::Error> broken(int error) const;

    AsioSocket socket_;
    Address local_;
    Address peer_;
    unsigned reads_in_turn_ = 0;  // That found bytes without waiting.
    bool more_likely_ = true;     // The last read was filled, or none has been.
};

}  // namespace klog::net
