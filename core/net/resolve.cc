// SPDX-License-Identifier: Apache-2.0
#include "core/net/resolve.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include <string>

namespace klog::net {

namespace {

int look_up(const Address& address, int flags, std::vector<Endpoint>& found) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags | AI_NUMERICSERV;
    addrinfo* list = nullptr;
    const int error = ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &list);
    if (error != 0) return error;
    for (const addrinfo* at = list; at; at = at->ai_next) {
        Endpoint& endpoint = found.emplace_back();
        memcpy(&endpoint.address, at->ai_addr, at->ai_addrlen);
        endpoint.length = at->ai_addrlen;
    }
    ::freeaddrinfo(list);
    return 0;
}

}  // namespace

std::vector<Endpoint> numeric(const Address& address) {
    std::vector<Endpoint> found;
    look_up(address, AI_NUMERICHOST, found);
    return found;
}

base::Result<std::vector<Endpoint>> resolve(const Address& address) {
    std::vector<Endpoint> found;
    const int error = look_up(address, 0, found);
    if (error != 0) {
        return base::fail(base::Errc::not_found, "cannot find host {}: {}", address.host, ::gai_strerror(error));
    }
    return found;
}

Address to_address(const Endpoint& endpoint) {
    char text[INET6_ADDRSTRLEN] = "";
    if (endpoint.address.ss_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(endpoint.address);
        ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
        return {text, ntohs(v4.sin_port)};
    }
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(endpoint.address);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
        ::inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text, sizeof text);
    } else {
        ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    }
    return {text, ntohs(v6.sin6_port)};
}

Endpoint local_endpoint(int socket) {
    Endpoint endpoint;
    endpoint.length = sizeof endpoint.address;
    ::getsockname(socket, endpoint.get(), &endpoint.length);
    return endpoint;
}

void set_stream_options(int socket) {
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

}  // namespace klog::net
