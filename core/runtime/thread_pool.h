// SPDX-License-Identifier: Apache-2.0
// The pool of a real runtime: threads for work that blocks, made when work first waits for one, up to a bound.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "core/runtime/shard.h"

namespace klog::runtime {

class ThreadPool final : public Pool {
public:
    explicit ThreadPool(unsigned threads_max);
    ~ThreadPool() override;

    /// From any thread. Jobs start in the order of their arrival.
    void submit(Job job) override;
    /// Finishes the jobs that run; those that wait are dropped, as are later ones. Idempotent.
    void stop();

private:
    void work();

    const unsigned threads_max_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Job> waiting_;
    std::vector<std::thread> threads_;
    unsigned idle_ = 0;
    bool stopping_ = false;
};

/// Keeps SIGPIPE away from this thread, where sendfile raises it; writing to a closed socket is an error value.
void block_sigpipe();
void name_thread(const char* name);

}  // namespace klog::runtime
