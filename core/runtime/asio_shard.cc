// SPDX-License-Identifier: Apache-2.0
#include "core/runtime/asio_shard.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "core/base/check.h"
#include "core/runtime/thread_pool.h"

namespace klog::runtime {

namespace asio = boost::asio;

namespace {

// How often the queue is emptied (each time with what the time before has added) before the sockets get a turn.
constexpr int drain_rounds_max = 16;

}  // namespace

struct AsioShard::Io {
    // One thread runs the context and touches its sockets; others only post. So nothing but the queue needs a lock.
    asio::io_context context{static_cast<int>(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO)};
    asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
    asio::steady_timer timer{context};
};

AsioShard::AsioShard(ShardIndex index) : index_(index), io_(std::make_unique<Io>()) {}
AsioShard::~AsioShard() = default;

asio::io_context& AsioShard::io() { return io_->context; }

void AsioShard::post(Job job) {
    if (current() == this) {
        local_.push_back(std::move(job));
        return;
    }
    {
        const std::lock_guard lock(inbox_mutex_);
        inbox_.push_back(std::move(job));
        if (inbox_.size() > 1) return;  // Whoever put the first one in wakes the shard.
        inbox_filled_.store(true, std::memory_order_release);
    }
    asio::post(io_->context, [this] { drain(); });
}

bool AsioShard::take_inbox() {
    if (!inbox_filled_.load(std::memory_order_acquire)) return false;
    const std::lock_guard lock(inbox_mutex_);
    inbox_filled_.store(false, std::memory_order_relaxed);
    if (local_.empty()) {
        local_.swap(inbox_);
    } else {
        for (Job& job : inbox_) local_.push_back(std::move(job));
        inbox_.clear();
    }
    return true;
}

void AsioShard::drain() {
    for (int round = 0; round < drain_rounds_max; ++round) {
        take_inbox();
        if (local_.empty()) break;
        running_.swap(local_);
        for (Job& slot : running_) {
            Job job = std::move(slot);
            job();
        }
        running_.clear();
    }
    if (!local_.empty() && !more_posted_) {
        more_posted_ = true;
        asio::post(io_->context, [this] {
            more_posted_ = false;
            drain();
        });
    }
    arm_timer();
}

TimerId AsioShard::set_timer(MonotonicTime at, Job job) {
    KLOG_CHECK(current() == this, "timers belong to the own shard");
    return timers_.set(at, std::move(job));
}

void AsioShard::cancel_timer(TimerId timer) { timers_.cancel(timer); }

// The Asio timer is moved only when it would fire too late: a request that is answered long before its deadline costs
// no system call.
void AsioShard::arm_timer() {
    const auto earliest = timers_.earliest();
    if (!earliest || (armed_ && *armed_ <= *earliest)) return;
    armed_ = earliest;
    io_->timer.expires_at(*earliest);
    io_->timer.async_wait([this](const boost::system::error_code& error) {
        if (error) return;  // Moved to an earlier time.
        armed_.reset();
        run_timers();
        drain();
    });
}

void AsioShard::run_timers() {
    const MonotonicTime until = now();
    // Those that are set meanwhile for a time that has passed wait for the next turn.
    for (std::size_t left = timers_.size(); left > 0; --left) {
        Job job = timers_.take_due(until);
        if (!job) return;
        job();
    }
}

void AsioShard::start() {
    thread_ = std::thread([this] { run(); });
}

void AsioShard::run() {
    name_thread(("klog-shard-" + std::to_string(index_)).c_str());
    block_sigpipe();
    set_current(this);
    io_->context.run();
    set_current(nullptr);
}

void AsioShard::stop_and_join() {
    if (!thread_.joinable()) return;
    io_->context.stop();
    thread_.join();
}

void AsioShard::drop_queued() {
    const auto timers = timers_.clear();
    const auto local = std::exchange(local_, {});
    const auto inbox = std::exchange(inbox_, {});
}

}  // namespace klog::runtime
