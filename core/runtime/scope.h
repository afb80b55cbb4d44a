// SPDX-License-Identifier: Apache-2.0
// The two tools that keep coroutines in order on one shard: Scope (who owns the running ones) and Signal (waiting for a
// change). Neither is thread-safe: both live and die on one shard.
#pragma once

#include <coroutine>
#include <cstddef>
#include <list>
#include <memory>
#include <optional>

#include "core/runtime/shard.h"
#include "core/runtime/task.h"

namespace klog::runtime {

/// Owns coroutines that run beside their owner. The owner awaits join() before it dies; destroying a scope in which
/// something still runs is a bug.
class Scope {
public:
    Scope();
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

    /// Starts the task at once, on this shard; it runs until it first suspends before spawn returns.
    void spawn(Task<void> task);
    std::size_t running() const;
    /// Ends when nothing runs any more; what is spawned meanwhile is awaited too.
    Task<void> join();

private:
    struct State;
    std::shared_ptr<State> state_;
};

/// Something that coroutines wait for. notify_all resumes all who wait now, in the order in which they came, each from
/// the shard's queue, so that the notifier goes on first.
class Signal {
public:
    Signal();
    ~Signal();  // Nobody may be waiting.
    Signal(const Signal&) = delete;
    Signal& operator=(const Signal&) = delete;

    void notify_all();
    /// True: notified. False: the deadline passed. Conditions are looked at again by the caller.
    Task<bool> wait(std::optional<MonotonicTime> deadline = std::nullopt);
    std::size_t waiting() const;

private:
    struct State;
    std::shared_ptr<State> state_;
};

/// Counts permits: a bound on what is in flight on one shard.
class Semaphore {
public:
    explicit Semaphore(std::size_t permits) : free_(permits) {}
    /// Waits until `n` permits are free; served in order of arrival. n must not exceed the initial count.
    Task<void> acquire(std::size_t n);
    bool try_acquire(std::size_t n);
    void release(std::size_t n);
    std::size_t free() const { return free_; }

private:
    std::size_t free_;
    std::size_t next_ticket_ = 0;
    std::size_t serving_ = 0;
    Signal changed_;
};

}  // namespace klog::runtime
