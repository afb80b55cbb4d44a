// SPDX-License-Identifier: Apache-2.0
// One client's connection. It reads whatever the socket holds, takes all complete frames, and serves them in order:
//
//   phase 1  ordered: decoded, validated, appended, looked up. Requests to produce that stand one behind the other are
//            appended together.
//   phase 2  waits (for a flush, for replicas, for data) and may overlap phase 1 of what follows, for pipelined APIs.
//            Every other API is a barrier: it waits for all before it, and all after it wait for it.
//
// Answers go out in the order of their requests; all that are ready go in one send. Too many answers owed, or too many
// bytes of requests and answers in memory: nothing is read or served until that has changed. A client that does not
// take its answers is closed. Lives on one shard, owned by Listeners.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "core/base/chain.h"
#include "core/broker/answers.h"
#include "core/broker/broker_shard.h"
#include "core/net/frame.h"
#include "core/net/stream.h"
#include "core/runtime/scope.h"
#include "core/wire/apis.h"

namespace klog::broker {

class Connection final : public Answers, public std::enable_shared_from_this<Connection> {
public:
    Connection(BrokerShard& home, std::unique_ptr<net::Stream> stream, std::string listener);
    ~Connection() override;

    /// Serves the client until it goes, errs, or finish(); ends when nothing of it runs any more.
    runtime::Task<void> serve();
    /// Reads no more; what is under way is answered, waiting requests at once. Then it closes.
    void finish();
    /// Closes at once.
    void close();

    const Client& client() const { return *client_; }
    /// When it last received something.
    runtime::MonotonicTime last_active() const { return last_active_; }
    bool is_owed() const { return !owed_.empty() || writing_; }

    // Answers
    void settle(AnswerId id, base::Chain answer) override;
    void settle_silently(AnswerId id) override;
    void settle_by_closing(AnswerId id) override;

private:
    struct Owed {
        enum class State : std::uint8_t { waiting, ready, closing } state = State::waiting;
        base::Chain answer;
        std::size_t bytes = 0;  // In memory.
    };

    runtime::Task<bool> read();
    runtime::Task<void> handle_frames();
    runtime::Task<void> handle_frame(std::string_view bytes);
    runtime::Task<void> handle(wire::RequestFrame frame);
    runtime::Task<void> produce_gathered();
    runtime::Task<void> answer_alone(wire::RequestFrame frame, AnswerId id, std::size_t decoded_bytes);
    /// Until another request may be served; `bytes` of memory are taken for it.
    runtime::Task<void> wait_for_room(std::size_t bytes);
    runtime::Task<void> wait_until_owed_at_most(std::size_t answers);
    runtime::Task<void> write_ready();
    runtime::Task<void> send(base::Chain chain);
    void watch_send();
    void close_when_not_taken();
    void end_overdraft();
    AnswerId owe();
    Owed& owed(AnswerId id);
    void stop_reading();
    bool may_read() const { return !stopping_ && !broken_; }
    void close_when_stalled();
    void kick();
    void kick_soon();
    /// One log line, as far as the limit on them allows; and no more reading.
    void complain(std::string_view what);

    BrokerShard& home_;
    std::unique_ptr<net::Stream> stream_;
    std::shared_ptr<Client> client_;
    std::shared_ptr<Waiters> waiters_ = std::make_shared<Waiters>();
    net::FrameCutter cutter_;
    std::vector<base::SharedBytes> frames_;     // Complete, in order; gone before the next read.
    std::string bad_bytes_;                     // What came behind them that no frame can be.
    std::size_t budgeted_ = 0;                  // The buffer's bytes, which count against the shard's budget.
    std::vector<wire::RequestFrame> gathered_;  // Produce requests that wait to be appended together.

    std::deque<Owed> owed_;
    AnswerId first_owed_ = 0;      // The id of owed_.front().
    std::size_t ready_bytes_ = 0;  // In memory, of what is ready or being sent; counts against the shard's budget.
    runtime::Signal changed_;      // Fewer answers are owed, or the connection is at its end.
    bool writing_ = false;
    bool kick_posted_ = false;
    bool reading_ = false;
    bool stopping_ = false;
    bool broken_ = false;
    runtime::MonotonicTime last_active_;
    runtime::TimerId stall_timer_ = runtime::TimerId::none;
    std::optional<runtime::MonotonicTime> sending_since_;  // The part that is being sent.
    runtime::TimerId send_timer_ = runtime::TimerId::none;
    runtime::Scope running_;
};

}  // namespace klog::broker
