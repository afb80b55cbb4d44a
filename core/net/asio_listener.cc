// SPDX-License-Identifier: Apache-2.0
#include "core/net/asio_listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/net/asio_stream.h"
#include "core/net/resolve.h"

namespace klog::net {

using base::Errc;
using base::Result;
using runtime::MonotonicTime;
using runtime::Task;
using namespace std::chrono_literals;

namespace {

constexpr int backlog_max = 1024;
// Out of descriptors: nothing tells when one is free again (files use them too), so look again after this time,
constexpr auto exhausted_pause = 100ms;
// and say so no more often than this.
constexpr auto exhausted_log_interval = 10s;

bool exhausted(int error) { return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM; }

class AsioListener final : public Listener {
public:
    AsioListener(AsioSocket socket, Address address, std::function<runtime::Shard&()> place)
        : socket_(std::move(socket)), address_(std::move(address)), place_(std::move(place)) {}

    Task<Result<std::unique_ptr<Stream>>> accept() override {
        for (;;) {
            if (socket_.closed()) co_return base::fail(Errc::closed, "{} listens no more", address_.to_string());
            Endpoint peer;
            peer.length = sizeof peer.address;
            const int fd = ::accept4(socket_.descriptor(), peer.get(), &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd >= 0) co_return adopt(fd, peer);
            const int error = errno;
            if (error == EAGAIN) {
                if (!co_await socket_.readable() && !socket_.closed()) {
                    co_return base::fail(Errc::limit, "the kernel watches no more sockets: {}", address_.to_string());
                }
            } else if (exhausted(error)) {
                complain(error);
                co_await closing_.wait(home().now() + exhausted_pause);
            }
            // Else the connection was gone before it was accepted: take the next.
        }
    }

    void close() override {
        socket_.close();
        closing_.notify_all();
    }
    const Address& address() const override { return address_; }

private:
    runtime::Shard& home() const { return socket_.home(); }

    std::unique_ptr<Stream> adopt(int fd, const Endpoint& peer) {
        set_stream_options(fd);
        AsioSocket socket(static_cast<runtime::AsioShard&>(place_()), fd);
        return std::make_unique<AsioStream>(std::move(socket), to_address(local_endpoint(fd)), to_address(peer));
    }

    void complain(int error) {
        const MonotonicTime now = home().now();
        if (complained_ && now - *complained_ < exhausted_log_interval) return;
        complained_ = now;
        base::log_warn("{}: no connection can be accepted: {}", address_.to_string(), strerror(error));
    }

    AsioSocket socket_;
    Address address_;
    std::function<runtime::Shard&()> place_;
    runtime::Signal closing_;
    std::optional<MonotonicTime> complained_;
};

// Sets *error to errno on failure.
int open_listening(const Endpoint& endpoint, bool both_families, int* error) {
    const int fd = ::socket(endpoint.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1, v6_only = both_families ? 0 : 1;
    if (fd >= 0) {
        // Without it a restart fails while old connections linger; a port that is listened on stays refused.
        ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (endpoint.address.ss_family == AF_INET6) {
            ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
        }
        if (::bind(fd, endpoint.get(), endpoint.length) == 0 && ::listen(fd, backlog_max) == 0) return fd;
    }
    *error = errno;
    if (fd >= 0) ::close(fd);
    return -1;
}

}  // namespace

Result<std::unique_ptr<Listener>> listen_tcp(runtime::AsioShard& home, Address address,
                                             std::function<runtime::Shard&()> place) {
    const bool all = address.host.empty();
    const Address asked = all ? Address{"::", address.port} : address;
    KLOG_TRY(const auto endpoints, resolve(asked));
    int error = 0;
    int fd = open_listening(endpoints.front(), all, &error);
    if (fd < 0 && all && error == EAFNOSUPPORT) {
        fd = open_listening(numeric({"0.0.0.0", address.port}).front(), false, &error);
    }
    if (fd < 0) {
        const Errc code = error == EADDRINUSE ? Errc::busy : error == EACCES ? Errc::not_authorized : Errc::io;
        return base::fail(code, "cannot listen on {}: {}", asked.to_string(), strerror(error));
    }
    AsioSocket socket(home, fd);
    return std::make_unique<AsioListener>(std::move(socket), to_address(local_endpoint(fd)), std::move(place));
}

}  // namespace klog::net
