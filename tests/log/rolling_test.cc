// SPDX-License-Identifier: Apache-2.0
// When a log begins a new segment, and how many files it keeps open.
#include "core/log/descriptor_cache.h"
#include "tests/log/one_log.h"

using namespace klog;
using namespace klog::log;
using namespace klog::log::test;

TEST_CASE("a segment rolls when a batch is younger than its first one by more than segment.ms") {
    OneLog one;
    one.machine.config->segment_ms = 1000;
    one.open();
    for (const auto& [age_ms, segments] :
         {std::pair{0, 1}, {999, 1}, {1000, 1}, {500, 1}, {1001, 2}, {2001, 2}, {2002, 3}}) {
        REQUIRE(append(*one.log, {{"x"}, 1'700'000'000'000 + age_ms}));
        one.machine.runtime.settle();
        CHECK_MESSAGE(one.log->segments().size() == static_cast<std::size_t>(segments), age_ms);
    }
    SUBCASE("in this life") {}
    SUBCASE("after a clean stop") {
        one.close_clean();
        one.open();
    }
    SUBCASE("after a crash") {
        one.die();
        one.open();
    }
    REQUIRE(append(*one.log, {{"x"}, 1'700'000'000'000 + 3002}));
    CHECK(one.log->segments().size() == 3);
    REQUIRE(append(*one.log, {{"x"}, 1'700'000'000'000 + 3003}));
    CHECK(one.log->segments().size() == 4);
}

TEST_CASE("the jitter makes a segment roll earlier, never later") {
    OneLog one;
    one.machine.config->segment_ms = 1000;
    one.machine.config->segment_jitter_ms = 500;
    one.open();
    std::set<std::int64_t> ages;
    base::TimestampMs first_ms = 1'700'000'000'000;
    REQUIRE(append(*one.log, {{"x"}, first_ms}));
    one.machine.runtime.settle();
    for (int i = 0; i < 20; ++i) {
        const auto before = one.log->segments().size();
        base::TimestampMs now_ms = first_ms;
        while (one.log->segments().size() == before) REQUIRE(append(*one.log, {{"x"}, now_ms += 10}));
        ages.insert(now_ms - first_ms);
        first_ms = now_ms;
    }
    CHECK(*ages.begin() > 500);
    CHECK(*ages.rbegin() <= 1010);
    CHECK(ages.size() > 3);
}

TEST_CASE("a segment rolls when one of its indexes is full") {
    SmallSegments one;
    one.machine.config->segment_bytes = 1 << 20;
    one.machine.config->index_interval_bytes = 0;
    one.machine.config->segment_index_bytes = 120;
    one.open();
    one.machine.runtime.settle();
    one.fill(100);
    CHECK(one.log->segments().size() > 8);
    one.close_clean();
    for (const auto& entry : *one.disk.list("/data/demo_0")) {
        if (!entry.name.ends_with("index")) continue;
        const auto bytes = one.disk.info("/data/demo_0/" + entry.name)->size;
        CHECK_MESSAGE(bytes <= 120, entry.name);
    }
    one.open();
    CHECK(read_values(*one.log, {0})->size() == 100);
}

TEST_CASE("a segment rolls where offsets go too far for its index") {
    OneLog one;
    one.open();
    one.machine.runtime.settle();
    REQUIRE(one.log->append_as_follower(make_batch({{"a"}}, {0}, {0})));
    const Offset far{std::int64_t{1} << 31};
    REQUIRE(one.log->append_as_follower(make_batch({{"b"}}, far - 1, {0})));
    CHECK(one.log->segments().size() == 1);
    REQUIRE(one.log->append_as_follower(make_batch({{"c"}}, far, {0})));
    REQUIRE(one.log->segments().size() == 2);
    CHECK(one.log->segments().back().base_offset == far);
    CHECK(read_values(*one.log, far)->size() == 1);
}

TEST_CASE("files that nobody uses are closed beyond the bound, and opened again") {
    os::MemoryDisk disk;
    DescriptorCache files(disk, 4);
    std::vector<std::shared_ptr<os::File>> used;
    for (int i = 0; i < 20; ++i) {
        const auto file = files.get("/" + std::to_string(i), os::Open::create);
        REQUIRE(file);
        REQUIRE((*file)->write_at(0, std::to_string(i)));
        if (i < 3) used.push_back(*file);
        CHECK(files.size() <= 5);
    }
    CHECK(*files.get("/0") == used[0]);
    const auto opens = disk.calls(os::Call::open);
    REQUIRE(files.get("/7"));
    CHECK(disk.calls(os::Call::open) == opens + 1);
    std::string text(1, '\0');
    REQUIRE((*files.get("/7"))->read_at(0, text));
    CHECK(text == "7");
}

TEST_CASE("a thousand logs are open with a few descriptors") {
    os::MemoryDisk disk;
    Machine machine(disk);
    REQUIRE(machine.start());
    std::vector<std::unique_ptr<PartitionLog>> logs;
    for (int i = 0; i < 1000; ++i) {
        logs.push_back(std::move(*machine.open({"t", {i}})));
        REQUIRE(append(*logs.back(), {{"a"}}));
        if (i % 50 == 0) machine.runtime.settle();
    }
    machine.runtime.settle();
    CHECK(machine.directory->files().size() <= 64);
    for (auto& log : logs) {
        REQUIRE(append(*log, {{"b"}}));
        machine.runtime.settle();
        CHECK(machine.directory->files().size() <= 65);
    }
    CHECK(read_values(*logs.front(), {0})->size() == 2);
    logs.clear();
}
