// SPDX-License-Identifier: Apache-2.0
#include "core/runtime/root.h"

namespace klog::runtime::detail {

// The frame of a root destroys itself when its task ends.
struct RootPromise {
    RootOwner* owner = nullptr;
    Shard* shard = nullptr;
    std::uint64_t sequence = 0;
    RootPromise* newer = nullptr;
    RootPromise* older = nullptr;

    using Handle = std::coroutine_handle<RootPromise>;
    struct Root {
        using promise_type = RootPromise;
        Handle handle;
    };
    struct Final {
        bool await_ready() const noexcept { return false; }
        void await_suspend(Handle self) const noexcept {
            KLOG_CHECK(Shard::current() == self.promise().shard, "a root ends on the shard where it began");
            self.promise().end();
        }
        void await_resume() const noexcept {}
    };

    Root get_return_object() { return {Handle::from_promise(*this)}; }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    Final final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    [[noreturn]] void unhandled_exception() const noexcept {
        base::check_failed(__FILE__, __LINE__, "no exception", "an exception left a root");
    }

    void begin() {
        older = shard->newest_root_;
        if (older) older->newer = this;
        shard->newest_root_ = this;
    }
    void end() {
        (newer ? newer->older : shard->newest_root_) = older;
        if (older) older->newer = newer;
        owner->root_ended();
        Handle::from_promise(*this).destroy();
    }
};

namespace {

// Roots are numbered in the order of their creation. One thread runs all shards of a simulation, and the order among
// roots of different threads is of no interest: a count per thread will do.
thread_local std::uint64_t next_sequence = 1;
thread_local bool tearing_down = false;

RootPromise::Root drive(Task<void> task) { co_await std::move(task); }

}  // namespace

void Roots::start(Task<void> task, RootOwner& owner) {
    Shard* const shard = Shard::current();
    KLOG_CHECK(shard, "coroutines start on a shard");
    const RootPromise::Root root = drive(std::move(task));
    RootPromise& promise = root.handle.promise();
    promise.owner = &owner;
    promise.shard = shard;
    promise.sequence = next_sequence++;
    promise.begin();
    root.handle.resume();
}

void Roots::destroy_all(std::span<Shard* const> shards) {
    KLOG_CHECK(Teardown::active());
    Shard* const before = Shard::current();
    for (;;) {
        RootPromise* newest = nullptr;
        for (Shard* shard : shards) {
            RootPromise* root = shard->newest_root_;
            if (root && (!newest || root->sequence > newest->sequence)) newest = root;
        }
        if (!newest) break;
        Shard::set_current(newest->shard);
        newest->end();
    }
    Shard::set_current(before);
}

void Roots::destroy_those_of(RootOwner& owner, Shard& shard) {
    KLOG_CHECK(Teardown::active());
    for (RootPromise* at = shard.newest_root_; at;) {
        if (at->owner == &owner) {
            at->end();
            at = shard.newest_root_;  // Its end may have taken others with it.
        } else {
            at = at->older;
        }
    }
}

Teardown::Teardown() : before_(tearing_down) { tearing_down = true; }
Teardown::~Teardown() { tearing_down = before_; }
bool Teardown::active() { return tearing_down; }

}  // namespace klog::runtime::detail
