// SPDX-License-Identifier: Apache-2.0
// The machines of a simulation: one with a real broker (two shards and a pool) on a memory disk, two for clients, one
// memory network between them, all on one thread and one seed. Owned by the test; what happens to the broker's machine
// (stop, kill, power cut) is done from outside, between two steps.
#pragma once

#include <memory>
#include <string>

#include <fmt/format.h>

#include "core/broker/broker.h"
#include "core/net/memory_network.h"
#include "core/os/memory_disk.h"
#include "core/runtime/scope.h"
#include "core/runtime/sim_runtime.h"
#include "tests/sim/judge.h"

namespace klog::sim {

struct WorldOptions {
    std::uint64_t seed = 1;
    std::string durability = "fsync";
    /// Says that files of records are synced, and does nothing of the kind.
    bool disk_lies = false;
};

enum class Life { down, starting, serving, stopping, stopped, failed };

class World {
public:
    World(const WorldOptions& options, Judge& judge);
    ~World();
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    Life life() const { return life_; }
    /// The end of the world: all machines go, before what their coroutines refer to does.
    void end();
    /// Begins to start a broker on what the disk holds.
    void start();
    /// Begins a clean stop.
    void begin_stop();
    /// What has stopped, or could not start, goes.
    void clear_away();
    /// kill -9: the page cache stays.
    void kill();
    void cut_power(os::Crash how);
    void jump_wall(std::chrono::milliseconds by);

    runtime::MonotonicTime now() const { return world_.now(); }
    runtime::SimWorld& sim() { return world_; }
    net::MemoryNetwork& network() { return network_; }
    os::MemoryDisk& disk() { return *disk_; }
    runtime::SimRuntime& writer() { return writer_; }
    runtime::SimRuntime& reader() { return reader_; }
    base::Random& random() { return world_.random(); }
    Judge& judge() { return judge_; }
    /// Why the broker did not start.
    const std::string& failure() const { return failure_; }

    /// Something that the trace digests and a person may read (KLOG_SIM_VERBOSE=1).
    template <class... Args>
    void event(fmt::format_string<Args...> format, Args&&... args) {
        note(fmt::format(format, std::forward<Args>(args)...));
    }

    /// What the disk holds of a partition, for a person who looks for the cause of an accusation.
    void show_partition(const std::string& topic, std::int32_t partition);

    static constexpr const char* broker_host = "broker";
    static constexpr const char* writer_host = "writer";
    static constexpr const char* reader_host = "reader";

private:
    class Clock final : public base::Clock {
    public:
        explicit Clock(const runtime::SimWorld& world) : world_(world) {}
        base::MonotonicTime now() const override { return world_.now(); }
        base::TimestampMs wall_ms() const override {
            return 1'700'000'000'000 + world_.now().time_since_epoch() / std::chrono::milliseconds(1);
        }

    private:
        const runtime::SimWorld& world_;
    };

    broker::Config config();
    void note(const std::string& line);
    void end_machine();
    static runtime::Task<void> run_start(World* self);
    static runtime::Task<void> run_stop(World* self);

    const WorldOptions options_;
    Judge& judge_;
    runtime::SimWorld world_;
    Clock clock_;
    net::MemoryNetwork network_;
    std::unique_ptr<os::MemoryDisk> disk_;
    std::unique_ptr<os::Disk> seen_disk_;  // What the broker is given.
    runtime::SimRuntime writer_;
    runtime::SimRuntime reader_;
    std::chrono::milliseconds wall_jumped_{0};
    bool power_off_ = false;

    Life life_ = Life::down;
    std::string failure_;
    std::unique_ptr<runtime::SimRuntime> machine_;
    std::unique_ptr<broker::Broker> broker_;
    std::unique_ptr<runtime::Scope> scope_;
};

/// Whether KLOG_SIM_VERBOSE is set.
bool verbose();

}  // namespace klog::sim
