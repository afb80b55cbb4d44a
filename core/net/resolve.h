// SPDX-License-Identifier: Apache-2.0
// Names to socket addresses and back. Internal to core/net.
#pragma once

#include <sys/socket.h>

#include <vector>

#include "core/base/error.h"
#include "core/net/stream.h"

namespace klog::net {

struct Endpoint {
    sockaddr_storage address{};
    socklen_t length = 0;
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
    sockaddr* get() { return reinterpret_cast<sockaddr*>(&address); }
};

/// No name but numbers: does not block. Empty when the host is a name.
std::vector<Endpoint> numeric(const Address& address);
/// All addresses of a host. Blocks (the resolver asks the network): for the pool, or for start-up.
base::Result<std::vector<Endpoint>> resolve(const Address& address);
/// In numbers; an IPv4 address inside an IPv6 one is shown as IPv4.
Address to_address(const Endpoint& endpoint);
Endpoint local_endpoint(int socket);
/// What every connection has: no delay of small packets, keep-alive.
void set_stream_options(int socket);

}  // namespace klog::net
