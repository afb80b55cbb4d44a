// SPDX-License-Identifier: Apache-2.0
#include "core/net/memory_stream.h"

#include <algorithm>

#include "core/base/check.h"
#include "core/base/crc32c.h"

namespace klog::net {

using base::Errc;
using base::Result;
using runtime::Task;
using Kind = MemoryConnection::Packet::Kind;

namespace {

constexpr std::size_t packet_bytes_max = 64 * 1024;

std::unexpected<base::Error> why_closed(const MemoryConnection::End& end) {
    if (end.closed) return base::fail(Errc::closed, "the connection with {} was closed here", end.peer.to_string());
    return base::fail(Errc::closed, "the connection with {} broke: reset", end.peer.to_string());
}

}  // namespace

void MemoryConnection::wake(End& end) {
    if (runtime::Shard::current() == end.home) {
        end.readable.notify_all();
        end.room.notify_all();
    } else {
        // When that runs, the end may have been accepted and live elsewhere.
        end.home->post([self = shared_from_this(), &end] { self->wake(end); });
    }
}

void MemoryConnection::send(End& from, Packet packet) {
    End& to = other(from);
    if (from.vanished) return;
    if (to.vanished) {
        // Either nobody is there, or a machine that knows nothing of this connection.
        if (!fabric->off.contains(to.host) && !fabric->blocked(from.host, to.host)) break_end(from);
        return;
    }
    to.window_used += packet.bytes.size();
    to.coming.push_back(std::move(packet));
    schedule_delivery(to);
}

void MemoryConnection::schedule_delivery(End& to) {
    to.last_arrival = std::max(to.last_arrival, fabric->world.now() + fabric->latency());
    to.home->post([self = shared_from_this(), &to, at = to.last_arrival]() mutable {
        runtime::Shard::current()->set_timer(at, [self = std::move(self), &to] { self->deliver(to); });
    });
}

void MemoryConnection::restart(End& to) {
    for (std::size_t i = 0; i < to.coming.size(); ++i) schedule_delivery(to);
}

void MemoryConnection::deliver(End& to) {
    End& from = other(to);
    if (to.coming.empty() || fabric->blocked(from.host, to.host)) return;  // Broken, or stuck until healed.
    Packet packet = std::move(to.coming.front());
    to.coming.pop_front();
    fabric->world.note(packet.bytes.size() << 32 | base::crc32c(packet.bytes));
    switch (packet.kind) {
        case Kind::reset: return break_end(to);
        case Kind::end: to.ended = true; break;
        case Kind::bytes:
            if (to.closed) return break_end(from);  // What the kernel answers for a process that no longer reads.
            to.unread += packet.bytes;
    }
    wake(to);
}

void MemoryConnection::break_end(End& end) {
    end.reset = true;
    end.coming.clear();
    end.unread.clear();
    end.window_used = 0;
    wake(end);
}

void MemoryConnection::break_both() {
    for (End& end : ends) break_end(end);
}

void MemoryConnection::close(End& end) {
    if (end.closed) return;
    end.closed = true;
    const bool read_all = end.unread.empty();
    if (!end.reset) send(end, {read_all ? Kind::end : Kind::reset, {}});
    end.unread.clear();
    wake(end);
}

Task<Result<std::size_t>> MemoryStream::read_some(std::span<char> into) {
    KLOG_CHECK(!into.empty());
    for (;;) {
        KLOG_CHECK(runtime::Shard::current() == mine_.home, "a stream is used on its shard");
        if (mine_.closed || mine_.reset) co_return why_closed(mine_);
        if (!mine_.unread.empty()) break;
        if (mine_.ended) co_return 0U;
        co_await mine_.readable.wait();
    }
    auto& fabric = *connection_->fabric;
    std::size_t n = std::min(into.size(), mine_.unread.size());
    if (fabric.happens(fabric.faults.short_read_one_in)) n = 1 + fabric.world.random().below(n);
    mine_.unread.copy(into.data(), n);
    mine_.unread.erase(0, n);
    mine_.window_used -= n;
    connection_->wake(connection_->other(mine_));
    co_return n;
}

Task<Result<>> MemoryStream::wait_for_room() {
    auto& to = connection_->other(mine_);
    for (;;) {
        KLOG_CHECK(runtime::Shard::current() == mine_.home, "a stream is used on its shard");
        if (mine_.closed || mine_.reset) co_return why_closed(mine_);
        if (to.window_used < MemoryConnection::window_bytes_max) co_return Result<>{};
        co_await mine_.room.wait();
    }
}

Task<Result<>> MemoryStream::send(base::Chain chain) {
    KLOG_CO_TRY(const std::string all, chain.flatten());
    auto& fabric = *connection_->fabric;
    std::size_t until = all.size();
    const bool cut = fabric.happens(fabric.faults.cut_one_in);
    if (cut) until = fabric.world.random().below(all.size() + 1);
    for (std::size_t at = 0; at < until;) {
        KLOG_CO_TRY_VOID(co_await wait_for_room());
        const std::size_t most = std::min(packet_bytes_max, until - at);
        const std::size_t n = fabric.world.random().one_in(4) ? 1 + fabric.world.random().below(most) : most;
        connection_->send(mine_, {Kind::bytes, all.substr(at, n)});
        at += n;
    }
    if (cut) {
        connection_->send(mine_, {Kind::reset, {}});
        connection_->break_end(mine_);
    }
    if (mine_.closed || mine_.reset) co_return why_closed(mine_);
    co_return Result<>{};
}

}  // namespace klog::net
