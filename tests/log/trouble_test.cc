// SPDX-License-Identifier: Apache-2.0
// A log in trouble: a full disk, damage, a failed directory, and what goes on all the same.
#include <algorithm>

#include "core/base/log.h"
#include "tests/log/one_log.h"

using namespace klog;
using namespace klog::log;
using namespace klog::log::test;

namespace {

struct Troubled : SmallSegments {
    /// Whether the record at an offset is served, as its owner would.
    bool serves(std::int64_t at) {
        const auto got = read(*log, {{at}, 1, log->log_end_offset(), true});
        if (!got || got->slices.empty()) return false;
        CHECK(got->next.value == at + 1);
        return true;
    }
    /// Reads all of it, offset by offset; those that cannot be read.
    std::vector<std::int64_t> read_all() {
        std::vector<std::int64_t> lost;
        for (auto at = log->log_start_offset().value; at < log->log_end_offset().value; ++at)
            if (!serves(at)) lost.push_back(at);
        return lost;
    }
};

/// Log lines, kept instead of written.
struct LogLines {
    LogLines() {
        base::set_log_sink([this](base::LogLevel, std::string_view line) { all.emplace_back(line); });
    }
    ~LogLines() { base::set_log_sink({}); }
    std::vector<std::string> all;
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
            CHECK(one.log->damage()->end.value == 6);
            CHECK(one.log->log_end_offset().value == 25);
            CHECK(one.read_all() == std::vector<std::int64_t>{5});
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
    CHECK(one.read_all() == std::vector<std::int64_t>{14});
    REQUIRE(one.log->damage());
    CHECK(append(*one.log, {{"x"}})->base_offset == Offset{35});
    one.machine.runtime.settle();
    SUBCASE("by retention") {
        auto config = std::make_shared<LogConfig>(*one.machine.config);
        config->retention_bytes = std::int64_t{6} * Troubled::batch_bytes;
        one.log->set_config(config);
        REQUIRE(checkpoint(one.machine, *one.log));
        CHECK(one.log->apply_retention(0, {36}) == 2);
    }
    SUBCASE("by DeleteRecords") { REQUIRE(one.log->delete_records_before({15})); }
    CHECK_FALSE(one.log->damage());
    CHECK(one.read_all().empty());
}

TEST_CASE("whatever byte of a batch rots, only that batch cannot be read") {
    const LogLines quiet;
    for (const int rotten : {10, 11, 14, 18, 19}) {
        for (int byte = 0; byte < Troubled::batch_bytes; ++byte) {
            if (byte >= 12 && byte < 16) continue;  // The leader epoch: under no check.
            Troubled one;
            one.open();
            one.fill(25);
            one.close_clean();
            one.damage_batch(10, rotten - 10, byte, 0x41);
            one.open();
            INFO("batch ", rotten, ", byte ", byte);
            // A length that is wrong hides what comes before the next entry of the index.
            const auto lost = one.read_all();
            REQUIRE_FALSE(lost.empty());
            CHECK(lost.front() == rotten);
            CHECK(lost.back() <= rotten + ((byte >= 8 && byte < 12) || byte == 16 ? 2 : 0));
            // A read that begins right there meets the same.
            one.close_clean();
            one.open();
            for (const auto from : lost) CHECK_FALSE(one.serves(from));
            CHECK(one.serves(lost.back() + 1));
        }
    }
}

TEST_CASE("damage is said once, with its file, its place and its offsets") {
    Troubled one;
    one.open();
    one.fill(25);
    one.close_clean();
    one.damage_batch(10, 4, 70);
    one.open();
    LogLines lines;
    for (int again = 0; again < 3; ++again) {
        CHECK_FALSE(one.serves(14));
        CHECK(one.serves(15));
    }
    REQUIRE(lines.all.size() == 1);
    CHECK(lines.all[0].find("demo-0: damaged: offsets 14 to 14 cannot be read") != std::string::npos);
    CHECK(lines.all[0].find(fmt::format("00000000000000000010.log: at {}:", 4 * Troubled::batch_bytes)) !=
          std::string::npos);
}

TEST_CASE("bytes that rot after they were read are not served from memory when their rot was met") {
    Troubled one;
    one.open();
    one.fill(25);
    one.close_clean();
    one.open();
    CHECK(one.read_all().empty());
    one.damage_batch(10, 4, 70);
    one.disk.set_residency(os::Residency::never);
    CHECK_FALSE(one.serves(14));
    one.disk.set_residency(os::Residency::always);
    CHECK_FALSE(one.serves(14));
    CHECK(one.serves(13));
    CHECK(one.serves(15));
}

TEST_CASE("a segment that is missing in the middle is damage, unless compaction may have taken it") {
    for (const bool compacted : {false, true}) {
        for (const bool crashed : {false, true}) {
            Troubled one;
            one.open();
            one.fill(35);
            REQUIRE(checkpoint(one.machine, *one.log));
            if (crashed)
                one.die();
            else
                one.close_clean();
            REQUIRE(one.disk.remove("/data/demo_0/" + segment_file_name({10}, FileKind::log)));
            const LogLines lines;
            one.machine.config->cleanup_compact = compacted;
            one.open();
            INFO("compacted ", compacted, ", crashed ", crashed);
            std::vector<std::int64_t> lost;
            for (std::int64_t at = 0; at < 35; ++at) {
                const auto got = read(*one.log, {{at}, 1, {35}, true});
                if (!got || got->slices.empty()) lost.push_back(at);
            }
            CHECK(lost.size() == (compacted ? 0 : 10));
            const auto said = [&](const char* words) {
                return std::ranges::count_if(lines.all,
                                             [&](const auto& line) { return line.find(words) != line.npos; });
            };
            CHECK(said("damaged: offsets 10 to 19 cannot be read") == (compacted ? 0 : 1));
            one.machine.config->cleanup_compact = false;
            CHECK(append(*one.log, {{"x"}})->base_offset == Offset{35});
        }
    }
}

TEST_CASE("a whole read of a damaged log gives all that is good, in order") {
    const LogLines quiet;
    Troubled one;
    one.open();
    one.fill(45);
    one.close_clean();
    for (const int batch : {0, 4, 5, 9}) one.damage_batch(10, batch, 70);
    one.damage_batch(40, 4, 70);
    one.open();
    CHECK(one.read_all() == std::vector<std::int64_t>{10, 14, 15, 19, 44});
    std::vector<std::int64_t> passed;
    for (Offset next{0}; next < Offset{45};) {
        const auto got = read(*one.log, {next, 1 << 20, {45}, true});
        if (!got || got->slices.empty()) {
            passed.push_back(next.value);
            next = next + 1;
        } else {
            REQUIRE(got->next > next);
            next = got->next;
        }
    }
    CHECK(passed == std::vector<std::int64_t>{10, 14, 15, 19, 44});
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
    config->retention_bytes = std::int64_t{10} * Troubled::batch_bytes;
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
    CHECK(one.disk.used_bytes() + std::uint64_t{20} * Troubled::batch_bytes < used);
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

TEST_CASE("no write-back error is missed from the moment on that a log directory is open") {
    os::MemoryDisk disk;
    Machine machine(disk, "/data");
    REQUIRE(machine.start());
    CHECK(disk.watches("/data"));
}

TEST_CASE("an offset is found by time behind damage, as if what is damaged were not there") {
    const LogLines quiet;
    for (const int byte : {70, 10}) {  // In the records; in the length, which hides the rest of its segment.
        Troubled one;
        one.open();
        one.fill(35);
        one.close_clean();
        one.damage_batch(10, 4, byte);
        one.open();
        const auto find = [&](std::int64_t at) {
            const auto found = one.log->lookup_timestamp(1'700'000'000'000 + at, {35})->run();
            REQUIRE_MESSAGE(found, found.error().message);
            REQUIRE(*found);
            return (*found)->offset.value;
        };
        CHECK(find(13) == 13);
        CHECK(find(14) >= 15);
        CHECK(find(22) == 22);
        CHECK(one.log->lookup_max_timestamp({35})->run()->value().offset.value == 34);
    }
}
