// SPDX-License-Identifier: Apache-2.0
// Execution on the real machine: a thread per shard, each with an event loop, and a pool of threads for blocking work.
// Idle shards and pools use no CPU. Owned by main (or a test); everything that runs in it is joined before it stops.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <semaphore>
#include <vector>

#include "core/runtime/root.h"
#include "core/runtime/shard.h"
#include "core/runtime/task.h"

namespace klog::runtime {

class AsioShard;
class ThreadPool;

struct AsioOptions {
    unsigned shards = 1;
    unsigned pool_threads_max = 4;  // Made when they are first needed.
};

class AsioRuntime final : public Runtime {
public:
    /// The shards run from here on.
    explicit AsioRuntime(AsioOptions options);
    ~AsioRuntime() override;  // stop()
    AsioRuntime(const AsioRuntime&) = delete;
    AsioRuntime& operator=(const AsioRuntime&) = delete;

    ShardIndex shard_count() const override { return static_cast<ShardIndex>(shards_.size()); }
    Shard& shard(ShardIndex index) override;
    Pool& pool() override;
    const base::Clock& clock() const override { return base::system_clock(); }

    /// Runs the task on a shard and blocks this thread, which is none of the runtime's, until it has ended.
    template <class T>
    T run(Task<T> task, ShardIndex on = 0) {
        std::optional<T> result;
        run_root(keep_result(std::move(task), &result), on);
        return std::move(*result);
    }
    void run(Task<void> task, ShardIndex on = 0) { run_root(std::move(task), on); }

    /// From now on each of these signals calls the handler, as a job on shard 0, instead of what the system does. Once
    /// per runtime, and by one runtime of a process.
    void on_signals(std::vector<int> signals, std::function<void(int)> handler);

    /// Ends the threads. Not from one of them; idempotent. Coroutines that have not ended are destroyed, the newest
    /// first, with what was queued: for programs that stop in the middle of something; in order is to join first.
    void stop();

private:
    template <class T>
    static Task<void> keep_result(Task<T> task, std::optional<T>* result) {
        result->emplace(co_await std::move(task));
    }
    void run_root(Task<void> task, ShardIndex on);

    struct Signals;
    std::vector<std::unique_ptr<AsioShard>> shards_;
    std::unique_ptr<ThreadPool> pool_;
    std::unique_ptr<Signals> signals_;  // Goes before the shards.
};

}  // namespace klog::runtime
