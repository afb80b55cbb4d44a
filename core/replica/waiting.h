// SPDX-License-Identifier: Apache-2.0
// Requests that wait for an offset to be reached (Kafka's purgatory for produce): ordered by the offset, so that
// reaching one costs O(those who are done). Waiting costs no allocation: who waits is linked from its own frame.
// A queue belongs to one partition and lives on its shard; those who wait hold it alive.
#pragma once

#include <coroutine>
#include <memory>
#include <optional>

#include "core/base/error.h"
#include "core/base/types.h"
#include "core/runtime/shard.h"

namespace klog::replica {

class WaitQueue;

/// co_await it on the partition's shard, once. Ends with the queue's verdict, or timed_out at the deadline. Safe to
/// await after the partition is gone; destroying it in the middle of the wait unlinks it.
class [[nodiscard]] Acknowledged {
public:
    /// An answer that is known already.
    explicit Acknowledged(base::Result<> at_once) : done_(std::move(at_once)) {}
    Acknowledged(std::shared_ptr<WaitQueue> queue, base::Offset target, runtime::MonotonicTime deadline)
        : queue_(std::move(queue)), target_(target), deadline_(deadline) {}
    Acknowledged(Acknowledged&&) = delete;
    ~Acknowledged();

    bool await_ready();
    void await_suspend(std::coroutine_handle<> frame);
    base::Result<> await_resume() { return *std::move(done_); }

private:
    friend class WaitQueue;
    void finish(base::Result<> result);

    std::optional<base::Result<>> done_;
    std::shared_ptr<WaitQueue> queue_;
    base::Offset target_;
    runtime::MonotonicTime deadline_;
    runtime::Shard* shard_ = nullptr;
    runtime::TimerId timer_ = runtime::TimerId::none;
    std::coroutine_handle<> frame_;
    bool linked_ = false;
    Acknowledged* before_ = nullptr;
    Acknowledged* after_ = nullptr;
};

class WaitQueue {
public:
    /// All who wait for an offset up to `reached` are done, with this result; so are those who come later for it.
    void reach(base::Offset reached, const base::Result<>& result = {});
    /// All who wait are done, with this error, and so is everybody who comes later.
    void close(const base::Error& why);
    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }

private:
    friend class Acknowledged;
    void link(Acknowledged& waiter);
    void unlink(Acknowledged& waiter);

    Acknowledged* first_ = nullptr;  // The lowest target.
    Acknowledged* last_ = nullptr;
    std::size_t size_ = 0;
    base::Offset reached_{-1};
    std::optional<base::Error> closed_;
};

}  // namespace klog::replica
