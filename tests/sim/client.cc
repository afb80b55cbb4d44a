// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/client.h"

#include "tests/sim/world.h"

namespace klog::sim {

using runtime::Task;

Task<base::Result<std::shared_ptr<net::Peer>>> Link::peer() {
    co_await connecting_.acquire(1);
    if (peer_ && peer_->closed()) drop(peer_);
    if (!peer_) {
        net::Address address{World::broker_host, 9092};
        auto stream =
            co_await network_.connect(std::move(address), runtime::Shard::current()->now() + connect_time_max);
        if (!stream) {
            connecting_.release(1);
            co_return std::unexpected(std::move(stream.error()));
        }
        peer_ = std::make_shared<net::Peer>(std::move(*stream), net::PeerLimits{});
    }
    connecting_.release(1);
    co_return peer_;
}

void Link::drop(const std::shared_ptr<net::Peer>& peer) {
    if (peer_ != peer || !peer_) return;
    closing_.spawn(bury(std::exchange(peer_, nullptr)));
}

Task<void> Link::bury(std::shared_ptr<net::Peer> peer) {
    peer->close();
    co_await peer->join();
}

Task<void> Link::end() {
    drop(peer_);
    co_await closing_.join();
}

}  // namespace klog::sim
