// SPDX-License-Identifier: Apache-2.0
// The tools that keep coroutines in order on one shard: Scope (who owns the running ones), Signal (waiting for a
// change) and Semaphore (a bound on what is in flight). None is thread-safe: each lives and dies on one shard.
//
// Waiting costs no allocation: who waits is linked from its own frame. A frame destroyed in the middle of a wait (only
// in a torn-down runtime or a simulated crash, see root.h) unlinks itself.
#pragma once

#include <coroutine>
#include <cstddef>
#include <optional>

#include "core/runtime/root.h"
#include "core/runtime/shard.h"
#include "core/runtime/task.h"

namespace klog::runtime {

namespace detail {

/// One who waits: lives in the frame of the waiting coroutine.
struct Waiter {
    Waiter() = default;
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

    std::coroutine_handle<> frame;
    Shard* shard = nullptr;
    class WaitList* list = nullptr;  // Where it is linked; null: nowhere.
    Waiter* before = nullptr;
    Waiter* after = nullptr;

    /// Continues from the shard's queue.
    void resume_later() {
        shard->post([frame = frame] { frame.resume(); });
    }
};

/// In order of arrival.
class WaitList {
public:
    WaitList() = default;
    ~WaitList();
    WaitList(const WaitList&) = delete;
    WaitList& operator=(const WaitList&) = delete;

    void add(Waiter& waiter);
    void remove(Waiter& waiter);
    Waiter* first() const { return first_; }
    std::size_t size() const { return size_; }

private:
    Waiter* first_ = nullptr;
    Waiter* last_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace detail

/// Something that coroutines wait for. notify_all resumes all who wait now, in the order in which they came, each from
/// the shard's queue, so that the notifier goes on first. Once notified, nobody touches the signal again: the one who
/// is resumed may destroy it.
class Signal {
public:
    Signal() = default;
    // Nobody may be waiting when it dies.
    Signal(const Signal&) = delete;
    Signal& operator=(const Signal&) = delete;

    void notify_all();
    std::size_t waiting() const { return waiting_.size(); }

    class [[nodiscard]] Wait {
    public:
        Wait(Signal& signal, std::optional<MonotonicTime> deadline) : signal_(&signal), deadline_(deadline) {}
        ~Wait();
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> frame);
        bool await_resume() const noexcept { return notified_; }

    private:
        friend class Signal;
        struct Node : detail::Waiter {
            Wait* wait = nullptr;
        };
        void expire();

        Node node_;
        Signal* signal_;
        std::optional<MonotonicTime> deadline_;
        TimerId timer_ = TimerId::none;
        bool notified_ = false;
    };
    /// co_await wait(): true: notified. False: the deadline passed first; nothing stays behind. The caller looks at its
    /// condition again in either case.
    Wait wait(std::optional<MonotonicTime> deadline = std::nullopt) { return {*this, deadline}; }

private:
    detail::WaitList waiting_;
};

/// Owns coroutines that run beside their owner. The owner awaits join() before it dies; destroying a scope in which
/// something still runs is a bug (in a teardown, what runs is destroyed with it).
class Scope final : private detail::RootOwner {
public:
    Scope() = default;
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

    /// Starts the task at once, on this shard; it runs until it first suspends before spawn returns. It ends on the
    /// shard where it began.
    void spawn(Task<void> task);
    std::size_t running() const { return running_; }
    /// Ends when nothing runs any more; what is spawned meanwhile is awaited too.
    Task<void> join();

private:
    void root_ended() override;

    std::size_t running_ = 0;
    Shard* shard_ = nullptr;  // Of what runs.
    Signal ended_;
};

/// Counts permits: a bound on what is in flight on one shard. Served in order of arrival.
class Semaphore {
public:
    explicit Semaphore(std::size_t permits) : free_(permits), permits_(permits) {}
    Semaphore(const Semaphore&) = delete;
    Semaphore& operator=(const Semaphore&) = delete;

    class [[nodiscard]] Acquire {
    public:
        Acquire(Semaphore& semaphore, std::size_t n) : semaphore_(&semaphore), n_(n) {}
        ~Acquire();
        bool await_ready() const noexcept { return semaphore_->try_acquire(n_); }
        void await_suspend(std::coroutine_handle<> frame);
        void await_resume() const noexcept {}

    private:
        friend class Semaphore;
        struct Node : detail::Waiter {
            std::size_t wanted = 0;
        };
        Node node_;
        Semaphore* semaphore_;
        std::size_t n_;
    };
    /// co_await acquire(n): waits until `n` permits are free. n must not exceed the initial count.
    Acquire acquire(std::size_t n) { return {*this, n}; }
    /// False when they are not free, or when others wait already.
    bool try_acquire(std::size_t n);
    void release(std::size_t n);
    std::size_t free() const { return free_; }

private:
    std::size_t free_;
    std::size_t permits_;
    detail::WaitList waiting_;
};

}  // namespace klog::runtime
