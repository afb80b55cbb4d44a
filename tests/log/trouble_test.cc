// SPDX-License-Identifier: Apache-2.0
// A log in trouble: a full disk, damage, a failed directory, and what goes on all the same.
#include "tests/log/one_log.h"

using namespace klog;
using namespace klog::log;
using namespace klog::log::test;

namespace {

struct Troubled : SmallSegments {
    /// Reads as the owner does, which notes damage.
    void read_all() {
        for (Offset from = log->log_start_offset(); from < log->log_end_offset();) {
            const auto got = read(*log, {from, 64 << 10, log->log_end_offset(), true});
            if (!got) return;
            if (got->damage) return log->set_damage({got->next, *got->damage});
            from = got->next;
        }
    }
};

}  // namespace

TEST_CASE("flush.ms counts also when it has passed while the log was lent") {
    Troubled one;
    one.machine.config->durability = Durability::os;
    one.machine.config->flush_ms = 10;
    one.open();
    one.machine.runtime.settle();
    REQUIRE(append(*one.log, {{"a"}}));
    one.log->lend();
    one.machine.runtime.pass(std::chrono::milliseconds(20));
    one.log->take_back();
    one.machine.runtime.settle();
    CHECK(one.log->flushed_offset() == Offset{1});
}

TEST_CASE("the news of a failed directory waits while a log is lent, and for its listener") {
    Troubled one;
    one.open();
    one.log->lend();
    one.machine.directory->take_offline({Errc::io, "broken"});
    one.machine.runtime.settle();
    CHECK_FALSE(one.machine.reports.failure);
    SUBCASE("") {}
    SUBCASE("which is set later") { one.log->set_listener(nullptr); }
    one.log->take_back();
    one.log->set_listener(&one.machine.reports);
    CHECK(one.machine.reports.failure);
}

TEST_CASE("a batch that repeats one that did not get onto the full disk is not taken for written") {
    Troubled one;
    one.machine.config->segment_bytes = 200;
    one.open();
    one.fill(1);
    const auto numbered = [](std::int32_t sequence) {
        BatchSpec spec{{"12345"}};
        spec.producer = {{7}, {0}, sequence};
        return make_batch(spec);
    };
    // Two fit into a segment: the third, and the fourth that repeats it, are a run of their own.
    const std::vector<std::string> bytes{numbered(0), numbered(1), numbered(2), numbered(2)};
    std::vector<records::ValidBatch> valid;
    for (const auto& each : bytes)
        valid.push_back(*records::validate(each, one.log->config().batch_rules(), 1'700'000'000'000));
    std::vector<LeaderAppend> appends(valid.size());
    for (std::size_t i = 0; i < valid.size(); ++i) appends[i].batch = &valid[i];
    one.disk.plan({os::Call::write, 2, Errc::no_space, false, ".log"});
    REQUIRE(one.log->append_as_leader(appends, {0}));
    REQUIRE(one.log->log_end_offset().value == 3);
    CHECK(appends[1].outcome);
    CHECK_FALSE(appends[2].outcome);
    CHECK_FALSE(appends[3].outcome);
}

TEST_CASE("a rotten base offset below the recovery point is damage, not the end of the log") {
    // To somewhere beyond everything, right before the recovery point, and a little.
    for (const auto& [byte, mask] : {std::pair{0, 0x40}, std::pair{7, 5 ^ 19}, std::pair{7, 0x02}}) {
        for (const bool compacted : {false, true}) {
            INFO("byte ", byte, " ^ ", mask, ", compacted ", compacted);
            Troubled one;
            one.machine.config->segment_bytes = one.machine.config->index_interval_bytes = 1 << 20;
            one.open();
            one.fill(20);
            REQUIRE(checkpoint(one.machine, *one.log));
            one.fill(5);
            one.die();
            one.damage_batch(0, 5, byte, mask);
            const auto size = one.disk.info("/data/demo_0/00000000000000000000.log")->size;
            one.machine.config->cleanup_compact = compacted;
            one.open();
            REQUIRE(one.log->damage());
            CHECK(one.log->damage()->offset.value == 5);
            CHECK(one.log->log_end_offset().value == 20);
            CHECK(one.disk.info("/data/demo_0/00000000000000000000.log")->size == size);
        }
    }
}

TEST_CASE("damage that a read has found is over when retention or a deletion has passed it") {
    Troubled one;
    one.open();
    one.fill(35);
    REQUIRE(checkpoint(one.machine, *one.log));
    one.close_clean();
    one.damage_batch(10, 4, 70);
    one.open();
    one.read_all();
    REQUIRE(one.log->damage());
    REQUIRE_FALSE(append(*one.log, {{"x"}}));
    SUBCASE("by retention") {
        auto config = std::make_shared<LogConfig>(*one.machine.config);
        config->retention_bytes = 6 * Troubled::batch_bytes;
        one.log->set_config(config);
        CHECK(one.log->apply_retention(0, {35}) == 2);
    }
    SUBCASE("by DeleteRecords") { REQUIRE(one.log->delete_records_before({15})); }
    CHECK_FALSE(one.log->damage());
    CHECK(append(*one.log, {{"x"}})->base_offset == Offset{35});
}

TEST_CASE("a log with damage that a read has found can be closed") {
    Troubled one;
    one.open();
    one.fill(35);
    one.close_clean();
    one.damage_batch(10, 4, 70);
    one.open();
    one.read_all();
    REQUIRE(one.log->damage());
    one.close_clean();
    REQUIRE(one.machine.start());
    CHECK(one.machine.directory->started_clean());
}

TEST_CASE("a log that does not close well leaves the others their ends") {
    Troubled one;
    one.open();
    one.fill(5);
    auto other = std::move(*one.machine.open({"other", {0}}));
    for (int i = 0; i < 50; ++i) REQUIRE(append(*other, {{fmt::format("{:05}", i)}}));
    one.machine.runtime.settle();
    REQUIRE(lent(*other, [&] { return other->close(); }));
    other.reset();
    one.log.reset();
    CHECK_FALSE(one.machine.directory->close());
    one.machine.stop();
    REQUIRE(one.machine.start());
    CHECK_FALSE(one.machine.directory->started_clean());
    CHECK(one.machine.directory->last_life({"other", {0}}).recovery_point == Offset{50});
    other = std::move(*one.machine.open({"other", {0}}));
    CHECK(other->log_end_offset() == Offset{50});
    other.reset();
}

TEST_CASE("retention makes room on a disk that is full to the last byte") {
    Troubled one;
    one.open();
    one.fill(55);
    REQUIRE(checkpoint(one.machine, *one.log));
    REQUIRE(one.machine.directory->write_log_starts());
    one.disk.set_capacity(one.disk.used_bytes());
    CHECK_FALSE(append(*one.log, {{"full"}}));
    auto config = std::make_shared<LogConfig>(*one.machine.config);
    config->retention_bytes = 10 * Troubled::batch_bytes;
    config->file_delete_delay_ms = 0;
    one.log->set_config(config);
    const auto used = one.disk.used_bytes();
    SUBCASE("by the indexes of what goes") {
        CHECK(one.log->apply_retention(0, {55}) > 2);
        one.machine.runtime.settle();
    }
    SUBCASE("as soon as there is a little of it, when those have given none") {
        for (const auto& segment : one.log->segments())
            for (const auto kind : {FileKind::offset_index, FileKind::time_index})
                (void)one.disk.remove("/data/demo_0/" + segment_file_name(segment.base_offset, kind));
        one.disk.set_capacity(one.disk.used_bytes());
        CHECK(one.log->apply_retention(0, {55}) > 2);
        one.machine.runtime.settle();
        REQUIRE(one.machine.directory->state() == DirectoryState::full);
        one.disk.set_capacity(one.disk.used_bytes() + 100);
        one.machine.runtime.pass(std::chrono::seconds(2));
    }
    CHECK(one.disk.used_bytes() + 20 * Troubled::batch_bytes < used);
    CHECK_FALSE(one.disk.info("/data/demo_0/00000000000000000000.log"));
    one.die();
    one.open();
    CHECK(one.log->log_end_offset() == Offset{55});
    CHECK(one.log->log_start_offset() == Offset{40});
}

TEST_CASE("a log directory whose parents a killed process had just made does not vanish") {
    os::MemoryDisk disk;
    REQUIRE(disk.make_directory("/mnt/b/klog/data"));
    {
        Machine machine(disk, "/mnt/b/klog/data");
        REQUIRE(machine.start());
    }
    base::Random random(1);
    disk.crash(os::Crash::lose_entries, random);
    CHECK(disk.info("/mnt/b/klog/data"));
}
