// SPDX-License-Identifier: Apache-2.0
// A shard of an AsioRuntime: one thread that runs one io_context. Internal to core/runtime and to the Asio streams of
// core/net, the only ones that may know what is below.
//
// Jobs of the own thread go to a plain queue that is drained after each handler of the io_context; jobs of other
// threads gather in an inbox, and the first of a batch wakes the shard. One Asio timer drives the heap of timers.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/runtime/shard.h"
#include "core/runtime/timer_heap.h"

namespace boost::asio {
class io_context;
}

namespace klog::runtime {

class AsioShard final : public Shard {
public:
    explicit AsioShard(ShardIndex index);
    ~AsioShard() override;

    ShardIndex index() const override { return index_; }
    void post(Job job) override;
    TimerId set_timer(MonotonicTime at, Job job) override;
    void cancel_timer(TimerId timer) override;
    const base::Clock& clock() const override { return base::system_clock(); }

    boost::asio::io_context& io();
    /// Every handler of the io_context ends with this: it runs the jobs that are queued, arms the timer, and gives the
    /// sockets a turn when jobs do not end.
    void drain();

    void start();
    /// From any other thread. What is queued stays queued; it is dropped with the shard.
    void stop_and_join();
    /// After stop_and_join: destroys what was queued.
    void drop_queued();

private:
    struct Io;
    void run();
    bool take_inbox();
    void arm_timer();
    void run_timers();

    const ShardIndex index_;
    std::unique_ptr<Io> io_;
    std::vector<Job> local_;
    std::vector<Job> running_;
    TimerHeap timers_;
    std::optional<MonotonicTime> armed_;  // When the Asio timer will fire, at the latest.
    bool more_posted_ = false;            // A handler that drains again is queued behind the sockets.
    std::atomic<bool> inbox_filled_ = false;
    std::mutex inbox_mutex_;
    std::vector<Job> inbox_;
    std::thread thread_;
};

}  // namespace klog::runtime
