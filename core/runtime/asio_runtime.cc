// SPDX-License-Identifier: Apache-2.0
#include "core/runtime/asio_runtime.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "core/runtime/asio_shard.h"
#include "core/runtime/thread_pool.h"

namespace klog::runtime {

struct AsioRuntime::Signals {
    Signals(AsioShard& on, std::function<void(int)> then) : shard(on), set(on.io()), handler(std::move(then)) {}
    void wait() {
        set.async_wait([this](const boost::system::error_code& error, int signal) {
            if (error) return;
            shard.post([this, signal] { handler(signal); });
            wait();
            shard.drain();
        });
    }
    AsioShard& shard;
    boost::asio::signal_set set;
    std::function<void(int)> handler;
};

AsioRuntime::AsioRuntime(AsioOptions options) : pool_(std::make_unique<ThreadPool>(options.pool_threads_max)) {
    KLOG_CHECK(options.shards > 0);
    for (ShardIndex i = 0; i < options.shards; ++i) shards_.push_back(std::make_unique<AsioShard>(i));
    for (auto& shard : shards_) shard->start();
}

AsioRuntime::~AsioRuntime() { stop(); }

Shard& AsioRuntime::shard(ShardIndex index) { return *shards_.at(index); }
Pool& AsioRuntime::pool() { return *pool_; }

void AsioRuntime::run_root(Task<void> task, ShardIndex on) {
    KLOG_CHECK(!Shard::current(), "run blocks, so it is not for shards");
    struct Owner final : detail::RootOwner {
        // Posted, so that the frame is gone before the waiting thread goes on.
        void root_ended() override {
            Shard::current()->post([this] { ended.release(); });
        }
        std::binary_semaphore ended{0};
    } owner;
    shard(on).post([&owner, task = std::move(task)]() mutable { detail::Roots::start(std::move(task), owner); });
    owner.ended.acquire();
}

void AsioRuntime::on_signals(std::vector<int> signals, std::function<void(int)> handler) {
    KLOG_CHECK(!signals_, "signals are handled once");
    signals_ = std::make_unique<Signals>(*shards_[0], std::move(handler));
    for (const int signal : signals) signals_->set.add(signal);
    shards_[0]->post([this] { signals_->wait(); });
}

void AsioRuntime::stop() {
    KLOG_CHECK(!Shard::current(), "a shard does not stop its runtime");
    pool_->stop();
    for (auto& shard : shards_) shard->stop_and_join();
    signals_.reset();
    std::vector<Shard*> shards;
    const detail::Teardown teardown;
    for (auto& shard : shards_) {
        shard->drop_queued();
        shards.push_back(shard.get());
    }
    detail::Roots::destroy_all(shards);
    for (auto& shard : shards_) shard->drop_queued();  // What the destructors have posted.
}

}  // namespace klog::runtime
