// SPDX-License-Identifier: Apache-2.0
// Execution, as everything above sees it: shards (one event loop per core), timers, calls between shards, and the pool
// for blocking work. AsioRuntime (runtime/asio_runtime.h) runs each shard on a thread; SimRuntime
// (runtime/sim_runtime.h) runs all of them on one thread, in an order that a seed chooses, on virtual time.
//
// Each object of klog belongs to one shard and is touched only there. Across shards go values and immutable snapshots.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <vector>

#include "core/base/clock.h"
#include "core/runtime/task.h"

namespace klog::runtime {

using Job = std::move_only_function<void()>;
using base::MonotonicTime;
using Duration = std::chrono::nanoseconds;
using ShardIndex = unsigned;

namespace detail {
struct RootPromise;
struct Roots;
}  // namespace detail

enum class TimerId : std::uint64_t { none = 0 };

class Shard {
public:
    virtual ~Shard() = default;
    virtual ShardIndex index() const = 0;
    /// Runs the job on this shard, later and in order of arrival from any one thread. May be called from any thread.
    virtual void post(Job job) = 0;
    /// Own shard only. Timers of the same time run in the order in which they were set.
    virtual TimerId set_timer(MonotonicTime at, Job job) = 0;
    /// Own shard only. No effect when it has run.
    virtual void cancel_timer(TimerId timer) = 0;
    virtual const base::Clock& clock() const = 0;
    MonotonicTime now() const { return clock().now(); }

    /// The shard that is running on this thread; null on the pool and outside.
    static Shard* current();

protected:
    static void set_current(Shard* shard);

private:
    friend class SimWorld;
    friend struct detail::RootPromise;
    friend struct detail::Roots;
    detail::RootPromise* newest_root_ = nullptr;  // See root.h.
};

/// Threads for work that blocks. Bounded in threads; its queue is bounded by what its callers have in flight.
class Pool {
public:
    virtual ~Pool() = default;
    virtual void submit(Job job) = 0;
};

class Runtime {
public:
    virtual ~Runtime() = default;
    virtual ShardIndex shard_count() const = 0;
    virtual Shard& shard(ShardIndex index) = 0;
    virtual Pool& pool() = 0;
    virtual const base::Clock& clock() const = 0;
    Shard& shard_of(std::uint64_t hash) { return shard(static_cast<ShardIndex>(hash % shard_count())); }
};

/// co_await hop(shard): continue there. Does not suspend when already there.
struct [[nodiscard]] Hop {
    Shard& to;
    bool await_ready() const noexcept { return Shard::current() == &to; }
    void await_suspend(std::coroutine_handle<> here) const {
        to.post([here] { here.resume(); });
    }
    void await_resume() const noexcept {}
};
inline Hop hop(Shard& to) { return {to}; }

/// co_await yield_now(): lets whatever else is ready on this shard run first.
struct [[nodiscard]] YieldNow {
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> here) const {
        Shard::current()->post([here] { here.resume(); });
    }
    void await_resume() const noexcept {}
};
inline YieldNow yield_now() { return {}; }

/// co_await sleep_until(t): on the current shard. For pacing and time-outs of the domain, never instead of a signal.
struct [[nodiscard]] SleepUntil {
    MonotonicTime at;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> here) const {
        Shard::current()->set_timer(at, [here] { here.resume(); });
    }
    void await_resume() const noexcept {}
};
inline SleepUntil sleep_until(MonotonicTime at) { return {at}; }

/// Runs the task that `make` returns on `owner` and comes back to the caller's shard with its result. `make` is moved
/// into this frame and outlives the task, so it may capture by value.
template <class Make>
auto call_on(Shard& owner, Make make) -> std::invoke_result_t<Make&> {
    Shard& home = *Shard::current();
    co_await hop(owner);
    if constexpr (std::is_void_v<decltype(std::invoke_result_t<Make&>(make()).operator co_await().await_resume())>) {
        co_await make();
        co_await hop(home);
    } else {
        auto result = co_await make();
        co_await hop(home);
        co_return result;
    }
}

/// Runs a plain function on the pool and comes back to the caller's shard with its result.
template <class Work>
Task<std::invoke_result_t<Work&>> on_pool(Pool& pool, Work work) {
    struct ToPool {
        Pool& pool;
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> here) const {
            pool.submit([here] { here.resume(); });
        }
        void await_resume() const noexcept {}
    };
    Shard& home = *Shard::current();
    ToPool to_pool{pool};
    co_await to_pool;
    if constexpr (std::is_void_v<std::invoke_result_t<Work&>>) {
        work();
        co_await hop(home);
    } else {
        auto result = work();
        co_await hop(home);
        co_return result;
    }
}

}  // namespace klog::runtime
