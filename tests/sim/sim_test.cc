// SPDX-License-Identifier: Apache-2.0
// One real broker and two clients in a world that a seed breaks. docs/testing-faults.md says how to repeat a run.
#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

#include "tests/sim/faults.h"
#include "tests/sim/reader.h"
#include "tests/sim/workload.h"
#include "tests/sim/world.h"

using namespace klog;
using namespace std::chrono_literals;
using namespace klog::sim;

namespace {

struct Outcome {
    std::uint64_t trace = 0;
    std::vector<std::string> faults;
    std::size_t acknowledged = 0;
    std::size_t read = 0;
};

constexpr auto faulty_time = 57s;
constexpr auto healthy_time = 3s;
constexpr auto end_time_max = 60s;

void heal_and_audit(World& world, Judge& judge, Faults& faults, Workload& workload, Reader& reader) {
    faults.end();
    if (!judge.content()) return;
    world.sim().run_until([&] { return !judge.content(); }, healthy_time);
    workload.stop();
    world.sim().run_until([&] { return workload.ended() || !judge.content(); }, end_time_max);
    if (!judge.content()) return;
    if (!workload.ended()) return judge.accuse("no progress though all is well:{}", workload.unfinished());
    reader.finish();
    world.sim().run_until([&] { return reader.ended() || !judge.content(); }, end_time_max);
    if (!judge.content()) return;
    if (!reader.ended()) return judge.accuse("no progress though all is well: {}", reader.doing());
    world.begin_stop();
    world.sim().run_until([&] { return world.life() == Life::stopped; }, end_time_max);
    if (world.life() != Life::stopped) judge.accuse("the broker does not get stopped");
}

Outcome simulate(const WorldOptions& options) {
    Judge judge;
    World world(options, judge);
    Faults faults(world, judge, options.durability == "fsync");
    Workload workload(world, judge);
    Reader reader(world, judge);
    world.start();
    workload.start();
    reader.start();
    while (judge.content() && world.now().time_since_epoch() < faulty_time) faults.step();
    heal_and_audit(world, judge, faults, workload, reader);
    world.end();
    return {world.sim().trace_hash(), judge.faults(), judge.acknowledged_records(), judge.records_read()};
}

std::uint64_t number(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr || *text == '\0' ? otherwise : std::strtoull(text, nullptr, 10);
}
bool full_tier() {
    const char* tier = std::getenv("KLOG_TEST_TIER");
    return tier != nullptr && std::string_view(tier) == "full";
}
std::uint64_t first_seed() { return number("KLOG_SIM_SEED", 1); }
std::uint64_t seed_count() { return number("KLOG_SIM_SEEDS", full_tier() ? 10'000 : 100); }

std::string how_to_repeat(const WorldOptions& options, std::string_view test_case) {
    return fmt::format(
        "seed {}; again: KLOG_SIM_SEED={} KLOG_SIM_SEEDS=1 KLOG_SIM_VERBOSE=1 "
        "build-asan/tests/sim/sim_test --test-case='{}'",
        options.seed, options.seed, test_case);
}

void check_seeds(const std::string& durability, std::uint64_t count, const char* test_case) {
    std::size_t acknowledged = 0, read = 0;
    for (std::uint64_t seed = first_seed(); seed < first_seed() + count; ++seed) {
        const WorldOptions options{.seed = seed, .durability = durability};
        const std::string repeat = how_to_repeat(options, test_case);
        INFO(repeat);  // Printed too when a check in the broker fails.
        const Outcome outcome = simulate(options);
        for (const std::string& fault : outcome.faults) FAIL_CHECK(fault);
        acknowledged += outcome.acknowledged;
        read += outcome.read;
    }
    MESSAGE(count, " seeds: ", acknowledged, " records acknowledged, ", read, " read");
    CHECK(acknowledged > 0);
    CHECK(read > 0);
}

}  // namespace

TEST_CASE("what was acknowledged survives kills, power cuts, full disks and broken networks") {
    check_seeds("fsync", seed_count(), "what was acknowledged*");
}

TEST_CASE("with durability=os a kill loses nothing") {
    check_seeds("os", std::max<std::uint64_t>(seed_count() / 5, 1), "with durability=os*");
}

TEST_CASE("the same seed runs the same steps") {
    for (std::uint64_t seed = first_seed(); seed < first_seed() + 3; ++seed) {
        CAPTURE(seed);
        const WorldOptions options{.seed = seed};
        const Outcome one = simulate(options), two = simulate(options);
        CHECK(one.trace == two.trace);
        CHECK(one.acknowledged == two.acknowledged);
        CHECK(one.read == two.read);
    }
}

TEST_CASE("a disk that lies about syncing is found out") {
    constexpr std::uint64_t tries = 5;
    std::uint64_t found = 0;
    for (std::uint64_t seed = 1; seed <= tries; ++seed) {
        const WorldOptions options{.seed = seed, .disk_lies = true};
        INFO(how_to_repeat(options, "a disk that lies*"));
        const Outcome outcome = simulate(options);
        found += outcome.faults.empty() ? 0 : 1;
    }
    CHECK(found == tries);
}
