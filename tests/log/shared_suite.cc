// SPDX-License-Identifier: Apache-2.0
// Two partitions of one directory, whose checkpoint files, flush rounds and disk they share, while one of them is
// removed and made again and the disk fills up. Crashed before every step that the disk takes: what was acknowledged is
// there, what was removed is not, and nobody finds the other's records or those of an earlier life of its name.
#include <cstdio>
#include <cstdlib>

#include <doctest/doctest.h>

#include "core/base/log.h"
#include "tests/log/amount.h"
#include "tests/log/fixture.h"

using namespace klog;
using namespace klog::log;
using namespace klog::log::test;

namespace {

constexpr int operations = 120;
constexpr std::uint64_t states_min = 2000;
constexpr std::uint64_t little_room_bytes = 400;

/// What one partition may hold.
struct Expected {
    PartitionName name;
    int incarnation = 0;
    std::vector<std::string> written;  // By offset.
    std::size_t acked = 0;
    std::size_t start = 0;
    /// While it is being removed: also nothing, or the whole of it.
    bool being_removed = false;

    std::string judge(const std::vector<std::pair<Offset, std::string>>& found) const {
        if (being_removed && found.empty()) return {};
        for (const auto& [offset, value] : found) {
            const auto at = static_cast<std::size_t>(offset.value);
            if (at >= written.size()) return fmt::format("'{}' at {} was never written", value, offset);
            if (written[at] != value) return fmt::format("'{}' at {} instead of '{}'", value, offset, written[at]);
        }
        const std::size_t end = found.empty() ? 0 : static_cast<std::size_t>(found.back().first.value) + 1;
        if (end < acked && acked > start) return fmt::format("ends at {}, acknowledged up to {}", end, acked);
        return {};
    }
};

class SharedSuite {
public:
    explicit SharedSuite(std::uint64_t seed) : random_(seed), crashes_(seed + 1), machine_(disk_) {
        machine_.config->segment_bytes = 400;
        machine_.config->index_interval_bytes = 100;
        machine_.config->file_delete_delay_ms = 0;
        expected_[0].name = {"a", {0}};
        expected_[1].name = {"b", {0}};
        disk_.before_step([this](const os::Step& step) {
            if (watching_) crash(step);
        });
    }

    void run() {
        REQUIRE(machine_.start());
        for (const std::size_t which : {0U, 1U}) open(which);
        watching_ = true;
        for (operation_ = 0; operation_ < operations && failures_ == 0; ++operation_) operate();
        disk_.before_step({});
        for (auto& log : logs_) log.reset();
        machine_.stop();
    }
    std::uint64_t states() const { return states_; }
    int failures() const { return failures_; }
    int refused() const { return refused_; }

private:
    void open(std::size_t which) {
        auto opened = machine_.open(expected_[which].name);
        if (!opened && opened.error().code == Errc::no_space) {
            ++refused_;
            disk_.set_capacity(1 << 30);
            opened = machine_.open(expected_[which].name);
        }
        REQUIRE_MESSAGE(opened, opened.error().message);
        logs_[which] = std::move(*opened);
    }

    void operate() {
        const auto which = static_cast<std::size_t>(random_.below(2));
        auto& expected = expected_[which];
        auto& log = *logs_[which];
        switch (random_.below(16)) {
            case 0: return begin_anew();
            case 1: {
                if (const auto work = log.begin_checkpoint(); work && work->run()) log.end_checkpoint(work);
                (void)machine_.directory->write_recovery_points();
                return;
            }
            case 2:
                expected.start += random_.below(expected.acked - expected.start + 1);
                REQUIRE(log.delete_records_before({static_cast<std::int64_t>(expected.start)}));
                (void)machine_.directory->write_log_starts();
                return;
            case 3: log.apply_retention(0, log.flushed_offset()); return settle();
            case 4: disk_.set_capacity(disk_.used_bytes() + random_.below(little_room_bytes)); return;
            case 5: disk_.set_capacity(1 << 30); return;
            case 6:
            case 7:
            case 8: return settle();
            default: append(expected, log);
        }
    }

    void append(Expected& expected, PartitionLog& log) {
        const std::string value =
            fmt::format("{} {} {}", expected.name.topic, expected.incarnation, expected.written.size());
        expected.written.push_back(value);  // From the first byte on a crash may leave it.
        const auto added = test::append(log, {{value}}, {expected.incarnation});
        if (added) return;
        REQUIRE_MESSAGE(added.error().code == Errc::no_space, added.error().message);
        ++refused_;
        expected.written.pop_back();
    }

    void settle() {
        machine_.runtime.settle();
        for (const std::size_t which : {0U, 1U})
            if (logs_[which]) expected_[which].acked = static_cast<std::size_t>(logs_[which]->flushed_offset().value);
    }

    /// The second partition goes, and one of the same name begins.
    void begin_anew() {
        auto& expected = expected_[1];
        expected.being_removed = true;
        REQUIRE(lent(*logs_[1], [&] { return logs_[1]->remove(); }));
        logs_[1].reset();
        expected.being_removed = false;
        expected.written.clear();
        expected.acked = expected.start = 0;
        ++expected.incarnation;
        if (random_.one_in(2)) settle();
        open(1);
    }

    void crash(const os::Step& step) {
        for (const auto how : {os::Crash::process, os::Crash::drop_unsynced, os::Crash::lose_entries,
                               os::Crash::keep_some, os::Crash::scramble}) {
            auto clone = disk_.clone();
            clone->crash(how, crashes_);
            clone->set_capacity(1 << 30);
            ++states_;
            const auto fault = recover(*clone);
            if (fault.empty()) continue;
            ++failures_;
            FAIL_CHECK("crash " << static_cast<int>(how) << " before step " << step.number << " (" << step.path
                                << ") in operation " << operation_ << ": " << fault);
        }
    }

    std::string recover(os::Disk& disk) {
        Machine machine(disk);
        *machine.config = *machine_.config;
        if (const auto started = machine.start(); !started) return "start: " + started.error().message;
        if (const auto found = machine.directory->scan(); !found) return "scan: " + found.error().message;
        for (const auto& expected : expected_) {
            const auto log = machine.open(expected.name);
            if (!log) return "open: " + log.error().message;
            if (const auto damage = (*log)->damage()) return "damage: " + damage->error.message;
            const auto values = read_values(**log, (*log)->log_start_offset());
            if (!values) return "read: " + values.error().message;
            if (auto fault = expected.judge(*values); !fault.empty()) return expected.name.to_string() + ": " + fault;
            const auto end = (*log)->log_end_offset();
            const auto added = test::append(**log, {{"afterwards"}}, {1'000'000});
            if (!added || added->base_offset != end) return expected.name.to_string() + ": it does not go on";
        }
        return {};
    }

    base::Random random_, crashes_;
    os::MemoryDisk disk_;
    Machine machine_;
    std::array<std::unique_ptr<PartitionLog>, 2> logs_;
    std::array<Expected, 2> expected_;
    bool watching_ = false;
    int operation_ = 0;
    std::uint64_t states_ = 0;
    int failures_ = 0, refused_ = 0;
};

}  // namespace

TEST_CASE("two partitions, one removed and made again, survive a crash at every step, on a disk that fills up") {
    if (std::getenv("KLOG_LOG") == nullptr) base::set_log_level(base::LogLevel::off);
    const std::uint64_t first = number_from("KLOG_SEED", 1);
    const std::uint64_t runs = amount("KLOG_RUNS", 4);
    std::uint64_t states = 0;
    int refused = 0;
    for (std::uint64_t seed = first; seed < first + runs; ++seed) {
        INFO("seed " << seed);
        SharedSuite suite(seed);
        suite.run();
        CHECK(suite.failures() == 0);
        states += suite.states();
        refused += suite.refused();
    }
    std::printf("%llu crash states, %d appends refused\n", static_cast<unsigned long long>(states), refused);
    CHECK(states >= states_min);
    CHECK(refused > 0);
}
