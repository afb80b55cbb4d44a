// SPDX-License-Identifier: Apache-2.0
#include "core/net/asio_network.h"

#include <errno.h>
#include <string.h>

#include "core/net/asio_listener.h"
#include "core/net/asio_stream.h"
#include "core/net/resolve.h"
#include "core/runtime/scope.h"

namespace klog::net {

using base::Errc;
using base::Result;
using runtime::MonotonicTime;
using runtime::Task;

namespace {

runtime::AsioShard& this_shard() {
    runtime::Shard* shard = runtime::Shard::current();
    KLOG_CHECK(shard, "sockets live on shards");
    return static_cast<runtime::AsioShard&>(*shard);
}

struct Lookup {
    std::optional<Result<std::vector<Endpoint>>> found;
    runtime::Signal done;
};

// The resolver cannot be called off: when the deadline passes, its answer goes to a Lookup that nobody waits for.
Task<Result<std::vector<Endpoint>>> look_up(runtime::Pool& pool, Address address,
                                            std::optional<MonotonicTime> deadline) {
    if (auto found = numeric(address); !found.empty()) co_return found;
    auto lookup = std::make_shared<Lookup>();
    pool.submit([lookup, address, home = runtime::Shard::current()] {
        home->post([lookup, found = resolve(address)]() mutable {
            lookup->found = std::move(found);
            lookup->done.notify_all();
        });
    });
    co_await lookup->done.wait(deadline);
    if (!lookup->found) co_return base::fail(Errc::timed_out, "looking up host {} takes too long", address.host);
    co_return std::move(*lookup->found);
}

std::unexpected<base::Error> connect_error(const Address& address, int error) {
    const Errc code = error == ECONNREFUSED ? Errc::connect_failed : error == ETIMEDOUT ? Errc::timed_out : Errc::io;
    return base::fail(code, "cannot connect to {}: {}", address.to_string(), strerror(error));
}

// A port that nobody listens on may be given to the very socket that asks for it, which then talks to itself.
bool connected_to_itself(int fd) {
    Endpoint local = local_endpoint(fd), peer;
    peer.length = sizeof peer.address;
    ::getpeername(fd, peer.get(), &peer.length);
    return local.length == peer.length && memcmp(&local.address, &peer.address, local.length) == 0;
}

Task<Result<AsioSocket>> connect_one(Address address, Endpoint endpoint, std::optional<MonotonicTime> deadline) {
    runtime::AsioShard& shard = this_shard();
    const int fd = ::socket(endpoint.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) co_return connect_error(address, errno);
    AsioSocket socket(shard, fd);
    if (::connect(fd, endpoint.get(), endpoint.length) != 0) {
        if (errno != EINPROGRESS) co_return connect_error(address, errno);
        runtime::TimerId timer{};
        if (deadline) timer = shard.set_timer(*deadline, [&socket] { socket.close(); });
        const bool answered = co_await socket.writable();
        shard.cancel_timer(timer);
        if (!answered) co_return connect_error(address, ETIMEDOUT);
        int error = 0;
        socklen_t length = sizeof error;
        ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
        if (error != 0) co_return connect_error(address, error);
    }
    if (connected_to_itself(fd)) co_return connect_error(address, ECONNREFUSED);
    co_return std::move(socket);
}

// Each of several addresses gets its share of the time that is left.
std::optional<MonotonicTime> share_of(std::optional<MonotonicTime> deadline, std::size_t addresses_left) {
    if (!deadline) return deadline;
    const MonotonicTime now = runtime::Shard::current()->now();
    return now + (*deadline - now) / static_cast<std::int64_t>(addresses_left);
}

}  // namespace

Result<std::unique_ptr<Listener>> AsioNetwork::listen(Address address, std::function<runtime::Shard&()> place) {
    return listen_tcp(this_shard(), std::move(address), std::move(place));
}

Task<Result<std::unique_ptr<Stream>>> AsioNetwork::connect(Address address, std::optional<MonotonicTime> deadline) {
    KLOG_CO_TRY(const auto endpoints, co_await look_up(pool_, address, deadline));
    std::optional<base::Error> why;
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
        auto socket = co_await connect_one(address, endpoints[i], share_of(deadline, endpoints.size() - i));
        if (socket) {
            set_stream_options(socket->descriptor());
            Address local = to_address(local_endpoint(socket->descriptor()));
            co_return std::make_unique<AsioStream>(std::move(*socket), std::move(local), std::move(address));
        }
        // That one of the addresses refused says more than that another could not be reached.
        if (!why || why->code != Errc::connect_failed) why = std::move(socket).error();
    }
    co_return std::unexpected(std::move(*why));
}

}  // namespace klog::net
