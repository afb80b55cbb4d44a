// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/faults.h"

#include <array>

namespace klog::sim {

using namespace std::chrono_literals;

Faults::Faults(World& world, Judge& judge, bool power_cuts)
    : world_(world), judge_(judge), power_cuts_(power_cuts), random_(world.random().next()) {}

void Faults::wait() {
    const auto longest = random_.one_in(3) ? 2'000'000 : 200'000;
    const auto until = world_.now() + std::chrono::microseconds(random_.between(100, longest));
    world_.sim().run_until([&] { return world_.now() >= until || !judge_.content(); }, 3s);
    // Not at a moment at which all is quiet, but in the middle of things.
    const auto at_most = world_.now() + 50ms;
    for (std::uint64_t steps = random_.below(200); steps > 0 && judge_.content() && world_.now() < at_most; --steps)
        world_.sim().step();
}

void Faults::expire() {
    const auto over = [&](std::optional<runtime::MonotonicTime>& until) {
        if (!until || world_.now() < *until) return false;
        until.reset();
        return true;
    };
    if (over(network_until_)) heal_network();
    if (over(full_until_)) heal_disk();
    if (over(slow_until_)) world_.sim().set_pool_times({});
}

void Faults::heal_network() {
    network_until_.reset();
    world_.event("the network is whole");
    world_.network().heal();
}

void Faults::heal_disk() {
    full_until_.reset();
    world_.event("the disk has space");
    world_.disk().set_capacity(std::uint64_t{1} << 40);
}

/// A machine that is down is started, what has ended is cleared away. False: there is nothing to be done to it.
bool Faults::take_up() {
    switch (world_.life()) {
        case Life::down:
            if (disk_failing_) world_.disk().clear_faults();
            disk_failing_ = false;
            world_.start();
            since_ = world_.now();
            was_full_ = full_until_.has_value();
            return false;
        case Life::failed:
            if (!was_full_ && !disk_failing_) judge_.accuse("the broker did not start: {}", world_.failure());
            if (disk_failing_)
                cut_power();
            else
                world_.clear_away();
            return false;
        case Life::stopped:
            if (disk_failing_)
                cut_power();
            else
                world_.clear_away();
            return false;
        case Life::starting:
            if (world_.now() - since_ > start_time_max) judge_.accuse("the broker does not get started");
            return true;
        case Life::stopping:
            if (world_.now() - since_ > stop_time_max) judge_.accuse("the broker does not get stopped");
            return true;
        case Life::serving: return true;
    }
    return false;
}

void Faults::step() {
    wait();
    expire();
    if (!judge_.content() || !take_up()) return;
    if (disk_failing_) {
        if (random_.one_in(3)) cut_power();
        return;
    }
    do_something();
}

void Faults::cut_power() {
    using enum os::Crash;
    static constexpr std::array ways = {drop_unsynced,   lose_entries, lose_data, zero_data,
                                        tear_last_write, keep_some,    scramble};
    world_.cut_power(ways[random_.below(ways.size())]);
    disk_failing_ = false;
}

/// What a failed call leaves is only known after a power cut, which comes next.
void Faults::fail_the_disk() {
    using enum os::Call;
    static constexpr std::array calls = {write, sync, sync, rename, open, sync_directory, truncate};
    os::Fault fault;
    fault.call = calls[random_.below(calls.size())];
    fault.nth = 1 + random_.below(20);
    fault.lasting = random_.one_in(2);
    world_.event("the disk fails: call {}, {}", static_cast<int>(fault.call), fault.nth);
    world_.disk().plan(fault);
    disk_failing_ = true;
}

void Faults::do_something() {
    const auto until = world_.now() + std::chrono::milliseconds(random_.between(50, 6000));
    const char* client = random_.one_in(2) ? World::writer_host : World::reader_host;
    switch (random_.below(24)) {
        case 0:
        case 1:
        case 2: return world_.kill();
        case 3:
        case 4:
        case 5: return power_cuts_ ? cut_power() : world_.kill();
        case 6:
        case 7:
            if (world_.life() != Life::serving) return;
            world_.begin_stop();
            since_ = world_.now();
            return;
        case 8:
        case 9: world_.event("cut off {}", client); return world_.network().cut(World::broker_host, client);
        case 10:
        case 11:
            world_.event("partition from {}", client);
            network_until_ = until;
            if (random_.one_in(2)) return world_.network().part(World::broker_host, client);
            if (random_.one_in(2)) return world_.network().part_one_way(World::broker_host, client);
            return world_.network().part_one_way(client, World::broker_host);
        case 12:
            world_.event("the disk is full");
            full_until_ = until;
            was_full_ = true;
            return world_.disk().set_capacity(world_.disk().used_bytes() + random_.below(3000));
        case 13:
            world_.event("the pool is slow");
            slow_until_ = until;
            return world_.sim().set_pool_times({1ms, 100ms, 3s, 10});
        case 14: return world_.jump_wall(std::chrono::milliseconds(random_.between(-600'000, 600'000)));
        case 15:
            if (power_cuts_) fail_the_disk();
            return;
        default: return;
    }
}

void Faults::await(Life life, runtime::Duration limit, const char* what) {
    world_.sim().run_until([&] { return world_.life() == life || world_.life() == Life::failed || !judge_.content(); },
                           limit);
    if (world_.life() != life) judge_.accuse("the broker does not get {} {}", what, world_.failure());
}

void Faults::end() {
    if (!judge_.content()) return;
    world_.event("all is well");
    heal_network();
    heal_disk();
    world_.sim().set_pool_times({});
    if (disk_failing_ && world_.life() != Life::down) cut_power();
    if (world_.life() == Life::stopping) await(Life::stopped, stop_time_max, "stopped");
    if (!judge_.content()) return;
    // A start that met the full disk may still be on its way to failing.
    if (world_.life() == Life::starting && was_full_)
        world_.sim().run_until([&] { return world_.life() != Life::starting; }, start_time_max);
    if (world_.life() == Life::stopped || world_.life() == Life::failed) world_.clear_away();
    if (world_.life() == Life::down) world_.start();
    await(Life::serving, start_time_max, "started");
}

}  // namespace klog::sim
