// SPDX-License-Identifier: Apache-2.0
#include "core/runtime/sim_runtime.h"

#include <deque>
#include <map>

#include <fmt/format.h>

namespace klog::runtime {

namespace {

// More steps without the clock moving mean that something spins.
constexpr std::uint64_t steps_at_one_time_max = 50'000'000;
constexpr base::TimestampMs wall_ms_at_start = 1'700'000'000'000;

// FNV-1a over 64-bit words, with a final spread: cheap, and any difference shows.
constexpr std::uint64_t mixed(std::uint64_t hash, std::uint64_t word) {
    hash = (hash ^ word) * 0x100000001b3;
    return hash ^ (hash >> 29);
}

}  // namespace

namespace sim {

/// A queue whose jobs run in order: those from one thread to one shard, or a shard's (or the pool's) timers.
struct Source {
    Lane* lane = nullptr;
    std::uint64_t id = 0;
    bool timed = false;
    bool listed = false;  // In the world's list of those that may have something ready.
    std::deque<Job> jobs;
};

/// What waits to run on one shard, or on a pool.
struct Lane {
    Lane(SimWorld& of, Shard* on, std::uint64_t number) : world(of), shard(on), index(number) {
        timed.lane = this;
        timed.id = index << 32 | 0xffffffff;
        timed.timed = true;
    }
    void post(Job job) {
        if (dead) return;
        const std::uint64_t sender = world.current_ ? world.current_->index : 0;
        Source& source = from[sender];
        source.lane = this;
        source.id = index << 32 | sender;
        source.jobs.push_back(std::move(job));
        world.make_ready(source);
    }
    TimerId set_timer(MonotonicTime at, Job job) {
        if (dead) return TimerId::none;
        const TimerId id = timers.set(at, std::move(job));
        if (at <= world.now_) world.make_ready(timed);
        return id;
    }
    Job take(Source& source) {
        if (source.timed) return timers.take_due(world.now_);
        if (source.jobs.empty()) return {};
        Job job = std::move(source.jobs.front());
        source.jobs.pop_front();
        return job;
    }
    bool has_ready(Source& source) {
        if (!source.timed) return !source.jobs.empty();
        const auto next = timers.earliest();
        return next && *next <= world.now_;
    }

    SimWorld& world;
    Shard* shard;
    std::uint64_t index;
    std::shared_ptr<void> owner;  // Keeps the shard for those who still post to it.
    bool dead = false;
    TimerHeap timers;
    Source timed;
    std::map<std::uint64_t, Source> from;
};

}  // namespace sim

SimWorld::SimWorld(std::uint64_t seed) : seed_(seed), random_(seed), trace_(mixed(0xcbf29ce484222325, seed)) {}
SimWorld::~SimWorld() = default;

sim::Lane& SimWorld::add_lane(Shard* shard) {
    return *lanes_.emplace_back(std::make_unique<sim::Lane>(*this, shard, lanes_.size() + 1));
}

void SimWorld::make_ready(sim::Source& source) {
    if (source.listed) return;
    source.listed = true;
    ready_.push_back(&source);
}

void SimWorld::note(std::uint64_t what) { trace_ = mixed(trace_, what); }

void SimWorld::note(std::string_view what) {
    for (const char c : what) trace_ = mixed(trace_, static_cast<unsigned char>(c));
}

Duration SimWorld::pool_time() {
    const bool slow = random_.one_in(pool_times_.slow_one_in);
    return Duration(
        random_.between(pool_times_.least.count(), (slow ? pool_times_.slow_max : pool_times_.most).count()));
}

bool SimWorld::run_ready() {
    while (!ready_.empty()) {
        const std::size_t at = random_.below(ready_.size());
        sim::Source& source = *ready_[at];
        sim::Lane& lane = *source.lane;
        Job job = lane.take(source);
        if (!lane.has_ready(source)) {
            source.listed = false;
            ready_[at] = ready_.back();
            ready_.pop_back();
        }
        if (!job) continue;  // A timer that was due and has been cancelled.

        ++steps_;
        if (++steps_at_this_time_ > steps_at_one_time_max) {
            base::check_failed(__FILE__, __LINE__, "time goes on",
                               fmt::format("{} steps without the clock moving; seed {}", steps_at_one_time_max, seed_));
        }
        note(source.id);
        note(static_cast<std::uint64_t>(now_.time_since_epoch().count()));
        current_ = &lane;
        Shard::set_current(lane.shard);
        job();
        job = nullptr;
        Shard::set_current(nullptr);
        current_ = nullptr;
        return true;
    }
    return false;
}

bool SimWorld::advance(std::optional<MonotonicTime> no_further) {
    std::optional<MonotonicTime> next;
    for (auto& lane : lanes_) {
        const auto earliest = lane->timers.earliest();
        if (earliest && (!next || *earliest < *next)) next = earliest;
    }
    if (!next || (no_further && *next > *no_further)) return false;
    now_ = std::max(now_, *next);
    steps_at_this_time_ = 0;
    for (auto& lane : lanes_) {
        if (lane->has_ready(lane->timed)) make_ready(lane->timed);
    }
    return true;
}

bool SimWorld::step() {
    KLOG_CHECK(!current_, "the world is run from outside");
    return run_ready() || (advance(std::nullopt) && run_ready());
}

SimWorld::Ended SimWorld::run_until(const std::function<bool()>& condition, std::optional<Duration> limit) {
    KLOG_CHECK(!current_, "the world is run from outside");
    const auto end = limit ? std::optional(now_ + *limit) : std::nullopt;
    for (;;) {
        if (condition()) return Ended::condition;
        if (run_ready() || advance(end)) continue;
        if (!advance(std::nullopt)) return Ended::idle;
        now_ = *end;
        return Ended::time;
    }
}

void SimWorld::run_for(Duration duration) {
    const MonotonicTime end = now_ + duration;
    run_until([] { return false; }, duration);
    now_ = end;
}

class SimRuntime::SimClock final : public base::Clock {
public:
    explicit SimClock(SimWorld& world) : world_(world) {}
    MonotonicTime now() const override { return world_.now(); }
    base::TimestampMs wall_ms() const override {
        const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(world_.now().time_since_epoch());
        return wall_ms_at_start + passed.count() + jumped_ms;
    }
    std::int64_t jumped_ms = 0;

private:
    SimWorld& world_;
};

class SimRuntime::SimShard final : public Shard {
public:
    SimShard(SimWorld& world, std::shared_ptr<SimClock> clock, ShardIndex index)
        : lane(world.add_lane(this)), clock_(std::move(clock)), index_(index) {}

    ShardIndex index() const override { return index_; }
    void post(Job job) override { lane.post(std::move(job)); }
    TimerId set_timer(MonotonicTime at, Job job) override {
        KLOG_CHECK(current() == this, "timers belong to the own shard");
        return lane.set_timer(at, std::move(job));
    }
    void cancel_timer(TimerId timer) override { lane.timers.cancel(timer); }
    const base::Clock& clock() const override { return *clock_; }

    sim::Lane& lane;

private:
    std::shared_ptr<SimClock> clock_;
    ShardIndex index_;
};

class SimRuntime::SimPool final : public Pool {
public:
    explicit SimPool(SimWorld& world) : lane(world.add_lane(nullptr)), world_(world) {}
    void submit(Job job) override { lane.set_timer(world_.now() + world_.pool_time(), std::move(job)); }

    sim::Lane& lane;

private:
    SimWorld& world_;
};

SimRuntime::SimRuntime(std::uint64_t seed, ShardIndex shard_count)
    : SimRuntime(*new SimWorld(seed), "node", shard_count) {
    own_world_.reset(world_);
}

SimRuntime::SimRuntime(SimWorld& world, std::string name, ShardIndex shard_count)
    : world_(&world), name_(std::move(name)), clock_(std::make_shared<SimClock>(world)) {
    KLOG_CHECK(shard_count > 0);
    for (ShardIndex i = 0; i < shard_count; ++i) {
        auto shard = std::make_shared<SimShard>(world, clock_, i);
        shard->lane.owner = shard;
        shards_.push_back(std::move(shard));
    }
    pool_ = std::make_shared<SimPool>(world);
    pool_->lane.owner = pool_;
}

SimRuntime::~SimRuntime() { crash(); }

Shard& SimRuntime::shard(ShardIndex index) { return *shards_.at(index); }
Pool& SimRuntime::pool() { return *pool_; }
const base::Clock& SimRuntime::clock() const { return *clock_; }
void SimRuntime::jump_wall(std::chrono::milliseconds by) { clock_->jumped_ms += by.count(); }

void SimRuntime::crash() {
    if (crashed_) return;
    crashed_ = true;
    std::vector<sim::Lane*> lanes{&pool_->lane};
    std::vector<Shard*> shards;
    for (auto& shard : shards_) {
        lanes.push_back(&shard->lane);
        shards.push_back(shard.get());
    }
    const detail::Teardown teardown;
    for (sim::Lane* lane : lanes) {
        KLOG_CHECK(world_->current_ != lane, "a machine does not crash from its own job");
        lane->dead = true;
        const auto timers = lane->timers.clear();
        for (auto& [sender, source] : lane->from) {
            const auto jobs = std::exchange(source.jobs, {});
        }
    }
    detail::Roots::destroy_all(shards);
}

void SimRuntime::run_root(Task<void> task, Duration limit, ShardIndex on) {
    struct Owner final : detail::RootOwner {
        void root_ended() override { ended = true; }
        bool ended = false;
    } owner;
    KLOG_CHECK(!crashed_, "a crashed machine runs nothing");
    shard(on).post([&owner, task = std::move(task)]() mutable { detail::Roots::start(std::move(task), owner); });
    const auto why = world_->run_until([&owner] { return owner.ended; }, limit);
    if (why == SimWorld::Ended::condition) return;
    base::check_failed(
        __FILE__, __LINE__, "the task ends",
        why == SimWorld::Ended::idle
            ? fmt::format("deadlock on {}: nothing is ready and no timer is set; seed {}", name_, world_->seed())
            : fmt::format("the task on {} still runs after {} s of virtual time; seed {}", name_,
                          std::chrono::duration_cast<std::chrono::seconds>(limit).count(), world_->seed()));
}

}  // namespace klog::runtime
