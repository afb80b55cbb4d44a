// SPDX-License-Identifier: Apache-2.0
#include "core/runtime/thread_pool.h"

#include <pthread.h>
#include <signal.h>

#include "core/base/check.h"

namespace klog::runtime {

void block_sigpipe() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

void name_thread(const char* name) { pthread_setname_np(pthread_self(), name); }

ThreadPool::ThreadPool(unsigned threads_max) : threads_max_(threads_max) { KLOG_CHECK(threads_max > 0); }
ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::submit(Job job) {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    waiting_.push_back(std::move(job));
    if (waiting_.size() > idle_ && threads_.size() < threads_max_) {
        threads_.emplace_back([this] { work(); });
    } else {
        changed_.notify_one();
    }
}

void ThreadPool::work() {
    name_thread("klog-pool");
    block_sigpipe();
    std::unique_lock lock(mutex_);
    for (;;) {
        ++idle_;
        changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
        --idle_;
        if (stopping_) return;
        Job job = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        job();
        job = nullptr;
        lock.lock();
    }
}

void ThreadPool::stop() {
    std::vector<std::thread> threads;
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        threads.swap(threads_);
    }
    changed_.notify_all();
    for (std::thread& thread : threads) thread.join();
    waiting_.clear();
}

}  // namespace klog::runtime
