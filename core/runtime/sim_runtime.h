// SPDX-License-Identifier: Apache-2.0
// Execution in simulation: everything on one thread, on virtual time, in an order that a seed chooses. The same program
// with the same seed runs the same steps; the trace hash tells whether it did.
//
// SimWorld owns the time, the choice and what is queued. SimRuntime is one machine in it: shards and a pool. A world
// may have many machines, each of which can crash and be replaced by a new one, while the others go on:
//
//     SimRuntime sim(seed, 2);                         // a world with one machine of two shards
//     SimRuntime other(sim.world(), "client", 1);      // a second machine in the same world
//     sim.run(task());                                 // runs the world until the task has ended
//
// What is chosen: which of the ready jobs runs next. Jobs from one thread (shard, pool, outside) to one shard stay in
// order; timers of a shard keep theirs; a job of the pool takes a random time. The clock moves only when nothing is
// ready, to the next timer.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/random.h"
#include "core/runtime/root.h"
#include "core/runtime/shard.h"
#include "core/runtime/task.h"
#include "core/runtime/timer_heap.h"

namespace klog::runtime {

namespace sim {

struct Source;
struct Lane;

}  // namespace sim

/// How the pool's work takes its time: mostly between the first two, one in `slow_one_in` up to `slow_max`.
struct SimPoolTimes {
    Duration least = std::chrono::microseconds(10);
    Duration most = std::chrono::milliseconds(1);
    Duration slow_max = std::chrono::milliseconds(50);
    std::uint64_t slow_one_in = 50;
};

class SimWorld {
public:
    explicit SimWorld(std::uint64_t seed);
    ~SimWorld();
    SimWorld(const SimWorld&) = delete;
    SimWorld& operator=(const SimWorld&) = delete;

    enum class Ended {
        condition,  // The condition holds.
        time,       // The time is over.
        idle,       // Nothing is ready and no timer is set: nothing will ever happen again.
    };
    /// Runs until the condition, looked at after each step, holds; or until `limit` has passed on the virtual clock.
    Ended run_until(const std::function<bool()>& condition, std::optional<Duration> limit = std::nullopt);
    /// Runs for this time; then the clock stands at its end, whether anything happened or not.
    void run_for(Duration duration);
    /// Runs one ready job, or moves the clock to the next timer and runs that. False: idle.
    bool step();

    MonotonicTime now() const { return now_; }
    std::uint64_t seed() const { return seed_; }
    std::uint64_t steps() const { return steps_; }
    /// For those who make up the world (networks, disks, faults); logic is handed its own.
    base::Random& random() { return random_; }

    /// A digest of all steps so far: which queue each came from, and when; and of what was noted.
    std::uint64_t trace_hash() const { return trace_; }
    /// Adds what a step did (bytes on the wire, a chosen fault) to the digest.
    void note(std::uint64_t what);
    void note(std::string_view what);

    void set_pool_times(SimPoolTimes times) { pool_times_ = times; }

private:
    friend class SimRuntime;
    friend struct sim::Lane;

    sim::Lane& add_lane(Shard* shard);
    void make_ready(sim::Source& source);
    bool run_ready();
    bool advance(std::optional<MonotonicTime> no_further);
    Duration pool_time();

    const std::uint64_t seed_;
    base::Random random_;
    MonotonicTime now_{};
    std::vector<std::unique_ptr<sim::Lane>>
        lanes_;  // They stay when their machine has crashed; then they take nothing.
    std::vector<sim::Source*> ready_;
    sim::Lane* current_ = nullptr;
    std::uint64_t steps_ = 0;
    std::uint64_t steps_at_this_time_ = 0;
    std::uint64_t trace_;
    SimPoolTimes pool_times_;
};

/// One machine: shards, a pool, a clock.
class SimRuntime final : public Runtime {
public:
    /// In a world of its own.
    SimRuntime(std::uint64_t seed, ShardIndex shard_count);
    /// In a world with others. The name is for messages.
    SimRuntime(SimWorld& world, std::string name, ShardIndex shard_count);
    /// As crash(). What the test owns and the machine's coroutines use must live until then: crash first when in doubt.
    ~SimRuntime() override;
    SimRuntime(const SimRuntime&) = delete;
    SimRuntime& operator=(const SimRuntime&) = delete;

    ShardIndex shard_count() const override { return static_cast<ShardIndex>(shards_.size()); }
    Shard& shard(ShardIndex index) override;
    Pool& pool() override;
    const base::Clock& clock() const override;

    SimWorld& world() { return *world_; }
    const std::string& name() const { return name_; }
    /// Moves the wall clock of this machine alone, as an administrator or NTP would.
    void jump_wall(std::chrono::milliseconds by);

    SimWorld::Ended run_until(const std::function<bool()>& condition, std::optional<Duration> limit = std::nullopt) {
        return world_->run_until(condition, limit);
    }
    void run_for(Duration duration) { world_->run_for(duration); }

    /// Runs the task on a shard of this machine, and the world with it, until the task has ended. That it never will
    /// (a deadlock) or has not within `limit` of virtual time is a failed check that names the seed.
    template <class T>
    T run(Task<T> task, Duration limit = std::chrono::hours(24), ShardIndex on = 0) {
        std::optional<T> result;
        run_root(keep_result(std::move(task), &result), limit, on);
        return std::move(*result);
    }
    void run(Task<void> task, Duration limit = std::chrono::hours(24), ShardIndex on = 0) {
        run_root(std::move(task), limit, on);
    }

    /// The machine stops between two steps, for ever: what is queued, timed or with the pool is dropped, and the frames
    /// of all its coroutines are destroyed, the newest root first, so that children go before the owners that they
    /// refer to. Destructors run (a connection closes its stream, which its peer sees); no coroutine is resumed. What
    /// is posted to its shards from then on vanishes. To lose power instead, tell network and disk first. Not to be
    /// called from one of the machine's own jobs.
    void crash();
    bool crashed() const { return crashed_; }

private:
    class SimShard;
    class SimPool;
    class SimClock;

    template <class T>
    static Task<void> keep_result(Task<T> task, std::optional<T>* result) {
        result->emplace(co_await std::move(task));
    }
    void run_root(Task<void> task, Duration limit, ShardIndex on);

    std::unique_ptr<SimWorld> own_world_;
    SimWorld* world_;
    std::string name_;
    std::shared_ptr<SimClock> clock_;
    std::vector<std::shared_ptr<SimShard>> shards_;
    std::shared_ptr<SimPool> pool_;
    bool crashed_ = false;
};

}  // namespace klog::runtime
