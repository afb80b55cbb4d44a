// SPDX-License-Identifier: Apache-2.0
#include "core/broker/connection.h"

#include <algorithm>

#include "core/base/log.h"
#include "core/broker/dispatch.h"
#include "core/broker/handlers/00_produce.h"

namespace klog::broker {

using wire::ApiKey;

namespace {

net::FrameLimits frame_limits(const Config& config) {
    net::FrameLimits limits;
    limits.frame_bytes_max = static_cast<std::uint32_t>(config.integer("socket.request.max.bytes"));
    limits.frame_bytes_min = wire::request_header_bytes_min;
    return limits;
}

/// Before memory is spent on a large request.
base::Result<> check_head(std::int16_t api_key, std::int16_t version, std::uint32_t length) {
    const wire::ApiRow* api = wire::find_api(api_key);
    if (api == nullptr || version < api->announced_first || version > api->last)
        return base::fail(base::Errc::unsupported, "a large request of API {}, version {}", api_key, version);
    if (api->key != ApiKey::produce && length > naming_request_bytes_max)
        return base::fail(base::Errc::too_large, "a {} of {} bytes", api->name, length);
    return {};
}

std::size_t bytes_in_memory(const base::Chain& chain) {
    std::size_t bytes = 0;
    for (const auto& piece : chain.pieces())
        if (const auto* shared = std::get_if<base::SharedBytes>(&piece)) bytes += shared->view.size();
    return bytes;
}

/// The chain in chains of at most that many bytes.
std::vector<base::Chain> in_parts(base::Chain chain, std::uint64_t bytes_max) {
    std::vector<base::Chain> parts;
    if (chain.size() <= bytes_max) {
        parts.push_back(std::move(chain));
        return parts;
    }
    parts.emplace_back();
    const auto room = [&]() -> std::uint64_t {
        if (parts.back().size() == bytes_max) parts.emplace_back();
        return bytes_max - parts.back().size();
    };
    for (const auto& piece : chain.pieces()) {
        if (const auto* slice = std::get_if<base::FileSlice>(&piece)) {
            for (base::FileSlice rest = *slice; rest.length > 0;) {
                const auto n = static_cast<std::uint32_t>(std::min<std::uint64_t>(rest.length, room()));
                parts.back().append(base::FileSlice{rest.source, rest.position, n});
                rest.position += n;
                rest.length -= n;
            }
        } else {
            for (base::SharedBytes rest = std::get<base::SharedBytes>(piece); !rest.view.empty();) {
                const std::size_t n = std::min<std::uint64_t>(rest.view.size(), room());
                parts.back().append(base::SharedBytes{rest.owner, rest.view.substr(0, n)});
                rest.view.remove_prefix(n);
            }
        }
    }
    return parts;
}

}  // namespace

Connection::Connection(BrokerShard& home, std::unique_ptr<net::Stream> stream, std::string listener)
    : home_(home),
      stream_(std::move(stream)),
      client_(std::make_shared<Client>()),
      cutter_(frame_limits(home.shared.config), check_head),
      last_active_(home.shard.now()) {
    client_->peer = stream_->peer();
    client_->local = stream_->local();
    client_->identity.listener = std::move(listener);
    client_->identity.host = client_->peer.host;
}

Connection::~Connection() {
    home_.sessions.forget_owner(waiters_.get());
    if (send_timer_ != runtime::TimerId::none) home_.shard.cancel_timer(send_timer_);
    home_.request_bytes.give_back(budgeted_ + ready_bytes_);
    home_.request_bytes.end_overdraft(this);
}

runtime::Task<void> Connection::serve() {
    while (may_read()) {
        if (!co_await read()) break;
        co_await handle_frames();
        kick();
        end_overdraft();
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
    if (reading_ && !is_owed()) stream_->close();
}

void Connection::close() {
    broken_ = true;
    stop_reading();
    stream_->close();
    changed_.notify_all();
}

/// False: the client has gone, or the connection is at its end.
runtime::Task<bool> Connection::read() {
    const std::span<char> room = cutter_.space();
    const std::size_t bytes_held = cutter_.buffer_bytes();
    if (bytes_held > budgeted_) co_await home_.request_bytes.take(bytes_held - budgeted_, this);
    if (bytes_held < budgeted_) home_.request_bytes.give_back(budgeted_ - bytes_held);
    budgeted_ = bytes_held;
    if (!may_read()) co_return false;
    // Who has more than there is may keep it only while it goes on sending.
    if (home_.request_bytes.overdrawn_by() == this && (cutter_.partial_bytes() > 0 || ready_bytes_ == 0))
        stall_timer_ = home_.shard.set_timer(home_.shard.now() + stalled_frame_time, [this] { close_when_stalled(); });
    reading_ = true;
    const auto bytes = co_await stream_->read_some(room);
    reading_ = false;
    if (stall_timer_ != runtime::TimerId::none) home_.shard.cancel_timer(stall_timer_);
    stall_timer_ = runtime::TimerId::none;
    if (!bytes || *bytes == 0) co_return false;
    last_active_ = home_.shard.now();
    // Complete frames before a bad one are served; then it ends.
    if (const auto cut = cutter_.commit(*bytes, frames_); !cut) bad_bytes_ = cut.error().message;
    co_return true;
}

void Connection::close_when_stalled() {
    stall_timer_ = runtime::TimerId::none;
    complain("it holds memory that others wait for, and sends nothing");
    close();
}

runtime::Task<void> Connection::handle_frames() {
    for (std::size_t i = 0; i < frames_.size() && may_read(); ++i) co_await handle_frame(frames_[i].view);
    co_await produce_gathered();
    frames_.clear();
    if (!bad_bytes_.empty()) complain(bad_bytes_);
}

runtime::Task<void> Connection::handle_frame(std::string_view bytes) {
    wire::RequestFrame frame;
    wire::DecodeError why;
    const bool opened = wire::open_request(bytes, frame, &why);
    if (!opened || frame.api->audience != wire::ApiAudience::clients) {
        complain(opened ? "a request of the controller's" : why.what);
        co_return;
    }
    const bool produce = frame.api->key == ApiKey::produce;
    if (!home_.request_bytes.has_room(0)) {
        co_await produce_gathered();
        co_await wait_for_room(0);
        if (broken_) co_return;
    }
    if (!produce || gathered_.size() + owed_.size() >= owed_answers_max) co_await produce_gathered();
    if (produce)
        gathered_.push_back(frame);
    else
        co_await handle(frame);
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
    if (owed_.size() >= owed_answers_max || ready_bytes_ > owed_bytes_max) {
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
    const std::size_t decoded_bytes =
        frame.body.size() > decoded_uncounted_max ? frame.body.size() * decoded_factor : 0;
    if (frame.api->order == wire::ApiOrder::barrier) {
        kick();
        co_await wait_until_owed_at_most(0);
        if (broken_) co_return;
    }
    if (decoded_bytes > 0) {
        co_await wait_for_room(decoded_bytes);
        if (broken_) co_return home_.request_bytes.give_back(decoded_bytes);
    }
    if (frame.api->order == wire::ApiOrder::barrier)
        co_await answer_alone(frame, owe(), decoded_bytes);
    else
        running_.spawn(answer_alone(frame, owe(), decoded_bytes));
}

runtime::Task<void> Connection::wait_for_room(std::size_t bytes) {
    kick();
    co_await home_.request_bytes.take(bytes, this);
}

runtime::Task<void> Connection::answer_alone(wire::RequestFrame frame, AnswerId id, std::size_t decoded_bytes) {
    Call call{&home_, client_, waiters_, frame.header.api_version};
    const ApiKey key = frame.api->key;
    auto answer = co_await dispatch(std::move(call), frame);
    home_.request_bytes.give_back(decoded_bytes);
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
    one.bytes = bytes_in_memory(answer);
    ready_bytes_ += one.bytes;
    home_.request_bytes.add(one.bytes);
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
    const auto too_much = [&] {
        return owed_.size() > answers || ready_bytes_ > owed_bytes_max || (answers == 0 && writing_);
    };
    while (!broken_ && too_much()) co_await changed_.wait();
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
        std::size_t bytes = 0;
        bool last = false;
        while (!last && !owed_.empty() && owed_.front().state != Owed::State::waiting) {
            last = owed_.front().state == Owed::State::closing;
            bytes += owed_.front().bytes;
            chain.append(std::move(owed_.front().answer));
            owed_.pop_front();
            ++first_owed_;
        }
        if (!chain.empty() && !broken_) co_await send(std::move(chain));
        ready_bytes_ -= bytes;
        home_.request_bytes.give_back(bytes);
        if (last) close();
        changed_.notify_all();
    }
    writing_ = false;
    end_overdraft();
    changed_.notify_all();
    if (stopping_ && reading_ && owed_.empty()) stream_->close();
}

runtime::Task<void> Connection::send(base::Chain chain) {
    std::vector<base::Chain> parts = in_parts(std::move(chain), sent_at_once_max);
    for (base::Chain& part : parts) {
        sending_since_ = home_.shard.now();
        watch_send();
        const auto sent = co_await stream_->send(std::move(part));
        sending_since_.reset();
        if (!sent) close();
        if (broken_) co_return;
    }
}

/// One timer at a time, which looks when it has come what is being sent then.
void Connection::watch_send() {
    if (send_timer_ != runtime::TimerId::none) return;
    send_timer_ = home_.shard.set_timer(*sending_since_ + stalled_send_time, [this] {
        send_timer_ = runtime::TimerId::none;
        if (sending_since_) close_when_not_taken();
    });
}

void Connection::close_when_not_taken() {
    if (home_.shard.now() - *sending_since_ < stalled_send_time) return watch_send();
    complain("it does not take its answers");
    close();
}

/// Whoever may use more memory than there is gives that up when it has nothing more of it.
void Connection::end_overdraft() {
    if (cutter_.partial_bytes() == 0 && ready_bytes_ == 0) home_.request_bytes.end_overdraft(this);
}

void Connection::complain(std::string_view what) {
    if (may_read() && home_.bad_connections.allows(home_.shard.now()))
        base::log_warn("closing the connection from {}: {}", client_->peer.to_string(), what);
    stopping_ = true;
}

}  // namespace klog::broker
