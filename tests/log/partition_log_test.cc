// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "core/log/flush_rounds.h"
#include "tests/log/one_log.h"

using namespace klog;
using namespace klog::log;
using namespace klog::log::test;

namespace {

std::vector<std::string> values_of(PartitionLog& log, Offset from = {0}) {
    const auto read = read_values(log, from);
    REQUIRE_MESSAGE(read, read.error().message);
    std::vector<std::string> values;
    for (const auto& [offset, value] : *read) values.push_back(value);
    return values;
}

}  // namespace

TEST_CASE("what was appended is read back, in order, with dense offsets") {
    OneLog one;
    one.open();
    CHECK(append(*one.log, {{"a", "b"}})->base_offset == Offset{0});
    CHECK(append(*one.log, {{"c"}})->base_offset == Offset{2});
    CHECK(one.log->log_end_offset() == Offset{3});
    CHECK(values_of(*one.log) == std::vector<std::string>{"a", "b", "c"});
    CHECK(values_of(*one.log, {1}) == std::vector<std::string>{"b", "c"});
}

TEST_CASE("an append is durable once a flush round has ended") {
    OneLog one;
    one.open();
    REQUIRE(append(*one.log, {{"a", "b"}}));
    CHECK(one.log->durable_end_offset() == Offset{0});
    one.machine.runtime.settle();
    CHECK(one.log->durable_end_offset() == Offset{2});
    CHECK(one.machine.reports.flushed_to == Offset{2});
}

TEST_CASE("many partitions with one record each cost one flush round") {
    os::MemoryDisk disk;
    Machine machine(disk);
    REQUIRE(machine.start());
    std::vector<std::unique_ptr<PartitionLog>> logs;
    for (int i = 0; i < 1000; ++i) logs.push_back(std::move(*machine.open({"many", {i}})));
    machine.runtime.settle();
    const auto before = machine.directory->flushes().stats();
    for (auto& log : logs) REQUIRE(append(*log, {{"x"}}));
    machine.runtime.settle();
    const auto after = machine.directory->flushes().stats();
    CHECK(after.rounds - before.rounds == 1);
    CHECK(after.filesystem_syncs - before.filesystem_syncs == 1);
    for (auto& log : logs) CHECK(log->flushed_offset() == Offset{1});
    logs.clear();
}

TEST_CASE("after a clean stop a log opens without reading its segments") {
    OneLog one;
    one.open();
    for (int i = 0; i < 50; ++i) REQUIRE(append(*one.log, {{"value " + std::to_string(i)}}));
    one.machine.runtime.settle();
    one.close_clean();
    REQUIRE(one.machine.start());
    const auto reads = one.disk.calls(os::Call::read);
    auto log = one.machine.open(demo);
    REQUIRE(log);
    CHECK(one.disk.calls(os::Call::read) - reads <= 2);  // partition.metadata and leader-epoch-checkpoint
    CHECK((*log)->log_end_offset() == Offset{50});
    CHECK((*log)->flushed_offset() == Offset{50});
    one.log = std::move(*log);
    CHECK(values_of(*one.log).size() == 50);
    CHECK(append(*one.log, {{"more"}})->base_offset == Offset{50});
    CHECK(values_of(*one.log).back() == "more");
}

TEST_CASE("after a crash what was flushed is there") {
    OneLog one;
    one.open();
    REQUIRE(append(*one.log, {{"a"}}));
    one.machine.runtime.settle();
    REQUIRE(append(*one.log, {{"lost"}}));
    one.die();
    base::Random random(1);
    one.disk.crash(os::Crash::drop_unsynced, random);
    one.open();
    CHECK(one.log->log_end_offset() == Offset{1});
    CHECK(values_of(*one.log) == std::vector<std::string>{"a"});
    CHECK(append(*one.log, {{"b"}}, {1})->base_offset == Offset{1});
    CHECK(values_of(*one.log) == std::vector<std::string>{"a", "b"});
}

TEST_CASE("a segment rolls by size and reads go on in the next") {
    OneLog one;
    one.machine.config->segment_bytes = 1000;
    one.machine.config->index_interval_bytes = 100;
    one.open();
    std::vector<std::string> expected;
    for (int i = 0; i < 100; ++i) {
        expected.push_back("value number " + std::to_string(i));
        REQUIRE(append(*one.log, {{expected.back()}}));
    }
    CHECK(one.log->segments().size() > 5);
    CHECK(values_of(*one.log) == expected);
    one.machine.runtime.settle();
    SUBCASE("after a clean stop") { one.close_clean(); }
    SUBCASE("after a crash") { one.die(); }
    one.open();
    CHECK(values_of(*one.log) == expected);
    for (int i = 0; i < 100; ++i) {
        const auto from = values_of(*one.log, {i});
        CHECK(from.size() == static_cast<std::size_t>(100 - i));
        CHECK(from.front() == expected[static_cast<std::size_t>(i)]);
    }
}

TEST_CASE("a duplicate gets its original offset and a gap is refused") {
    OneLog one;
    one.open();
    const auto batch = [](std::int32_t sequence) {
        BatchSpec spec{{"x", "y"}};
        spec.producer = {{7}, {0}, sequence};
        return spec;
    };
    CHECK(append(*one.log, batch(0))->base_offset == Offset{0});
    CHECK(append(*one.log, batch(2))->base_offset == Offset{2});
    const auto again = append(*one.log, batch(0));
    REQUIRE(again);
    CHECK(again->duplicate);
    CHECK(again->base_offset == Offset{0});
    CHECK(again->last_offset == Offset{1});
    CHECK(append(*one.log, batch(6)).error().code == Errc::out_of_order_sequence);
    CHECK(one.log->log_end_offset() == Offset{4});
    SUBCASE("after a clean stop") {
        one.machine.runtime.settle();
        one.close_clean();
        one.open();
    }
    SUBCASE("after a crash") {
        one.machine.runtime.settle();
        one.die();
        one.open();
    }
    CHECK(append(*one.log, batch(2))->base_offset == Offset{2});
    CHECK(append(*one.log, batch(2))->duplicate);
    CHECK(append(*one.log, batch(4))->base_offset == Offset{4});
}

TEST_CASE("the last five batches of a producer are known again after a restart") {
    OneLog one;
    one.open();
    const auto batch = [](std::int32_t sequence, std::int64_t producer = 7) {
        BatchSpec spec{{"x", "y"}};
        spec.producer = {{producer}, {0}, sequence};
        return spec;
    };
    for (std::int32_t sequence = 0; sequence < 16; sequence += 2) REQUIRE(append(*one.log, batch(sequence)));
    one.machine.runtime.settle();
    SUBCASE("from the segment that goes on") { one.close_clean(); }
    SUBCASE("from the segment that was closed") {
        REQUIRE(one.log->roll());
        one.machine.runtime.settle();
        one.close_clean();
    }
    SUBCASE("from several segments") {
        for (std::int32_t sequence = 0; sequence < 16; sequence += 2) {
            REQUIRE(append(*one.log, batch(sequence, 8)));
            REQUIRE(one.log->roll());
            one.machine.runtime.settle();
        }
        one.close_clean();
    }
    SUBCASE("after a checkpoint and a crash") {
        REQUIRE(checkpoint(one.machine, *one.log));
        one.die();
    }
    SUBCASE("after a crash without a checkpoint") { one.die(); }
    SUBCASE("after a cut") {
        REQUIRE(checkpoint(one.machine, *one.log));
        REQUIRE(append(*one.log, {{"cut"}}));
        REQUIRE(lent(*one.log, [&] { return one.log->truncate_to({16}); }));
        one.die();
    }
    one.open();
    const bool two = one.log->log_end_offset() == Offset{32};
    for (std::int32_t sequence = 6; sequence < 16; sequence += 2) {
        const auto again = append(*one.log, batch(sequence));
        REQUIRE_MESSAGE(again, again.error().message);
        CHECK(again->duplicate);
        CHECK(again->base_offset == Offset{sequence});
        if (!two) continue;
        const auto other = append(*one.log, batch(sequence, 8));
        REQUIRE_MESSAGE(other, other.error().message);
        CHECK(other->duplicate);
        CHECK(other->base_offset == Offset{16 + sequence});
    }
    CHECK(append(*one.log, batch(4)).error().code == Errc::out_of_order_sequence);
    CHECK(append(*one.log, batch(16))->base_offset == Offset{two ? 32 : 16});
}

TEST_CASE("after a restart a batch of an older epoch of its producer is not taken for one of the new epoch") {
    OneLog one;
    one.open();
    const auto batch = [](std::int16_t epoch, std::int32_t sequence) {
        BatchSpec spec{{"x"}};
        spec.producer = {{7}, {epoch}, sequence};
        return spec;
    };
    for (std::int32_t sequence = 0; sequence < 3; ++sequence) REQUIRE(append(*one.log, batch(0, sequence)));
    for (std::int32_t sequence = 0; sequence < 2; ++sequence) REQUIRE(append(*one.log, batch(1, sequence)));
    one.close_clean();
    one.open();
    CHECK(append(*one.log, batch(1, 0))->base_offset == Offset{3});
    CHECK(append(*one.log, batch(1, 1))->base_offset == Offset{4});
    CHECK(append(*one.log, batch(0, 2)).error().code == Errc::invalid_producer_epoch);
    CHECK(append(*one.log, batch(1, 2))->base_offset == Offset{5});
}

TEST_CASE("a follower takes whole batches and leaves a torn one") {
    OneLog one;
    one.open();
    std::string bytes = make_batch({{"a", "b"}}, {0}, {3}) + make_batch({{"c"}}, {2}, {4});
    const std::string torn = make_batch({{"d"}}, {3}, {4});
    bytes += torn.substr(0, 30);
    const auto taken = one.log->append_as_follower(bytes);
    REQUIRE_MESSAGE(taken, taken.error().message);
    CHECK(taken->last_offset == Offset{2});
    CHECK(one.log->log_end_offset() == Offset{3});
    CHECK(one.log->epochs() == std::vector<EpochEntry>{{{3}, {0}}, {{4}, {2}}});
    CHECK(one.log->append_as_follower(make_batch({{"x"}}, {1}, {4})).error().code == Errc::offset_out_of_range);
    CHECK(values_of(*one.log) == std::vector<std::string>{"a", "b", "c"});
}

TEST_CASE("truncation cuts whole batches, epochs and producers, and survives a crash") {
    OneLog one;
    one.machine.config->segment_bytes = 300;
    one.open();
    for (int i = 0; i < 20; ++i)
        REQUIRE(append(*one.log, {{"v" + std::to_string(2 * i), "v" + std::to_string(2 * i + 1)}}, {i / 5}));
    one.machine.runtime.settle();
    REQUIRE(checkpoint(one.machine, *one.log));
    CHECK(one.log->recovery_point() == Offset{40});
    const auto end = lent(*one.log, [&] { return one.log->truncate_to({13}); });
    REQUIRE(end);
    CHECK(*end == Offset{12});
    CHECK(one.log->log_end_offset() == Offset{12});
    CHECK(one.log->latest_epoch() == EpochEntry{{1}, {10}});
    SUBCASE("") {}
    SUBCASE("crash") {
        one.die();
        base::Random random(1);
        one.disk.crash(os::Crash::drop_unsynced, random);
        one.open();
    }
    CHECK(one.log->log_end_offset() == Offset{12});
    CHECK(values_of(*one.log).size() == 12);
    CHECK(append(*one.log, {{"after"}}, {9})->base_offset == Offset{12});
}

TEST_CASE("retention by size, by time and by log start removes whole old segments") {
    OneLog one;
    one.machine.config->segment_bytes = 300;
    one.open();
    for (int i = 0; i < 40; ++i) REQUIRE(append(*one.log, {{"value " + std::to_string(i)}, 1'700'000'000'000 + i}));
    one.machine.runtime.settle();
    const auto segments = one.log->segments();
    SUBCASE("by size") {
        auto config = std::make_shared<LogConfig>(*one.machine.config);
        config->retention_bytes = 700;
        one.log->set_config(config);
        CHECK(one.log->apply_retention(1'700'000'000'000, {40}) > 0);
        CHECK(one.log->size_bytes() >= 700);
        CHECK(one.log->size_bytes() < 1000);
    }
    SUBCASE("by time") {
        CHECK(one.log->apply_retention(1'700'000'000'000 + one.machine.config->retention_ms + 21, {40}) > 0);
        CHECK(one.log->log_start_offset() <= Offset{21});
        CHECK(one.log->log_start_offset() > Offset{15});
    }
    SUBCASE("by time, all of it") {
        CHECK(one.log->apply_retention(1'800'000'000'000, {40}) == segments.size());
        CHECK(one.log->log_start_offset() == Offset{40});
        CHECK(one.log->log_end_offset() == Offset{40});
        CHECK(append(*one.log, {{"new"}})->base_offset == Offset{40});
    }
    SUBCASE("by log start") {
        REQUIRE(one.log->delete_records_before({25}));
        CHECK(one.log->read({{24}, 1000, {40}, true}).error().code == Errc::offset_out_of_range);
        CHECK(one.log->apply_retention(1'700'000'000'000, {40}) > 0);
        CHECK(one.log->log_start_offset() == Offset{25});
        CHECK(values_of(*one.log, {25}).front() == "value 25");
    }
    one.machine.runtime.settle();
    one.machine.runtime.pass(std::chrono::minutes(2));
    const auto start = one.log->log_start_offset();
    one.die();
    one.open();
    CHECK(one.log->log_start_offset() == start);
}

TEST_CASE(
    "retention waits until a snapshot has what the batches say of their producers, so that a repetition is known") {
    OneLog one;
    one.machine.config->segment_bytes = 300;
    one.open();
    BatchSpec last{{"value"}};
    for (std::int32_t sequence = 0; sequence < 40; ++sequence) {
        last.producer = {{7}, {0}, sequence};
        REQUIRE(append(*one.log, last));
    }
    one.machine.runtime.settle();
    // The last batches are in no snapshot yet.
    one.log->apply_retention(1'800'000'000'000, {40});
    CHECK(one.log->log_start_offset() < Offset{40});
    REQUIRE(checkpoint(one.machine, *one.log));
    CHECK(one.log->apply_retention(1'800'000'000'000, {40}) > 0);
    CHECK(one.log->log_start_offset() == Offset{40});
    one.machine.runtime.settle();
    one.die();
    one.open();
    const auto again = append(*one.log, last, {1});
    REQUIRE_MESSAGE(again, again.error().message);
    CHECK(again->duplicate);
    CHECK(again->base_offset == Offset{39});
}

TEST_CASE("an offset is found by its time") {
    OneLog one;
    one.machine.config->segment_bytes = 2000;
    one.machine.config->index_interval_bytes = 200;
    one.open();
    for (int i = 0; i < 100; ++i) REQUIRE(append(*one.log, {{"a", "b", "c"}, 1'700'000'000'000 + i * 10LL, 2}));
    SUBCASE("") {}
    SUBCASE("reopened") {
        one.machine.runtime.settle();
        one.close_clean();
        one.open();
    }
    const auto find = [&](base::TimestampMs t) { return *one.log->lookup_timestamp(t, {300})->run(); };
    CHECK(find(1'700'000'000'000)->offset == Offset{0});
    CHECK(find(1'700'000'000'001)->offset == Offset{1});
    CHECK(find(1'700'000'000'503)->offset == Offset{152});
    CHECK(find(1'700'000'000'505)->offset == Offset{153});
    CHECK(find(1'700'000'000'994)->offset == Offset{299});
    CHECK_FALSE(find(1'700'000'000'995).has_value());
    const auto largest = *one.log->lookup_max_timestamp({300})->run();
    CHECK(largest->offset == Offset{299});
    CHECK(largest->timestamp_ms == 1'700'000'000'994);
    // What is not committed yet does not count, at whatever place of an index the bound lies.
    for (std::int64_t bound = 3; bound < 300; bound += 3) {
        const auto below = *one.log->lookup_max_timestamp({bound})->run();
        REQUIRE(below);
        CHECK(below->offset == Offset{bound - 1});
    }
    CHECK_FALSE(one.log->lookup_max_timestamp({0})->run()->has_value());
}

TEST_CASE("an offset is found by its time in batches as large as the topic allows") {
    OneLog one;
    one.machine.config->max_message_bytes = 20 << 20;
    one.open();
    BatchSpec spec{{"a", std::string(9 << 20, 'x'), "c"}, 1000, 10};
    SUBCASE("a batch of many bytes") {}
    SUBCASE("a batch that inflates to many bytes") {
        spec.compression = records::Compression(records::Codec::zstd);
        spec.values[1].resize(140 << 20);
    }
    REQUIRE(append(*one.log, spec));
    one.machine.runtime.settle();
    const auto found = one.log->lookup_timestamp(1015, {3})->run();
    REQUIRE_MESSAGE(found, found.error().message);
    REQUIRE(*found);
    CHECK((*found)->offset == Offset{2});
    CHECK(one.log->lookup_max_timestamp({3})->run()->value().offset == Offset{2});
}

TEST_CASE("a full disk refuses appends, keeps reading, and takes appends again by itself") {
    OneLog one;
    one.open();
    REQUIRE(append(*one.log, {{"a"}}));
    one.machine.runtime.settle();
    one.disk.set_capacity(one.disk.used_bytes() + 40);
    CHECK(append(*one.log, {{"does not fit at all, not even half of it"}}).error().code == Errc::no_space);
    CHECK(one.machine.directory->state() == DirectoryState::full);
    CHECK(one.log->log_end_offset() == Offset{1});
    CHECK(values_of(*one.log) == std::vector<std::string>{"a"});
    one.disk.set_capacity(1 << 30);
    CHECK(append(*one.log, {{"b"}})->base_offset == Offset{1});
    CHECK(one.machine.directory->state() == DirectoryState::online);
    CHECK(values_of(*one.log) == std::vector<std::string>{"a", "b"});
}

TEST_CASE("a failed sync takes the directory offline for good") {
    OneLog one;
    one.open();
    one.machine.runtime.settle();
    REQUIRE(append(*one.log, {{"a"}}));
    one.disk.plan({os::Call::sync});
    one.machine.runtime.settle();
    CHECK(one.log->flushed_offset() == Offset{0});
    CHECK(one.machine.reports.failure.has_value());
    CHECK(one.machine.directory->state() == DirectoryState::offline);
    CHECK(append(*one.log, {{"b"}}).error().code == Errc::offline);
}

TEST_CASE("damage below the recovery point is never cut, and the log goes on behind it") {
    OneLog one;
    one.open();
    for (int i = 0; i < 10; ++i) REQUIRE(append(*one.log, {{"value " + std::to_string(i)}}));
    one.machine.runtime.settle();
    REQUIRE(checkpoint(one.machine, *one.log));
    one.die();
    one.disk.damage("/data/demo_0/00000000000000000000.log", 5 * 75 + 70);
    one.open();
    REQUIRE(one.log->damage());
    CHECK(one.log->damage()->offset == Offset{5});
    CHECK(one.log->log_end_offset() == Offset{10});
    const auto good = read(*one.log, {{0}, 1 << 20, {10}, true});
    REQUIRE(good);
    CHECK(good->next == Offset{5});
    CHECK(one.log->read({{5}, 1 << 20, {10}, true}).error().code == Errc::corrupt);
    CHECK(append(*one.log, {{"x"}})->base_offset == Offset{10});
    CHECK(read_values(*one.log, {6})->size() == 5);
}
