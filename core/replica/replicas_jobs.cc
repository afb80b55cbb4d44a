// SPDX-License-Identifier: Apache-2.0
// What runs in the background: opening of logs, retention, checkpoints, expiry of producers. One coroutine at home
// wakes when the next job is due and goes through the shards; nothing runs while nothing is due.
#include <algorithm>
#include <array>

#include "core/base/log.h"
#include "core/replica/replicas_state.h"

namespace klog::replica {

using base::Result;
using runtime::Task;

namespace {

std::vector<std::shared_ptr<Partition>> partitions_of(const Replicas::State::Table& table) {
    std::vector<std::shared_ptr<Partition>> all;
    all.reserve(table.partitions.size());
    for (const auto& [key, partition] : table.partitions) all.push_back(partition);
    return all;
}

using Work = Task<void> (*)(std::shared_ptr<Partition>, base::TimestampMs);

Task<void> on_partitions_of(Replicas::State* state, runtime::Shard* shard, Work work) {
    std::size_t done = 0;
    for (const auto& partition : partitions_of(state->table_of(*shard))) {
        if (state->stopping) co_return;
        co_await work(partition, shard->clock().wall_ms());
        if (++done % partitions_per_turn == 0) co_await runtime::yield_now();
    }
}

Task<void> retain(std::shared_ptr<Partition> partition, base::TimestampMs now_ms) {
    return partition->apply_retention(now_ms);
}

Task<void> checkpoint(std::shared_ptr<Partition> partition, base::TimestampMs) {
    const auto done = co_await partition->checkpoint();
    if (!done) base::log_error("{}: checkpoint: {}", partition->topic(), done.error().message);
}

Task<void> expire(std::shared_ptr<Partition> partition, base::TimestampMs now_ms) {
    partition->expire_producers(now_ms);
    co_return;
}

}  // namespace

Task<void> Replicas::State::on_each_shard(Task<void> (*work)(State*, runtime::Shard*)) {
    for (runtime::ShardIndex i = 0; i < runtime.shard_count(); ++i) {
        runtime::Shard* shard = &runtime.shard(i);
        co_await runtime::call_on(*shard, [this, shard, work] { return work(this, shard); });
    }
}

Task<void> Replicas::State::on_all_partitions(Work work) {
    for (runtime::ShardIndex i = 0; i < runtime.shard_count() && !stopping; ++i) {
        runtime::Shard* shard = &runtime.shard(i);
        co_await runtime::call_on(*shard, [this, shard, work] { return on_partitions_of(this, shard, work); });
    }
}

Task<void> Replicas::State::write_on_directories(Result<> (log::LogDirectory::*write)()) {
    for (const auto& entry : directories) {
        if (!entry.directory || entry.offline) continue;
        const auto done = co_await runtime::on_pool(
            runtime.pool(), [directory = entry.directory.get(), write] { return (directory->*write)(); });
        if (!done) base::log_error("log directory {}: {}", entry.path, done.error().message);
    }
}

// ---- The timetable

Task<void> Replicas::State::run_jobs() {
    enum Job { high_watermarks, retention, recovery_points, log_starts, producers, job_count };
    const std::array<std::chrono::milliseconds, job_count> every{
        options.high_watermark_checkpoint_interval, options.retention_check_interval,
        options.recovery_checkpoint_interval, options.log_start_checkpoint_interval,
        options.producer_expiry_check_interval};
    std::array<runtime::MonotonicTime, job_count> due;
    for (std::size_t i = 0; i < job_count; ++i) due[i] = home.now() + every[i];
    while (!stopping) {
        const auto next = std::ranges::min_element(due);
        if (*next > home.now()) {
            co_await stop_signal.wait(*next);
            continue;
        }
        switch (static_cast<Job>(next - due.begin())) {
            case high_watermarks: co_await checkpoint_high_watermarks(); break;
            case retention: co_await on_all_partitions(retain); break;
            case recovery_points:
                co_await on_all_partitions(checkpoint);
                co_await write_on_directories(&log::LogDirectory::write_recovery_points);
                break;
            case log_starts: co_await write_on_directories(&log::LogDirectory::write_log_starts); break;
            case producers: co_await on_all_partitions(expire); break;
            case job_count: break;
        }
        *next = home.now() + every[static_cast<std::size_t>(next - due.begin())];
    }
}

namespace {

Task<bool> report_on(Replicas::State* state, runtime::Shard* shard) {
    bool any = false;
    for (const auto& [key, partition] : state->table_of(*shard).partitions) {
        any = partition->report_high_watermark() || any;
    }
    co_return any;
}

}  // namespace

/// Nothing is written while nothing moved.
Task<void> Replicas::State::checkpoint_high_watermarks() {
    bool any = false;
    for (runtime::ShardIndex i = 0; i < runtime.shard_count(); ++i) {
        runtime::Shard* shard = &runtime.shard(i);
        const bool moved = co_await runtime::call_on(*shard, [this, shard] { return report_on(this, shard); });
        any = any || moved;
    }
    if (any) co_await write_on_directories(&log::LogDirectory::write_high_watermarks);
}

// ---- Opening

namespace {

Task<void> open_one(Steps* steps, Replicas::State* state, std::shared_ptr<Partition> partition) {
    co_await steps->places.acquire(1);
    // A failure is the partition's own: it was logged and is answered to whoever asks.
    if (!state->stopping && !partition->is_open()) (void)co_await partition->ensure_open();
    steps->places.release(1);
}

Task<void> open_all_on(Replicas::State* state, runtime::Shard* shard) {
    Steps steps;
    for (const auto& partition : partitions_of(state->table_of(*shard))) {
        if (!partition->is_open()) steps.scope.spawn(open_one(&steps, state, partition));
    }
    co_await steps.scope.join();
}

}  // namespace

/// Opens what the controller has named, shard after shard, while requests open first what they need.
Task<void> Replicas::State::open_all() {
    opening_all = false;  // What is named from here on needs another round.
    co_await on_each_shard(open_all_on);
}

// ---- DescribeLogDirs

namespace {

struct Measured {
    log::LogDirectory* directory;
    LogDirInfo::Replica replica;
};

Task<std::vector<Measured>> measure(Replicas::State* state, runtime::Shard* shard) {
    std::vector<Measured> all;
    for (const auto& partition : partitions_of(state->table_of(*shard))) {
        if (!state->stopping) (void)co_await partition->ensure_open();
        all.push_back({&partition->directory(), {partition->topic(), partition->id(), partition->size_bytes(), 0}});
    }
    co_return all;
}

}  // namespace

Task<std::vector<LogDirInfo>> Replicas::State::describe_log_dirs() {
    std::vector<LogDirInfo> dirs;
    for (const auto& entry : directories) {
        auto& info = dirs.emplace_back();
        info.path = entry.path;
        info.offline = entry.offline;
        if (!entry.directory || entry.offline) continue;
        const auto space = co_await runtime::on_pool(
            runtime.pool(), [directory = entry.directory.get()] { return directory->space(); });
        if (!space) continue;
        info.total_bytes = space->total_bytes;
        info.usable_bytes = space->available_bytes;
    }
    for (runtime::ShardIndex i = 0; i < runtime.shard_count(); ++i) {
        runtime::Shard* shard = &runtime.shard(i);
        const auto measured = co_await runtime::call_on(*shard, [this, shard] { return measure(this, shard); });
        for (const auto& [directory, replica] : measured) {
            for (std::size_t at = 0; at < directories.size(); ++at) {
                if (directories[at].directory.get() == directory) dirs[at].replicas.push_back(replica);
            }
        }
    }
    for (auto& info : dirs) {
        std::ranges::sort(info.replicas, {}, [](const auto& one) { return std::pair(one.topic, one.partition); });
    }
    co_return dirs;
}

}  // namespace klog::replica
