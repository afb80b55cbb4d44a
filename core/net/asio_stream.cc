// SPDX-License-Identifier: Apache-2.0
#include "core/net/asio_stream.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "core/base/check.h"
#include "core/net/chain_sender.h"

namespace klog::net {

using base::Errc;
using base::Result;
using runtime::Task;

namespace {

// A read that was filled is likely to find more at once. After so many, the next goes by way of the event loop, so that
// a connection that never runs dry does not keep the shard for itself.
constexpr unsigned reads_in_turn_max = 8;

std::unexpected<base::Error> closed_by_us(const Address& peer) {
    return base::fail(Errc::closed, "the connection with {} was closed here", peer.to_string());
}

}  // namespace

AsioStream::AsioStream(AsioSocket socket, Address local, Address peer)
    : socket_(std::move(socket)), local_(std::move(local)), peer_(std::move(peer)) {}

Task<Result<std::size_t>> AsioStream::read_some(std::span<char> into) {
    KLOG_CHECK(!into.empty());
    if (socket_.closed()) co_return closed_by_us(peer_);
    if (more_likely_ && reads_in_turn_ < reads_in_turn_max) {
        const ssize_t n = ::recv(socket_.descriptor(), into.data(), into.size(), MSG_DONTWAIT);
        more_likely_ = n == static_cast<ssize_t>(into.size());
        if (n >= 0) {
            ++reads_in_turn_;
            co_return static_cast<std::size_t>(n);
        }
        if (errno != EAGAIN && errno != EINTR) co_return broken(errno);
    }
    reads_in_turn_ = 0;
    const auto received = co_await socket_.read(into);
    if (socket_.closed()) co_return closed_by_us(peer_);
    if (received.error != 0) co_return broken(received.error);
    more_likely_ = received.bytes == into.size();
    co_return received.bytes;
}

std::unexpected<base::Error> AsioStream::broken(int error) const {
    return base::fail(Errc::closed, "the connection with {} broke: {}", peer_.to_string(), strerror(error));
}

Task<Result<>> AsioStream::send(base::Chain chain) {
    ChainSender sender(std::move(chain));
    for (;;) {
        if (socket_.closed()) co_return closed_by_us(peer_);
        KLOG_CO_TRY(const auto progress, sender.advance(socket_.descriptor()));
        if (progress == ChainSender::Progress::done) co_return Result<>{};
        if (!co_await socket_.writable() && !socket_.closed()) {
            co_return base::fail(Errc::limit, "the kernel watches no more connections: {}", peer_.to_string());
        }
    }
}

}  // namespace klog::net
