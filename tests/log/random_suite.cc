// SPDX-License-Identifier: Apache-2.0
// Random sequences of append, flush, roll, truncate, retention, crash and reopen against a model: 100,000 operations
// (KLOG_OPERATIONS; the full tier: 10,000,000), in sequences of their own seed. A failure prints its seed; KLOG_SEED
// runs that one alone.
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

constexpr std::uint64_t operations_normal = 100'000;
constexpr std::uint64_t operations_per_sequence = 400;

constexpr os::Crash crashes[] = {os::Crash::process,   os::Crash::drop_unsynced, os::Crash::lose_entries,
                                 os::Crash::lose_data, os::Crash::zero_data,     os::Crash::tear_last_write,
                                 os::Crash::keep_some, os::Crash::scramble};

/// One sequence. Empty when all is well.
class Sequence {
public:
    explicit Sequence(std::uint64_t seed) : disk_({.seed = seed}), driver_(disk_, seed), random_(driver_.random) {
        disk_.set_residency(os::Residency::random);
        driver_.machine.config->durability = random_.one_in(4) ? Durability::os : Durability::fsync;
        if (driver_.machine.config->durability == Durability::os) {
            driver_.machine.config->flush_messages = random_.between(1, 30);
            driver_.machine.config->flush_ms = random_.between(1, 50);
        }
        driver_.machine.config->segment_bytes = static_cast<std::int32_t>(random_.between(300, 3000));
        driver_.machine.config->index_interval_bytes = static_cast<std::int32_t>(random_.between(1, 600));
    }

    std::string run() {
        if (tracing_)
            disk_.before_step([this](const os::Step& step) {
                fmt::print(stderr, "  step {} op {} call {} {}\n", step.number, operation_, int(step.call), step.path);
            });
        if (const auto opened = driver_.open(); !opened) return opened.error().message;
        for (operation_ = 0; operation_ < operations_per_sequence; ++operation_) {
            auto fault = operate();
            if (tracing_ && driver_.log) {
                std::string epochs;
                for (const auto& e : driver_.log->epochs()) epochs += fmt::format("({},{})", e.epoch, e.start_offset);
                fmt::print(stderr, "op {} ({}) start {} end {} acked {} rp {} epoch {} {}\n", operation_, drawn_,
                           driver_.log->log_start_offset(), driver_.log->log_end_offset(), driver_.model.acked,
                           driver_.log->recovery_point(), driver_.epoch, epochs);
            }
            if (!fault.empty()) return fmt::format("operation {}: {}", operation_, fault);
        }
        return {};
    }

private:
    static std::string words(const Result<>& done) { return done ? std::string() : done.error().message; }

    std::string operate() {
        drawn_ = random_.below(30);
        switch (drawn_) {
            case 0: return words(driver_.truncate());
            case 1: return words(driver_.roll());
            case 2:
            case 3: return words(driver_.checkpoint());
            case 4: return words(driver_.delete_records());
            case 5: return words(driver_.retain());
            case 6: return words(driver_.reopen_clean());
            case 7: return random_.one_in(5) ? words(driver_.restart({random_.between(0, 2000)})) : driver_.compare();
            case 8: driver_.machine.runtime.pass(std::chrono::milliseconds(random_.between(1, 60))); return {};
            case 9: return crash();
            case 10: return full();
            case 11: return driver_.compare();
            case 12: return look_up();
            case 13:
            case 14:
            case 15: driver_.flush(); return {};
            case 16: return partial_flush();
            case 17:
            case 18:
            case 19: return words(driver_.append_as_follower());
            default: return words(driver_.append());
        }
    }
    std::string crash() {
        driver_.die();
        const auto how = crashes[random_.below(std::size(crashes))];
        if (tracing_) fmt::print(stderr, "  crash {}\n", int(how));
        disk_.crash(how, random_);
        if (const auto opened = driver_.open(); !opened) return "reopen: " + opened.error().message;
        return driver_.adopt();
    }
    /// Some of what is queued runs, the rest later.
    std::string partial_flush() {
        for (auto count = random_.below(8); count > 0 && driver_.machine.runtime.step(); --count) {
        }
        return {};
    }
    /// The disk fills up in the middle of something and has room again afterwards.
    std::string full() {
        disk_.set_capacity(disk_.used_bytes() + random_.below(400));
        for (int i = 0; i < 6; ++i) {
            const auto done = random_.one_in(3) ? driver_.append_as_follower() : driver_.append();
            if (!done && done.error().code != Errc::no_space) return "full: " + done.error().message;
        }
        driver_.flush();
        disk_.set_capacity(std::uint64_t{1} << 40);
        if (driver_.machine.directory->state() == DirectoryState::offline) return "full: offline";
        if (auto fault = driver_.compare(); !fault.empty()) return "full: " + fault;
        return words(driver_.append());
    }
    /// By time, from anywhere: all records of this model have the time of their append.
    std::string look_up() {
        const auto& log = *driver_.log;
        const auto found = driver_.log->lookup_timestamp(0, log.log_end_offset())->run();
        if (!found) return "lookup: " + found.error().message;
        const bool any = log.log_start_offset() < log.log_end_offset();
        if (any != found->has_value()) return "lookup: found " + std::to_string(found->has_value());
        if (any && (*found)->offset != log.log_start_offset()) return "lookup: not the first";
        return {};
    }

    os::MemoryDisk disk_;
    Driver driver_;
    base::Random& random_;
    std::uint64_t operation_ = 0, drawn_ = 0;
    const bool tracing_ = std::getenv("KLOG_LOG") != nullptr;  // Says on stderr what it does, down to the disk's steps.
};

}  // namespace

TEST_CASE("random operations and crashes leave what the model says") {
    if (std::getenv("KLOG_LOG") == nullptr) base::set_log_level(base::LogLevel::off);
    const bool one = std::getenv("KLOG_SEED") != nullptr;
    const std::uint64_t first = number_from("KLOG_SEED", 1);
    const std::uint64_t sequences = one ? 1 : amount("KLOG_OPERATIONS", operations_normal) / operations_per_sequence;
    int failures = 0;
    for (std::uint64_t seed = first; seed < first + sequences && failures < 5; ++seed) {
        const auto fault = Sequence(seed).run();
        if (fault.empty()) continue;
        ++failures;
        FAIL_CHECK("KLOG_SEED=" << seed << ": " << fault);
    }
    std::printf("%llu operations\n", static_cast<unsigned long long>(sequences * operations_per_sequence));
}
