// SPDX-License-Identifier: Apache-2.0
// What goes wrong in a simulation, chosen by its seed: kills, power cuts and stops of the broker's machine at any step,
// broken and stuck connections, full, failing and slow disks, jumps of the wall clock. Runs the world while it waits.
#pragma once

#include <optional>

#include "tests/sim/world.h"

namespace klog::sim {

class Faults {
public:
    /// `power_cuts`: also those, and disks that fail. Without them nothing may be lost even with durability=os.
    Faults(World& world, Judge& judge, bool power_cuts);

    /// Lets the world run for a while, then does something to it.
    void step();
    /// All is well again from here on: what was begun is ended, and a broker serves.
    void end();

private:
    static constexpr std::chrono::seconds start_time_max{30};
    static constexpr std::chrono::seconds stop_time_max{30};

    void wait();
    void expire();
    bool take_up();
    void do_something();
    void fail_the_disk();
    void cut_power();
    void heal_network();
    void heal_disk();
    void await(Life life, runtime::Duration limit, const char* what);

    World& world_;
    Judge& judge_;
    const bool power_cuts_;
    base::Random random_;
    std::optional<runtime::MonotonicTime> network_until_, full_until_, slow_until_;
    bool disk_failing_ = false;       // Until a power cut.
    bool was_full_ = false;           // At some time of the current start.
    runtime::MonotonicTime since_{};  // Of the current start or stop.
};

}  // namespace klog::sim
