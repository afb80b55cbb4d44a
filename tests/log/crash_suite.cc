// SPDX-License-Identifier: Apache-2.0
// A scripted run of 200 operations, crashed before every single step that the disk takes, in every way that a disk can
// crash. What is recovered holds all that was acknowledged and nothing that was not written.
#include <chrono>
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

constexpr int operations = 200;
constexpr std::uint64_t tears_per_write_max = 6;
constexpr std::uint64_t states_min = 5000;

struct Way {
    os::Crash how;
    int repeats;
    const char* name;
};
constexpr Way ways[] = {
    {os::Crash::process, 1, "process"},           {os::Crash::drop_unsynced, 1, "drop_unsynced"},
    {os::Crash::lose_entries, 1, "lose_entries"}, {os::Crash::lose_data, 1, "lose_data"},
    {os::Crash::zero_data, 1, "zero_data"},       {os::Crash::keep_some, 2, "keep_some"},
    {os::Crash::scramble, 2, "scramble"},
};

class CrashSuite {
public:
    explicit CrashSuite(std::uint64_t seed) : random_(seed), driver_(disk_, seed) {
        disk_.before_step([this](const os::Step& step) {
            step_ = step.number;
            if (tracing_)
                fmt::print(stderr, "step {} operation {} ({}) call {} {}\n", step.number, operation_, drawn_,
                           int(step.call), step.path);
            if (watching_) crash_in_every_way();
        });
    }

    void run() {
        REQUIRE(driver_.open());
        for (operation_ = 0; operation_ < operations && failures_ == 0; ++operation_) {
            const auto done = operate();
            REQUIRE_MESSAGE(done, "operation " << operation_ << ": " << done.error().message);
        }
        disk_.before_step({});
    }
    std::uint64_t states() const { return states_; }
    int failures() const { return failures_; }

private:
    Result<> operate() {
        auto& random = driver_.random;
        watching_ = true;
        drawn_ = random.below(24);
        switch (drawn_) {
            case 0: return driver_.truncate();
            case 1: return driver_.roll();
            case 2:
            case 3: return driver_.checkpoint();
            case 4: return driver_.delete_records();
            case 5:
            case 6: return driver_.retain();
            case 7: return driver_.reopen_clean();
            case 8: return random.one_in(4) ? driver_.restart({random.between(0, 400)}) : driver_.roll();
            case 9:
            case 10: driver_.machine.runtime.pass(std::chrono::milliseconds(20)); return {};
            case 11:
            case 12:
            case 13:
            case 14: driver_.flush(); return {};
            case 15:
            case 16: return driver_.append_as_follower();
            default: return driver_.append();
        }
    }

    void crash_in_every_way() {
        for (const auto& way : ways)
            for (int i = 0; i < way.repeats; ++i) {
                auto clone = disk_.clone();
                base::Random random(random_.next());
                clone->crash(way.how, random);
                recover(*clone, way.name);
            }
        const auto torn = disk_.torn_bytes_max();
        if (torn == 0) return;
        const std::uint64_t stride = std::max<std::uint64_t>(1, torn / tears_per_write_max);
        for (std::uint64_t kept = random_.below(stride); kept < torn; kept += stride) {
            auto clone = disk_.clone();
            clone->crash_tearing(kept);
            recover(*clone, "tear_last_write");
        }
    }

    void recover(os::MemoryDisk& disk, const char* way) {
        ++states_;
        std::string fault = check(disk);
        if (fault.empty()) return;
        ++failures_;
        FAIL_CHECK("crash '" << std::string(way) << "' before step " << step_ << " in operation " << operation_ << " ("
                             << drawn_ << ")" << ": " << fault);
    }
    std::string check(os::MemoryDisk& disk) {
        Machine machine(disk);
        *machine.config = *driver_.machine.config;
        if (const auto started = machine.start(); !started) return "start: " + started.error().message;
        auto log = machine.open(demo);
        if (!log) return "open: " + log.error().message;
        const Found found = look(**log);
        if (auto fault = judge(driver_.model, **log, found); !fault.empty()) return fault;
        if (states_ % 5 != 0) return {};
        // It goes on from there: an append, a clean stop, and all of it again.
        const auto added = append(**log, {{"afterwards"}}, {1'000'000});
        if (!added) return "append: " + added.error().message;
        if (added->base_offset != found.end) return "append: at another offset than the end";
        machine.runtime.settle();
        if ((*log)->flushed_offset() != found.end + 1) return "append: not flushed";
        if (auto closed = lent(**log, [&] { return (*log)->close(); }); !closed)
            return "close: " + closed.error().message;
        log->reset();
        if (auto closed = machine.directory->close(); !closed) return "close: " + closed.error().message;
        machine.stop();
        if (const auto started = machine.start(); !started) return "start again: " + started.error().message;
        log = machine.open(demo);
        if (!log) return "open again: " + log.error().message;
        const Found again = look(**log);
        if (!again.fault.empty()) return "again: " + again.fault;
        if (again.end != found.end + 1 || again.cells.size() != found.cells.size() + 1) return "again: not the same";
        log->reset();
        return {};
    }

    base::Random random_;
    os::MemoryDisk disk_;
    Driver driver_;
    bool watching_ = false;
    std::uint64_t step_ = 0;
    std::uint64_t states_ = 0;
    int operation_ = 0;
    std::uint64_t drawn_ = 0;  // Which operation it is.
    int failures_ = 0;
    const bool tracing_ = std::getenv("KLOG_LOG") != nullptr;
};

}  // namespace

TEST_CASE("a run of 200 operations survives a crash at every step, in every way") {
    if (std::getenv("KLOG_LOG") == nullptr) base::set_log_level(base::LogLevel::off);
    const std::uint64_t first = number_from("KLOG_SEED", 1);
    const std::uint64_t runs = amount("KLOG_RUNS", 1);
    for (std::uint64_t seed = first; seed < first + runs; ++seed) {
        INFO("seed " << seed);
        const auto before = std::chrono::steady_clock::now();  // lint allows time: it measures
        CrashSuite suite(seed);
        suite.run();
        const std::chrono::duration<double> took =
            std::chrono::steady_clock::now() - before;  // lint allows time: as above
        std::printf("seed %llu: %llu crash states in %.1f s\n", static_cast<unsigned long long>(seed),
                    static_cast<unsigned long long>(suite.states()), took.count());
        CHECK(suite.failures() == 0);
        if (suite.failures() == 0) CHECK(suite.states() >= states_min);
    }
}
