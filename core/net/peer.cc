// SPDX-License-Identifier: Apache-2.0
#include "core/net/peer.h"

#include <utility>

#include "core/base/big_endian.h"
#include "core/base/check.h"

namespace klog::net {

using base::Errc;
using base::Result;
using runtime::MonotonicTime;
using runtime::Task;

Peer::Peer(std::unique_ptr<Stream> stream, PeerLimits limits)
    : stream_(std::move(stream)), limits_(limits), reader_(*stream_, limits.frames) {
    scope_.spawn(write());
    scope_.spawn(read());
}

Peer::~Peer() { stream_->close(); }

std::unexpected<base::Error> Peer::failure() const {
    const Errc code = failure_->code == Errc::tls_failed ? Errc::tls_failed : Errc::closed;
    return base::fail(code, "{}: {}", stream_->peer().to_string(), failure_->message);
}

void Peer::fail(base::Error why) {
    if (failure_) return;
    failure_ = std::move(why);
    stream_->close();
    for (const Waiting& waiting : std::exchange(waiting_, {})) {
        if (!waiting.call) continue;
        waiting.call->answer = failure();
        waiting.call->answered.notify_all();
    }
    queued_ = {};
    queued_changed_.notify_all();
    turn_.notify_all();
}

void Peer::close() { fail({Errc::closed, "closed here"}); }

bool Peer::has_room() const {
    return !held_ && waiting_.size() < limits_.in_flight_max && queued_.size() < limits_.queued_bytes_max;
}

Task<Result<>> Peer::wait_for_turn(std::optional<MonotonicTime> deadline) {
    if (failure_) co_return failure();
    if (line_.empty() && has_room()) co_return Result<>{};
    const std::uint64_t number = next_in_line_++;
    line_.push_back(number);
    bool late = false;
    while (!failure_ && !late && (line_.front() != number || !has_room())) late = !co_await turn_.wait(deadline);
    std::erase(line_, number);
    turn_.notify_all();  // The next in line may have room too.
    if (failure_) co_return failure();
    if (late) {
        co_return base::fail(Errc::timed_out, "{} still has {} requests to answer", stream_->peer().to_string(),
                             waiting_.size());
    }
    co_return Result<>{};
}

void Peer::hold() {
    KLOG_CHECK(!held_);
    held_ = true;
}

void Peer::release() {
    held_ = false;
    turn_.notify_all();
}

void Peer::queue(base::Chain frame) {
    queued_.append(std::move(frame));
    queued_changed_.notify_all();
}

Task<Result<base::SharedBytes>> Peer::exchange(std::int32_t correlation_id, base::Chain frame,
                                               std::optional<MonotonicTime> deadline) {
    KLOG_CO_TRY_VOID(co_await wait_for_turn(deadline));
    co_return co_await exchange_now(correlation_id, std::move(frame), deadline);
}

Task<Result<base::SharedBytes>> Peer::exchange_held(std::int32_t correlation_id, base::Chain frame,
                                                    std::optional<MonotonicTime> deadline) {
    KLOG_CHECK(held_);
    if (failure_) co_return failure();
    co_return co_await exchange_now(correlation_id, std::move(frame), deadline);
}

Task<Result<base::SharedBytes>> Peer::exchange_now(std::int32_t correlation_id, base::Chain frame,
                                                   std::optional<MonotonicTime> deadline) {
    Call call;
    waiting_.push_back({correlation_id, &call});
    queue(std::move(frame));
    if (!co_await call.answered.wait(deadline)) {
        for (Waiting& waiting : waiting_) {
            if (waiting.call == &call) waiting.call = nullptr;
        }
        co_return base::fail(Errc::timed_out, "{} does not answer in time", stream_->peer().to_string());
    }
    co_return std::move(*call.answer);
}

Task<Result<>> Peer::send(base::Chain frame) {
    KLOG_CO_TRY_VOID(co_await wait_for_turn(std::nullopt));
    queue(std::move(frame));
    co_return Result<>{};
}

Task<void> Peer::write() {
    while (!failure_) {
        if (queued_.empty()) {
            co_await queued_changed_.wait();
            continue;
        }
        // All that has come meanwhile leaves together.
        base::Chain frames = std::exchange(queued_, {});
        turn_.notify_all();
        auto sent = co_await stream_->send(std::move(frames));
        if (!sent) fail(std::move(sent).error());
    }
}

Task<void> Peer::read() {
    while (!failure_) {
        auto frames = co_await reader_.next();
        if (!frames) {
            fail(std::move(frames).error());
        } else if (frames->empty()) {
            fail({Errc::closed, "closed by the other side"});
        } else {
            for (auto& frame : *frames) {
                if (failure_) co_return;
                if (auto taken = take_answer(std::move(frame)); !taken) fail(std::move(taken).error());
            }
        }
    }
}

Result<> Peer::take_answer(base::SharedBytes frame) {
    KLOG_CHECK(frame.view.size() >= sizeof(std::int32_t));  // FrameLimits::frame_bytes_min
    const auto correlation_id = base::load_big<std::int32_t>(frame.view.data());
    if (waiting_.empty() || waiting_.front().correlation_id != correlation_id) {
        return base::fail(Errc::corrupt, "an answer with correlation id {} where none was expected", correlation_id);
    }
    Call* const call = waiting_.front().call;
    waiting_.pop_front();
    turn_.notify_all();
    if (call) {
        call->answer = std::move(frame);
        call->answered.notify_all();
    }
    return {};
}

}  // namespace klog::net
