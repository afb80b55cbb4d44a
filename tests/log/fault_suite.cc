// SPDX-License-Identifier: Apache-2.0
// The same run again and again, with one call of the disk failing: the first of its kind, the second, and so on until
// the run has no more of them. After a failure that is final nothing is acknowledged any more; whatever failed, after a
// crash all that was acknowledged is there and nothing that was not written.
#include <cstdio>
#include <cstdlib>

#include <doctest/doctest.h>

#include "core/base/log.h"
#include "tests/log/amount.h"
#include "tests/log/log_model.h"

using namespace klog;
using namespace klog::log;
using namespace klog::log::test;

namespace {

constexpr int operations = 120;

struct Kind {
    os::Call call;
    Errc code;
    const char* name;
    bool lasting = false;
};
constexpr Kind kinds[] = {
    {os::Call::open, Errc::io, "open"},
    {os::Call::open, Errc::no_space, "open, no space"},
    {os::Call::open, Errc::limit, "open, no descriptors"},
    {os::Call::read, Errc::io, "read"},
    {os::Call::write, Errc::io, "write"},
    {os::Call::write, Errc::no_space, "write, no space"},
    {os::Call::write, Errc::no_space, "write, no space for good", true},
    {os::Call::truncate, Errc::io, "truncate"},
    {os::Call::sync, Errc::io, "fdatasync"},
    {os::Call::sync, Errc::no_space, "fdatasync, no space"},
    {os::Call::rename, Errc::io, "rename"},
    {os::Call::remove, Errc::io, "remove"},
    {os::Call::make_directory, Errc::io, "mkdir"},
    {os::Call::sync_directory, Errc::io, "fsync of a directory"},
    {os::Call::sync_filesystem, Errc::io, "syncfs"},
    {os::Call::map, Errc::io, "mmap"},
    {os::Call::list, Errc::io, "readdir"},
    {os::Call::info, Errc::io, "stat"},
};

Result<> operate(Driver& driver) {
    auto& random = driver.random;
    switch (random.below(20)) {
        case 0: return driver.truncate();
        case 1: return driver.roll();
        case 2:
        case 3: return driver.checkpoint();
        case 4: return driver.delete_records();
        case 5: return driver.retain();
        case 6: return driver.reopen_clean();
        case 7: return random.one_in(3) ? driver.restart({random.between(0, 200)}) : driver.roll();
        case 8: driver.machine.runtime.pass(std::chrono::milliseconds(20)); return {};
        case 9:
        case 10:
        case 11: driver.flush(); return {};
        case 12:
        case 13: return driver.append_as_follower();
        default: return driver.append();
    }
}

/// One run with the n-th call failing. What is wrong; empty when nothing is. `reached`: the call came.
std::string run(const Kind& kind, std::uint64_t nth, std::uint64_t seed, os::Crash end, bool& reached) {
    os::MemoryDisk disk;
    Driver driver(disk, seed);
    const auto calls_before = disk.calls(kind.call);
    // A write that fails has written something.
    disk.plan({kind.call, nth, kind.code, kind.lasting, {}, kind.call == os::Call::write ? 20u : 0u});
    auto opened = driver.open();
    for (int i = 0; opened && driver.log && i < operations; ++i) {
        const auto done = operate(driver);
        if (!done && !driver.log) break;  // A clean stop that failed: the process is gone.
        if (driver.machine.directory->state() != DirectoryState::offline) continue;
        const auto acked = driver.model.acked;
        for (int more = 0; more < 5; ++more) {
            if (driver.append() || driver.append_as_follower()) return "appended after the directory went offline";
            driver.flush();
            if (driver.model.acked > acked) return "acknowledged after the directory went offline";
        }
        break;
    }
    reached = disk.calls(kind.call) - calls_before >= nth;
    driver.die();
    base::Random random(seed + nth);
    disk.crash(end, random);
    driver.machine.runtime.drop();
    if (const auto again = driver.open(); !again) return "does not open again: " + again.error().message;
    if (auto fault = driver.adopt(); !fault.empty()) return fault;
    if (const auto more = driver.append(); !more) return "does not append again: " + more.error().message;
    driver.flush();
    if (driver.model.acked != driver.model.end) return "does not flush again";
    return driver.compare();
}

/// Every call of one kind in turn; what was wrong is said.
std::uint64_t fail_each(const Kind& kind, std::uint64_t seed) {
    std::uint64_t runs = 0, failures = 0, nth = 1;
    for (bool reached = true; reached && failures < 5; ++nth) {
        for (const auto end : {os::Crash::drop_unsynced, os::Crash::keep_some}) {
            ++runs;
            const auto fault = run(kind, nth, seed, end, reached);
            if (fault.empty()) continue;
            ++failures;
            FAIL_CHECK("seed " << seed << ", call " << nth << " of '" << std::string(kind.name) << "', then crash "
                               << int(end) << ": " << fault);
        }
    }
    std::printf("%-28s %llu calls\n", kind.name, static_cast<unsigned long long>(nth - 2));
    return runs;
}

}  // namespace

TEST_CASE("whatever call fails, nothing acknowledged is lost and nothing is acknowledged that is not safe") {
    if (std::getenv("KLOG_LOG") == nullptr) base::set_log_level(base::LogLevel::off);
    const std::uint64_t first = number_from("KLOG_SEED", 1);
    const std::uint64_t seeds = amount("KLOG_RUNS", 1);
    for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
        std::uint64_t runs = 0;
        for (const auto& kind : kinds) runs += fail_each(kind, seed);
        std::printf("seed %llu: %llu runs\n", static_cast<unsigned long long>(seed),
                    static_cast<unsigned long long>(runs));
    }
}
