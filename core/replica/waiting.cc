// SPDX-License-Identifier: Apache-2.0
#include "core/replica/waiting.h"

namespace klog::replica {

using base::Errc;
using base::fail;
using base::Result;

Acknowledged::~Acknowledged() {
    if (linked_) queue_->unlink(*this);
    if (timer_ != runtime::TimerId::none) shard_->cancel_timer(timer_);
}

bool Acknowledged::await_ready() {
    if (!done_ && queue_->closed_) done_ = std::unexpected(*queue_->closed_);
    if (!done_ && target_ <= queue_->reached_) done_ = Result<>();
    return done_.has_value();
}

void Acknowledged::await_suspend(std::coroutine_handle<> frame) {
    frame_ = frame;
    shard_ = runtime::Shard::current();
    queue_->link(*this);
    timer_ = shard_->set_timer(deadline_, [this] {
        timer_ = runtime::TimerId::none;
        queue_->unlink(*this);
        finish(fail(Errc::timed_out, "not acknowledged in time"));
    });
}

/// The waiter goes on from the shard's queue, so that whoever reached the offset goes on first.
void Acknowledged::finish(Result<> result) {
    done_ = std::move(result);
    if (timer_ != runtime::TimerId::none) {
        shard_->cancel_timer(timer_);
        timer_ = runtime::TimerId::none;
    }
    shard_->post([frame = frame_] { frame.resume(); });
}

void WaitQueue::link(Acknowledged& waiter) {
    // Mostly in order; a duplicate waits for an offset of the past.
    Acknowledged* before = last_;
    while (before != nullptr && before->target_ > waiter.target_) before = before->before_;
    waiter.before_ = before;
    waiter.after_ = before != nullptr ? before->after_ : first_;
    (before != nullptr ? before->after_ : first_) = &waiter;
    (waiter.after_ != nullptr ? waiter.after_->before_ : last_) = &waiter;
    waiter.linked_ = true;
    ++size_;
}

void WaitQueue::unlink(Acknowledged& waiter) {
    (waiter.before_ != nullptr ? waiter.before_->after_ : first_) = waiter.after_;
    (waiter.after_ != nullptr ? waiter.after_->before_ : last_) = waiter.before_;
    waiter.linked_ = false;
    --size_;
}

void WaitQueue::reach(base::Offset reached, const Result<>& result) {
    if (result) reached_ = reached;
    while (first_ != nullptr && first_->target_ <= reached) {
        Acknowledged& waiter = *first_;
        unlink(waiter);
        waiter.finish(result);
    }
}

void WaitQueue::close(const base::Error& why) {
    closed_ = why;
    while (first_ != nullptr) {
        Acknowledged& waiter = *first_;
        unlink(waiter);
        waiter.finish(std::unexpected(why));
    }
}

}  // namespace klog::replica
