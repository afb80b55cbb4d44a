// SPDX-License-Identifier: Apache-2.0
#include "core/broker/connection.h"

#include "core/base/log.h"
#include "core/broker/dispatch.h"
#include "core/broker/handlers/00_produce.h"

namespace klog::broker {

using wire::ApiKey;

Connection::Connection(BrokerShard& home, std::unique_ptr<net::Stream> stream, std::string listener)
    : home_(home),
      stream_(std::move(stream)),
      client_(std::make_shared<Client>()),
      inbox_(static_cast<std::size_t>(home.shared.config.integer("socket.request.max.bytes"))),
      last_active_(home.shard.now()) {
    client_->peer = stream_->peer();
    client_->local = stream_->local();
    client_->identity.listener = std::move(listener);
    client_->identity.host = client_->peer.host;
}

Connection::~Connection() {
    home_.sessions.forget_owner(waiters_.get());
    home_.request_bytes.give_back(budgeted_, this);
}

runtime::Task<void> Connection::serve() {
    while (may_read()) {
        if (!co_await read()) break;
        co_await handle_frames();
        kick();
        inbox_.forget();
        if (owed_.size() > owed_answers_max / 2 || ready_bytes_ > owed_bytes_max)
            co_await wait_until_owed_at_most(owed_answers_max / 2);
    }
    stop_reading();
    co_await wait_until_owed_at_most(0);
    stream_->close();
    co_await running_.join();
}

void Connection::stop_reading() {
    stopping_ = true;
    waiters_->leaving = true;
    waiters_->wake.notify_all();
}

void Connection::finish() {
    stop_reading();
    if (reading_ && owed_.empty()) stream_->close();
}

void Connection::close() {
    broken_ = true;
    stop_reading();
    stream_->close();
    changed_.notify_all();
}

void Connection::set_capacity(std::size_t bytes) {
    inbox_.resize(bytes);
    if (bytes < budgeted_) home_.request_bytes.give_back(budgeted_ - bytes, this);
    budgeted_ = bytes;
}

/// False: the client has gone, or the connection is at its end.
runtime::Task<bool> Connection::read() {
    if (const std::size_t wanted = inbox_.wanted(); wanted != inbox_.capacity()) {
        if (wanted > budgeted_) co_await home_.request_bytes.take(wanted - budgeted_, this);
        set_capacity(wanted);
        if (!may_read()) co_return false;
    }
    // Who has more than there is may keep it only while it goes on sending.
    if (home_.request_bytes.overdrawn_by() == this)
        stall_timer_ = home_.shard.set_timer(home_.shard.now() + stalled_frame_time, [this] { close_when_stalled(); });
    reading_ = true;
    const auto bytes = co_await stream_->read_some(inbox_.room());
    reading_ = false;
    if (stall_timer_ != runtime::TimerId::none) home_.shard.cancel_timer(stall_timer_);
    stall_timer_ = runtime::TimerId::none;
    if (!bytes || *bytes == 0) co_return false;
    inbox_.filled(*bytes);
    last_active_ = home_.shard.now();
    co_return true;
}

void Connection::close_when_stalled() {
    stall_timer_ = runtime::TimerId::none;
    complain("it holds memory that others wait for, and sends nothing");
    close();
}

runtime::Task<void> Connection::handle_frames() {
    while (may_read()) {
        std::string_view bytes;
        const Inbox::Cut cut = inbox_.next(bytes);
        if (cut == Inbox::Cut::partial) break;
        if (cut == Inbox::Cut::bad) {
            complain(inbox_.why());
            break;
        }
        wire::RequestFrame frame;
        wire::DecodeError why;
        if (!wire::open_request(bytes, frame, &why) || frame.api->audience != wire::ApiAudience::clients) {
            complain(why.what);
            break;
        }
        const bool produce = frame.api->key == ApiKey::produce;
        if (!produce || gathered_.size() + owed_.size() >= owed_answers_max) co_await produce_gathered();
        if (produce)
            gathered_.push_back(frame);
        else
            co_await handle(frame);
    }
    co_await produce_gathered();
}

runtime::Task<void> Connection::produce_gathered() {
    if (gathered_.empty()) co_return;
    if (owed_.size() + gathered_.size() > owed_answers_max) {
        kick();
        co_await wait_until_owed_at_most(owed_answers_max / 2);
        if (broken_) gathered_.clear();
    }
    std::vector<ProduceFrame> frames;
    frames.reserve(gathered_.size());
    for (const wire::RequestFrame& frame : gathered_) frames.push_back({frame, owe()});
    gathered_.clear();
    Call call{&home_, client_, waiters_, 0};
    auto served = co_await serve_produce(std::move(call), weak_from_this(), std::move(frames));
    if (!served) complain(served.error().message);
}

runtime::Task<void> Connection::handle(wire::RequestFrame frame) {
    if (owed_.size() >= owed_answers_max) {
        kick();
        co_await wait_until_owed_at_most(owed_answers_max / 2);
        if (broken_) co_return;
    }
    if (!frame.api->serves(frame.header.api_version)) {
        if (frame.api->key == ApiKey::api_versions) {
            settle(owe(), unknown_api_versions(frame.header.correlation_id));
            co_return;
        }
        complain(fmt::format("{} in version {}, which is not served", frame.api->name, frame.header.api_version));
        co_return;
    }
    if (frame.api->order == wire::ApiOrder::pipelined) {
        running_.spawn(answer_alone(frame, owe()));
        co_return;
    }
    kick();
    co_await wait_until_owed_at_most(0);
    if (broken_) co_return;
    co_await answer_alone(frame, owe());
}

runtime::Task<void> Connection::answer_alone(wire::RequestFrame frame, AnswerId id) {
    Call call{&home_, client_, waiters_, frame.header.api_version};
    const ApiKey key = frame.api->key;
    auto answer = co_await dispatch(std::move(call), frame);
    if (answer) {
        settle(id, std::move(*answer));
        co_return;
    }
    complain(fmt::format("{}: {}", wire::find_api(static_cast<std::int16_t>(key))->name, answer.error().message));
    settle_by_closing(id);
}

AnswerId Connection::owe() {
    owed_.emplace_back();
    return first_owed_ + owed_.size() - 1;
}

Connection::Owed& Connection::owed(AnswerId id) {
    KLOG_CHECK(id >= first_owed_ && id - first_owed_ < owed_.size(), "an answer that is owed");
    Owed& owed = owed_[id - first_owed_];
    KLOG_CHECK(owed.state == Owed::State::waiting, "an answer is given once");
    return owed;
}

void Connection::settle(AnswerId id, base::Chain answer) {
    Owed& one = owed(id);
    ready_bytes_ += answer.size();
    one.answer = std::move(answer);
    one.state = Owed::State::ready;
    if (id == first_owed_) kick_soon();
}

void Connection::settle_silently(AnswerId id) {
    owed(id).state = Owed::State::ready;
    if (id == first_owed_) kick_soon();
}

void Connection::settle_by_closing(AnswerId id) {
    owed(id).state = Owed::State::closing;
    if (id == first_owed_) kick_soon();
}

runtime::Task<void> Connection::wait_until_owed_at_most(std::size_t answers) {
    while (!broken_ && (owed_.size() > answers || ready_bytes_ > owed_bytes_max)) co_await changed_.wait();
}

/// After what is ready now has been joined by what else becomes ready in this round of the shard.
void Connection::kick_soon() {
    if (kick_posted_ || writing_) return;
    kick_posted_ = true;
    home_.shard.post([weak = weak_from_this()] {
        if (const auto self = weak.lock()) {
            self->kick_posted_ = false;
            self->kick();
        }
    });
}

void Connection::kick() {
    if (writing_ || owed_.empty() || owed_.front().state == Owed::State::waiting) return;
    running_.spawn(write_ready());
}

runtime::Task<void> Connection::write_ready() {
    writing_ = true;
    while (!owed_.empty() && owed_.front().state != Owed::State::waiting) {
        base::Chain chain;
        bool last = false;
        while (!last && !owed_.empty() && owed_.front().state != Owed::State::waiting) {
            last = owed_.front().state == Owed::State::closing;
            chain.append(std::move(owed_.front().answer));
            owed_.pop_front();
            ++first_owed_;
        }
        ready_bytes_ -= chain.size();
        if (!chain.empty() && !broken_) {
            const auto sent = co_await stream_->send(std::move(chain));
            if (!sent) close();
        }
        if (last) close();
        changed_.notify_all();
    }
    writing_ = false;
    if (stopping_ && reading_ && owed_.empty()) stream_->close();
}

void Connection::complain(std::string_view what) {
    if (may_read() && home_.bad_connections.allows(home_.shard.now()))
        base::log_warn("closing the connection from {}: {}", client_->peer.to_string(), what);
    stopping_ = true;
}

}  // namespace klog::broker
