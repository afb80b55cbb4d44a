// SPDX-License-Identifier: Apache-2.0
#include "core/runtime/scope.h"

namespace klog::runtime {

namespace detail {

WaitList::~WaitList() {
    KLOG_CHECK(!first_ || Teardown::active(), "nobody waits for what is destroyed");
    while (first_) remove(*first_);
}

void WaitList::add(Waiter& waiter) {
    waiter.list = this;
    waiter.before = last_;
    waiter.after = nullptr;
    (last_ ? last_->after : first_) = &waiter;
    last_ = &waiter;
    ++size_;
}

void WaitList::remove(Waiter& waiter) {
    KLOG_CHECK(waiter.list == this);
    (waiter.before ? waiter.before->after : first_) = waiter.after;
    (waiter.after ? waiter.after->before : last_) = waiter.before;
    waiter.list = nullptr;
    --size_;
}

}  // namespace detail

Signal::Wait::~Wait() {
    if (!node_.list) return;
    KLOG_CHECK(detail::Teardown::active(), "a waiting coroutine is not destroyed");
    node_.list->remove(node_);
}

void Signal::Wait::await_suspend(std::coroutine_handle<> frame) {
    node_.wait = this;
    node_.frame = frame;
    node_.shard = Shard::current();
    KLOG_CHECK(node_.shard, "coroutines wait on a shard");
    signal_->waiting_.add(node_);
    if (deadline_) timer_ = node_.shard->set_timer(*deadline_, [this] { expire(); });
}

void Signal::Wait::expire() {
    node_.list->remove(node_);
    node_.frame.resume();  // Destroys this.
}

void Signal::notify_all() {
    while (detail::Waiter* first = waiting_.first()) {
        waiting_.remove(*first);
        Wait& wait = *static_cast<Wait::Node*>(first)->wait;
        KLOG_CHECK(first->shard == Shard::current() || detail::Teardown::active(), "signals stay on their shard");
        if (wait.timer_ != TimerId::none) first->shard->cancel_timer(wait.timer_);
        wait.notified_ = true;
        first->resume_later();
    }
}

Scope::~Scope() {
    if (running_ == 0) return;
    KLOG_CHECK(detail::Teardown::active(), "a scope is joined before it dies");
    detail::Roots::destroy_those_of(*this, *shard_);
}

void Scope::spawn(Task<void> task) {
    if (running_ == 0) shard_ = Shard::current();
    KLOG_CHECK(shard_ && shard_ == Shard::current(), "a scope stays on its shard");
    ++running_;
    detail::Roots::start(std::move(task), *this);
}

Task<void> Scope::join() {
    while (running_ > 0) co_await ended_.wait();
}

void Scope::root_ended() {
    if (--running_ == 0) ended_.notify_all();
}

Semaphore::Acquire::~Acquire() {
    if (!node_.list) return;
    KLOG_CHECK(detail::Teardown::active(), "a waiting coroutine is not destroyed");
    node_.list->remove(node_);
}

void Semaphore::Acquire::await_suspend(std::coroutine_handle<> frame) {
    KLOG_CHECK(n_ <= semaphore_->permits_, "more permits than there are");
    node_.frame = frame;
    node_.shard = Shard::current();
    node_.wanted = n_;
    semaphore_->waiting_.add(node_);
}

bool Semaphore::try_acquire(std::size_t n) {
    if (waiting_.size() > 0 || n > free_) return false;
    free_ -= n;
    return true;
}

void Semaphore::release(std::size_t n) {
    free_ += n;
    KLOG_CHECK(free_ <= permits_, "permits come back once");
    while (detail::Waiter* first = waiting_.first()) {
        const std::size_t wanted = static_cast<Acquire::Node*>(first)->wanted;
        if (wanted > free_) break;
        free_ -= wanted;
        waiting_.remove(*first);
        first->resume_later();
    }
}

}  // namespace klog::runtime
