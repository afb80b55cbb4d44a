// SPDX-License-Identifier: Apache-2.0
// An outgoing connection that requests travel on: from a client to a broker, from a broker to another. Many requests
// may be under way; the other side answers in order. Lives, with its callers, on the shard of its stream; its owner
// closes and joins it before it dies. The typed form is request() in net/request.h.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "core/net/frame.h"
#include "core/net/stream.h"
#include "core/runtime/scope.h"

namespace klog::net {

struct PeerLimits {
    /// Requests that are sent (or queued) and not answered. More wait for their turn.
    std::size_t in_flight_max = 64;
    /// Bytes of requests that are not handed to the stream yet. More wait for their turn.
    std::uint64_t queued_bytes_max = 16u << 20;
    FrameLimits frames{.frame_bytes_max = 256 * 1024 * 1024};
};

class Peer {
public:
    /// On the stream's shard, where it reads and writes from now on.
    Peer(std::unique_ptr<Stream> stream, PeerLimits limits);
    ~Peer();
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

    /// For the header of the next request.
    std::int32_t next_correlation_id() { return next_correlation_id_++ & 0x7fffffff; }

    /// Sends a request, a whole frame with its length, whose header has this correlation id, and gives the answer's
    /// frame without its length. timed_out: no answer until the deadline; one that comes later is dropped, and counts
    /// as in flight until then. closed: the connection broke, or was closed; whether the request was served is unknown.
    /// tls_failed: the same, by a complaint of TLS. Requests leave in the order of the calls.
    runtime::Task<base::Result<base::SharedBytes>> exchange(std::int32_t correlation_id, base::Chain frame,
                                                            std::optional<runtime::MonotonicTime> deadline);
    /// The same for the one who holds the connection.
    runtime::Task<base::Result<base::SharedBytes>> exchange_held(std::int32_t correlation_id, base::Chain frame,
                                                                 std::optional<runtime::MonotonicTime> deadline);
    /// From hold() to release() only exchange_held() sends; others wait for their turn. For one who has to have the
    /// connection to itself for several requests.
    void hold();
    void release();
    /// Sends a request that gets no answer (Produce with acks=0). It may not have left when this returns.
    runtime::Task<base::Result<>> send(base::Chain frame);

    std::size_t in_flight() const { return waiting_.size(); }
    const Address& address() const { return stream_->peer(); }
    bool closed() const { return failure_.has_value(); }
    /// Fails all that wait. Idempotent.
    void close();
    /// For exchanges from now on; see FrameLimits.
    void set_frame_bytes_max(std::uint32_t bytes) { reader_.cutter().set_frame_bytes_max(bytes); }
    /// After close(), or to wait for the other side to close.
    runtime::Task<void> join() { return scope_.join(); }

private:
    struct Call {
        std::optional<base::Result<base::SharedBytes>> answer;
        runtime::Signal answered;
    };
    struct Waiting {
        std::int32_t correlation_id;
        Call* call;  // In the frame of exchange(); null: nobody wants the answer any more.
    };

    bool has_room() const;
    runtime::Task<base::Result<>> wait_for_turn(std::optional<runtime::MonotonicTime> deadline);
    runtime::Task<base::Result<base::SharedBytes>> exchange_now(std::int32_t correlation_id, base::Chain frame,
                                                                std::optional<runtime::MonotonicTime> deadline);
    runtime::Task<void> write();
    runtime::Task<void> read();
    base::Result<> take_answer(base::SharedBytes frame);
    void queue(base::Chain frame);
    void fail(base::Error why);
    std::unexpected<base::Error> failure() const;

    std::unique_ptr<Stream> stream_;
    const PeerLimits limits_;
    FrameReader reader_;
    std::uint32_t next_correlation_id_ = 0;
    std::deque<Waiting> waiting_;  // In the order of sending, which is that of the answers.
    base::Chain queued_;
    runtime::Signal queued_changed_;
    runtime::Signal turn_;
    std::deque<std::uint64_t> line_;  // Who waits for a turn, by number, in order of arrival.
    std::uint64_t next_in_line_ = 0;
    bool held_ = false;
    std::optional<base::Error> failure_;
    runtime::Scope scope_;
};

}  // namespace klog::net
