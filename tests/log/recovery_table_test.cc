// SPDX-License-Identifier: Apache-2.0
// The decision table of recovery: one test for each row, which makes the situation on a disk, and one that no row is
// forgotten.
#include <functional>
#include <set>

#include <doctest/doctest.h>

#include "core/base/log.h"
#include "core/log/recovery.h"
#include "tests/log/fixture.h"

using namespace klog;
using namespace klog::log;
using namespace klog::log::test;

namespace {

std::set<std::string_view>& tested() {
    static std::set<std::string_view> rows;
    return rows;
}

/// A log of ten-record segments with one record in each batch, on a disk that is then treated badly.
struct Story {
    Story() : machine(disk) {
        base::set_log_level(base::LogLevel::error);
        machine.config->segment_bytes = 10 * batch_bytes;
        machine.config->index_interval_bytes = 2 * batch_bytes;
        open();
    }
    ~Story() {
        log.reset();
        machine.stop();
        base::set_log_level(base::LogLevel::info);
    }
    void open() {
        REQUIRE(machine.start());
        auto opened = machine.open(demo);
        REQUIRE_MESSAGE(opened, opened.error().message);
        log = std::move(*opened);
    }
    Story& append(int count) {
        for (; count > 0; --count) REQUIRE(test::append(*log, {{fmt::format("{:05}", log->log_end_offset())}}));
        machine.runtime.settle();
        return *this;
    }
    Story& checkpoint() {
        REQUIRE(test::checkpoint(machine, *log));
        return *this;
    }
    Story& crash() {
        log.reset();
        machine.stop();
        return *this;
    }
    Story& stop_clean() {
        REQUIRE(lent(*log, [&] { return log->close(); }));
        log.reset();
        REQUIRE(machine.directory->close());
        machine.stop();
        return *this;
    }
    std::shared_ptr<os::File> file(int base) {
        return *disk.open("/data/demo_0/" + segment_file_name({base}, FileKind::log), os::Open::read_write);
    }
    void remove(int base, FileKind kind) { REQUIRE(disk.remove("/data/demo_0/" + segment_file_name({base}, kind))); }
    std::size_t readable(Offset from = {0}) {
        const auto values = read_values(*log, from);
        REQUIRE_MESSAGE(values, values.error().message);
        return values->size();
    }

    static constexpr std::int32_t batch_bytes = 61 + 7 + 5;
    /// Where the n-th batch of a segment starts.
    static constexpr std::uint64_t batch(std::uint64_t n) { return n * batch_bytes; }
    os::MemoryDisk disk;
    Machine machine;
    std::unique_ptr<PartitionLog> log;
};

/// Reads as the owner of a log does: damage at the very offset is an error.
Result<ReadResult> serve(PartitionLog& log, ReadRequest request) {
    auto got = read(log, request);
    if (got && got->damage && got->slices.empty()) return std::unexpected(*got->damage);
    return got;
}

void row(std::string_view name) { tested().insert(name); }

}  // namespace

TEST_CASE("a segment below the log start is removed") {
    row("a segment below the log start is removed");
    Story story;
    story.append(35);
    REQUIRE(story.log->delete_records_before({25}));
    REQUIRE(story.machine.directory->write_log_starts());
    story.crash().open();
    CHECK(story.log->log_start_offset() == Offset{25});
    CHECK(story.log->segments().front().base_offset == Offset{20});
    CHECK(story.readable({25}) == 10);
}

TEST_CASE("after a clean stop nothing is read") {
    row("after a clean stop nothing is read");
    Story story;
    story.append(35).stop_clean();
    story.disk.set_residency(os::Residency::never);
    REQUIRE(story.machine.start());
    story.disk.plan({os::Call::read, 1, Errc::io, true, ".log"});
    auto opened = story.machine.open(demo);
    REQUIRE(opened);
    story.log = std::move(*opened);
    CHECK(story.log->log_end_offset() == Offset{35});
    CHECK(story.log->flushed_offset() == Offset{35});
    story.disk.clear_faults();
    CHECK(story.readable() == 35);
}

TEST_CASE("a segment below the recovery point is trusted") {
    row("a segment below the recovery point is trusted");
    Story story;
    story.append(35).checkpoint().crash();
    story.disk.damage("/data/demo_0/00000000000000000000.log", Story::batch(3) + 70);
    REQUIRE(story.machine.start());
    story.disk.plan({os::Call::read, 1, Errc::io, true, "00000000000000000000.log"});
    auto opened = story.machine.open(demo);
    REQUIRE(opened);
    story.log = std::move(*opened);
    CHECK_FALSE(story.log->damage());
    CHECK(story.log->log_end_offset() == Offset{35});
    story.disk.clear_faults();
    // Damage there is met when it is read: what is before it is answered, then the fault is raised.
    const auto got = read(*story.log, {{0}, 1 << 20, {35}, true});
    REQUIRE(got);
    CHECK(got->next == Offset{3});
    REQUIRE(got->damage);
    CHECK(got->damage->code == Errc::corrupt);
}

TEST_CASE("the segment of the recovery point is scanned from there") {
    row("the segment of the recovery point is scanned from there");
    Story story;
    story.append(36).checkpoint().append(2).crash();
    // Not scanned: the front of the same segment.
    story.disk.damage("/data/demo_0/00000000000000000030.log", Story::batch_bytes / 2);
    story.open();
    CHECK_FALSE(story.log->damage());
    CHECK(story.log->log_end_offset() == Offset{38});
}

TEST_CASE("a segment behind the recovery point is scanned whole") {
    row("a segment behind the recovery point is scanned whole");
    Story story;
    story.append(15).checkpoint().append(20).crash();
    for (const int base : {20, 30})
        for (const auto kind : {FileKind::offset_index, FileKind::time_index}) {
            (void)story.disk.remove("/data/demo_0/" + segment_file_name({base}, kind));
        }
    story.open();
    CHECK(story.log->log_end_offset() == Offset{35});
    CHECK(story.readable() == 35);
    CHECK(story.log->flushed_offset() == Offset{35});
}

TEST_CASE("a walk without a fault goes on") {
    row("a walk without a fault goes on");
    Story story;
    story.append(35).crash().open();
    CHECK(story.log->log_end_offset() == Offset{35});
    CHECK(story.log->segments().size() == 4);
}

TEST_CASE("a gap below the recovery point was left by compaction") {
    row("a gap below the recovery point was left by compaction");
    Story story;
    story.append(35).checkpoint().crash();
    story.remove(10, FileKind::log);
    story.machine.config->cleanup_compact = true;
    story.open();
    CHECK_FALSE(story.log->damage());
    CHECK(story.log->log_end_offset() == Offset{35});
    CHECK(story.readable() == 25);
    CHECK_FALSE(story.log->damage());
    CHECK(decide(FaultFacts{Fault::gap, {10}, {20}, {30}, true}).action == FaultAction::go_on);
    CHECK(decide(FaultFacts{Fault::gap, {10}, {20}, {20}, true}).action == FaultAction::go_on);
    CHECK(decide(FaultFacts{Fault::gap, {10}, {20}, {20}, false}).action == FaultAction::damaged);
}

TEST_CASE("a torn tail behind the recovery point is cut, wherever it is torn") {
    row("a torn tail behind the recovery point is cut");
    for (std::uint64_t kept = 1; kept < Story::batch_bytes; ++kept) {
        Story story;
        story.append(14).checkpoint().append(3).crash();
        REQUIRE(story.file(10)->truncate(Story::batch(6) + kept));
        story.open();
        CHECK(story.log->log_end_offset() == Offset{16});
        CHECK(story.readable() == 16);
        CHECK(test::append(*story.log, {{"again"}}, {1})->base_offset == Offset{16});
    }
}

TEST_CASE("garbage behind the recovery point is cut, whichever bit it is") {
    row("garbage behind the recovery point is cut");
    // Byte by byte through the last batch; the leader epoch (12 to 15) is under no check.
    for (std::uint64_t at = 0; at < Story::batch_bytes; ++at) {
        if (at >= 12 && at < 16) continue;
        Story story;
        story.append(14).checkpoint().append(3).crash();
        story.disk.damage("/data/demo_0/00000000000000000010.log", Story::batch(6) + at, 0x41);
        story.open();
        CHECK_MESSAGE(story.log->log_end_offset() == Offset{16}, at);
        CHECK_FALSE(story.log->damage());
    }
}

TEST_CASE("offsets that go backwards behind the recovery point are cut") {
    row("offsets that go backwards behind the recovery point are cut");
    Story story;
    story.append(14).checkpoint().append(2).crash();
    const std::string old = make_batch({{"00003"}}, {3}, {0});
    REQUIRE(story.file(10)->write_at(Story::batch(6), old));
    story.open();
    CHECK(story.log->log_end_offset() == Offset{16});
    CHECK_FALSE(story.log->damage());
}

TEST_CASE("a gap behind the recovery point ends the log") {
    row("a gap behind the recovery point ends the log");
    Story story;
    story.append(5).checkpoint().append(30).crash();
    story.remove(10, FileKind::log);
    story.open();
    CHECK(story.log->log_end_offset() == Offset{10});
    CHECK(story.log->segments().size() == 1);
    CHECK(story.readable() == 10);
}

TEST_CASE("any other fault below the recovery point is damage") {
    row("any other fault below the recovery point is damage");
    Story story;
    story.append(36).checkpoint();
    int from = 0, to = 36;  // The offsets that are gone.
    bool indexed = true;
    SUBCASE("a bad batch") {
        story.append(3).crash();
        story.disk.damage("/data/demo_0/00000000000000000030.log", Story::batch(5) + 70);
        from = 35;
    }
    SUBCASE("a bad length") {
        story.append(3).crash();
        story.disk.damage("/data/demo_0/00000000000000000030.log", Story::batch(2) + 10);
        // All of it is walked; the offset index, by which the walk goes on, was written when R was noted.
        story.remove(30, FileKind::time_index);
        from = 32, to = 33;
    }
    SUBCASE("the last batch") {
        story.crash();
        story.disk.damage("/data/demo_0/00000000000000000030.log", Story::batch(5) + 70);
        from = 35;
    }
    SUBCASE("a log that is too short") {
        story.crash();
        REQUIRE(story.file(30)->truncate(Story::batch(4)));
        from = 34;
    }
    SUBCASE("a segment of nothing") {
        story.crash();
        REQUIRE(story.file(30)->truncate(0));
        from = 30;
    }
    SUBCASE("segments that are gone") {
        story.crash();
        for (const int base : {0, 10, 20, 30}) story.remove(base, FileKind::log);
        indexed = false;
    }
    story.open();
    REQUIRE(story.log->damage());
    CHECK(story.log->damage()->offset.value == from);
    CHECK(story.log->damage()->end.value == to);
    const Offset end = story.log->log_end_offset();
    CHECK(end >= Offset{36});
    // Each offset is there, or it is an error to read it; and the log goes on.
    for (int life = 0; life < (indexed ? 3 : 1); ++life) {
        CHECK(test::append(*story.log, {{"x"}}, {1})->base_offset == end + life);
        story.machine.runtime.settle();
        for (Offset at{0}; at < story.log->log_end_offset(); at = at + 1) {
            const auto got = serve(*story.log, {at, 1, story.log->log_end_offset(), true});
            CHECK_MESSAGE(got.has_value() == (at.value < from || at.value >= to), at);
            if (got) CHECK_MESSAGE((!got->slices.empty() && got->next == at + 1), at);
        }
        if (life == 0) story.crash().open();
        if (life == 1) story.stop_clean().open();
    }
}

TEST_CASE("a log that ends below its start begins anew there") {
    Story story;
    story.append(12);
    REQUIRE(story.log->delete_records_before({12}));
    REQUIRE(story.machine.directory->write_log_starts());
    story.crash();
    REQUIRE(story.file(10)->truncate(Story::batch(1)));
    story.open();
    CHECK_FALSE(story.log->damage());
    CHECK(story.log->log_start_offset() == Offset{12});
    CHECK(story.log->log_end_offset() == Offset{12});
    story.append(3).crash().open();
    CHECK(story.log->log_end_offset() == Offset{15});
    CHECK(story.readable({12}) == 3);
}

TEST_CASE("a log without segments begins at its start if nothing behind that was durable") {
    Story story;
    story.append(12);
    REQUIRE(story.log->delete_records_before({12}));
    REQUIRE(story.machine.directory->write_log_starts());
    story.crash();
    for (const int base : {0, 10}) story.remove(base, FileKind::log);
    story.open();
    CHECK_FALSE(story.log->damage());
    CHECK(story.log->log_start_offset() == Offset{12});
    CHECK(story.log->log_end_offset() == Offset{12});
    story.append(3).crash().open();
    CHECK(story.readable({12}) == 3);
}

TEST_CASE("what a killed process left in the page cache is durable before anybody reads it") {
    Story story;
    story.append(14).checkpoint();
    // Appended, and no flush round has seen it.
    for (int i = 0; i < 8; ++i) REQUIRE(test::append(*story.log, {{"12345"}}));
    story.crash();
    base::Random random(1);
    story.disk.crash(os::Crash::process, random);
    story.open();
    CHECK(story.log->flushed_offset() == Offset{22});
    CHECK(story.readable() == 22);
    story.crash();
    story.disk.crash(os::Crash::drop_unsynced, random);
    story.open();
    CHECK(story.log->log_end_offset() == Offset{22});
}

TEST_CASE("a snapshot beyond the end of what was found goes, durably") {
    Story story;
    story.append(14).checkpoint().append(3);
    REQUIRE((*story.disk.open("/data/demo_0/" + segment_file_name({16}, FileKind::producer_snapshot), os::Open::create))
                ->sync());
    REQUIRE(story.disk.sync_directory("/data/demo_0"));
    story.crash();
    REQUIRE(story.file(10)->truncate(Story::batch(5)));
    story.open();
    CHECK(story.log->log_end_offset() == Offset{15});
    story.crash();
    base::Random random(1);
    story.disk.crash(os::Crash::drop_unsynced, random);
    for (const auto& entry : *story.disk.list("/data/demo_0"))
        CHECK(entry.name != segment_file_name({16}, FileKind::producer_snapshot));
}

TEST_CASE("every row of the decision table has its test") {
    for (const auto& each : segment_table()) CHECK_MESSAGE(tested().contains(each.name), std::string(each.name));
    for (const auto& each : fault_table()) CHECK_MESSAGE(tested().contains(each.name), std::string(each.name));
}

TEST_CASE("leftovers are swept, and what is not ours is left alone") {
    Story story;
    story.append(15).crash();
    const auto make = [&](const std::string& name) {
        REQUIRE((*story.disk.open("/data/demo_0/" + name, os::Open::create))->write_at(0, "x"));
    };
    for (const char* name : {"00000000000000000005.log.deleted", "00000000000000000005.log.cleaned",
                             "00000000000000000007.index", "leader-epoch-checkpoint.tmp", "notes.txt"})
        make(name);
    story.open();
    std::set<std::string> names;
    for (const auto& entry : *story.disk.list("/data/demo_0")) names.insert(entry.name);
    CHECK(names.contains("notes.txt"));
    CHECK_FALSE(names.contains("00000000000000000005.log.deleted"));
    CHECK_FALSE(names.contains("00000000000000000005.log.cleaned"));
    CHECK_FALSE(names.contains("00000000000000000007.index"));
    CHECK_FALSE(names.contains("leader-epoch-checkpoint.tmp"));
    CHECK(story.readable() == 15);
}

TEST_CASE("a lost epoch file is made again from the batches") {
    Story story;
    for (int epoch = 0; epoch < 3; ++epoch)
        for (int i = 0; i < 8; ++i) REQUIRE(test::append(*story.log, {{"12345"}}, {epoch}));
    story.machine.runtime.settle();
    SUBCASE("after a clean stop") { story.stop_clean(); }
    SUBCASE("after a crash") { story.checkpoint().crash(); }
    REQUIRE(story.disk.remove("/data/demo_0/leader-epoch-checkpoint"));
    story.open();
    CHECK(story.log->epochs() == std::vector<EpochEntry>{{{0}, {0}}, {{1}, {8}}, {{2}, {16}}});
}

TEST_CASE("a partition that is made anew under an old name does not inherit its checkpoints") {
    Story story;
    story.append(35).checkpoint();
    REQUIRE(story.log->delete_records_before({12}));
    REQUIRE(story.machine.directory->write_log_starts());
    SUBCASE("removed while it was open") {
        story.log->lend();
        REQUIRE(story.log->remove());
        story.log.reset();
        story.machine.runtime.settle();
    }
    SUBCASE("removed while it was not open") {
        story.crash();
        REQUIRE(story.machine.start());
        REQUIRE(story.machine.directory->scan()->size() == 1);
        REQUIRE(story.machine.directory->remove_partition(demo));
    }
    SUBCASE("found missing at a start") {
        story.crash();
        REQUIRE(os::remove_tree(story.disk, "/data/demo_0"));
        REQUIRE(story.machine.start());
        REQUIRE(story.machine.directory->scan()->empty());
    }
    auto log = story.machine.open(demo);
    REQUIRE(log);
    CHECK((*log)->log_end_offset() == Offset{0});
    story.log = std::move(*log);
    story.append(3).crash().open();
    CHECK_FALSE(story.log->damage());
    CHECK(story.log->log_start_offset() == Offset{0});
    CHECK(story.log->log_end_offset() == Offset{3});
}
