// SPDX-License-Identifier: Apache-2.0
// Formats on disk, one after the other, judged by files that Apache Kafka 4.3.1 wrote (tests/log/data).
#include <doctest/doctest.h>

#include "core/log/checked_ranges.h"
#include "core/log/checkpoint_file.h"
#include "core/log/file_names.h"
#include "core/log/leader_epoch_cache.h"
#include "core/log/offset_index.h"
#include "core/log/producer_snapshot.h"
#include "core/log/retention.h"
#include "core/log/time_index.h"
#include "core/log/transaction_index.h"
#include "tests/log/one_log.h"
#include "tests/records/support.h"

using namespace klog;
using namespace klog::log;
using namespace klog::log::test;

namespace {

std::string kafka_file(const std::string& name) {
    auto bytes = os::read_file(os::posix_disk(), std::string(KLOG_LOG_DATA) + "/" + name, 1 << 20);
    REQUIRE_MESSAGE(bytes, bytes.error().message);
    return *bytes;
}

}  // namespace

TEST_CASE("a partition's directory is named with an underscore, and the last separator parts the name") {
    CHECK(partition_directory_name({"my_topic-1", {7}}) == "my_topic-1_7");
    const auto ours = parse_directory_name("my_topic-1_7");
    CHECK(ours.kind == DirectoryKind::partition);
    CHECK(ours.partition == PartitionName{"my_topic-1", {7}});
    const auto kafkas = parse_directory_name("my_topic_1-0");
    CHECK(kafkas.kind == DirectoryKind::kafka_partition);
    CHECK(kafkas.partition == PartitionName{"my_topic_1", {0}});
    for (const char* none : {"", "x", "_1", "-1", "topic_", "topic_01", "topic_+1", "topic_1x", "topic_99999999999",
                             "lost+found", "__cluster_metadata-0"})
        CHECK_MESSAGE(parse_directory_name(none).kind == DirectoryKind::foreign, none);
}

TEST_CASE("a deleted directory has a name of its own, however long the topic is") {
    base::Random random(1);
    const auto name = deleted_directory_name(std::string(249, 't') + "_12345", base::Uuid::random(random));
    CHECK(name.size() == 255);
    CHECK(parse_directory_name(name).kind == DirectoryKind::deleted);
    CHECK(parse_directory_name("t-0.0123456789abcdef0123456789abcdef-delete").kind == DirectoryKind::deleted);
    CHECK(parse_directory_name("t-0.0123456789abcdef0123456789abcdef-stray").kind == DirectoryKind::stray);
    CHECK(parse_directory_name("t-0.0123456789abcdef0123456789abcdef-future").kind == DirectoryKind::future);
}

TEST_CASE("a segment's file names have twenty digits and are read back") {
    CHECK(segment_file_name({42}, FileKind::log) == "00000000000000000042.log");
    for (const auto kind : {FileKind::log, FileKind::offset_index, FileKind::time_index, FileKind::transaction_index,
                            FileKind::producer_snapshot}) {
        const auto parsed = parse_segment_file_name(segment_file_name({1234567}, kind));
        REQUIRE(parsed);
        CHECK(parsed->kind == kind);
        CHECK(parsed->base_offset == Offset{1234567});
        CHECK(parsed->stage == FileStage::live);
    }
    CHECK(parse_segment_file_name("00000000000000000042.log.deleted")->stage == FileStage::deleted);
    CHECK(parse_segment_file_name("00000000000000000042.index.swap")->stage == FileStage::swap);
    for (const char* none : {"42.log", "00000000000000000042", "0000000000000000004x.log", "00000000000000000042.txt",
                             "99999999999999999999.log", "leader-epoch-checkpoint"})
        CHECK_FALSE(parse_segment_file_name(none));
}

TEST_CASE("checkpoint files are Kafka's") {
    const OffsetMap offsets{{{"idem", {0}}, {59997}}, {{"plain", {0}}, {300}}};
    CHECK(format_offsets(offsets) == "0\n2\nidem 0 59997\nplain 0 300\n");  // As Kafka writes it.
    CHECK(*parse_offsets("0\n2\nplain 0 300\nidem 0 59997\n") == offsets);
    CHECK(parse_offsets("0\n0\n")->empty());
    for (const char* bad : {"", "1\n0\n", "0\n2\na 0 1\n", "0\n1\na 0\n", "0\n1\na 0 -1\n", "0\n1\na x 1\n",
                            "0\n1\na 0 1\nb 0 1\n", "0\n2\na 0 1\na 0 2\n", "0\n-1\n"})
        CHECK_MESSAGE(!parse_offsets(bad), bad);
}

TEST_CASE("leader epochs are stored as Kafka stores them") {
    CHECK(*parse_epochs(kafka_file("plain-0/leader-epoch-checkpoint")) == std::vector<EpochEntry>{{{0}, {0}}});
    CHECK(format_epochs({{{0}, {0}}}) == kafka_file("plain-0/leader-epoch-checkpoint"));
    CHECK_FALSE(parse_epochs("0\n2\n1 10\n1 20\n"));
    CHECK_FALSE(parse_epochs("0\n2\n1 10\n2 5\n"));
}

TEST_CASE("partition.metadata of Kafka is read, and ours looks the same") {
    const auto text = kafka_file("plain-0/partition.metadata");
    const auto id = parse_partition_metadata(text);
    REQUIRE(id);
    CHECK(format_partition_metadata(*id) == text);
    CHECK_FALSE(parse_partition_metadata("version: 0\ntopic_id: nonsense"));
}

TEST_CASE("a producer snapshot of Kafka is read, and written back byte for byte") {
    const auto bytes = kafka_file("idem.snapshot");
    ProducerState state;
    REQUIRE(read_snapshot(bytes, {}, state));
    const auto* producer = state.find({0});
    REQUIRE(producer != nullptr);
    CHECK(producer->epoch == ProducerEpoch{0});
    CHECK(producer->last_sequence() == 59996);
    CHECK(producer->remembered().back().last_offset == Offset{59996});
    CHECK(producer->remembered().back().first_sequence() == 59992);
    CHECK(producer->last_timestamp_ms == 1795535447509);
    CHECK_FALSE(producer->transaction_start);
    CHECK(format_snapshot(state) == bytes);
    CHECK(format_snapshot({}) == kafka_file("plain-0/00000000000000000300.snapshot"));
}

TEST_CASE("a damaged snapshot is refused, wherever the damage is") {
    const auto bytes = kafka_file("idem.snapshot");
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        auto bad = bytes;
        bad[i] = static_cast<char>(bad[i] ^ 0x10);
        ProducerState state;
        CHECK_MESSAGE(!read_snapshot(bad, {}, state), i);
        CHECK_FALSE(read_snapshot(bytes.substr(0, i), {}, state));
    }
}

TEST_CASE("an offset index of Kafka is searched") {
    OffsetIndex index({45922});
    const auto bytes = kafka_file("idem.index");
    index.load(bytes, 646'224, {59997});
    CHECK(index.entries() == 1072 / 8);
    CHECK(index.view() == bytes);
    CHECK(index.floor({45922}).position == 0);
    CHECK(index.floor({46046}).position == 0);
    CHECK(index.floor({46047}).position == 4820);
    CHECK(index.floor({46151}).position == 4820);
    CHECK(index.floor({46152}).position == 9640);
    CHECK(index.floor_position(4819).position == 0);
    CHECK(index.floor_position(9639).offset == Offset{46047});
    // What a crash leaves: entries up to the limits, and none that does not rise.
    index.load(bytes, 646'224, {46152});
    CHECK(index.entries() == 1);
    index.load(bytes, 9640, {59997});
    CHECK(index.entries() == 1);
    index.load(bytes.substr(0, 20), 646'224, {59997});
    CHECK(index.entries() == 2);
    index.load(bytes.substr(0, 16) + std::string(64, '\0'), 646'224, {59997});
    CHECK(index.entries() == 2);
    index.truncate({46100}, 1 << 20);
    CHECK(index.entries() == 1);
    index.append({46300}, 12'000);
    CHECK(index.floor({50000}).position == 12'000);
}

TEST_CASE("a time index of Kafka is searched, and ends with the largest timestamp") {
    TimeIndex index({45922});
    const auto bytes = kafka_file("idem.timeindex");
    index.load(bytes, {59997});
    CHECK(index.entries() == 336 / 12);
    CHECK(index.view() == bytes);
    CHECK(index.last().timestamp_ms == 1795535447509);
    const auto first = index.entry(0);
    CHECK(index.floor(first.timestamp_ms - 1).timestamp_ms == -1);
    CHECK(index.floor(first.timestamp_ms).offset == first.offset);
    CHECK(index.floor(first.timestamp_ms + 1'000'000'000'000).offset == index.last().offset);
    index.maybe_append(index.last().timestamp_ms, {59998});
    CHECK(index.entries() == 336 / 12);
    index.truncate(first.offset + 1);
    CHECK(index.entries() == 1);
}

TEST_CASE("aborted transactions survive their file") {
    std::string bytes;
    const std::vector<AbortedTransaction> all{{{7}, {10}, {20}, {21}}, {{8}, {15}, {30}, {31}}};
    for (const auto& each : all) format_transaction(bytes, each);
    CHECK(bytes.size() == 68);
    CHECK(*parse_transactions(bytes) == all);
    CHECK_FALSE(parse_transactions(bytes.substr(1)));
    CHECK_FALSE(parse_transactions(bytes.substr(34) + bytes.substr(0, 34)));
}

TEST_CASE("Kafka's directory opens, is read and appended to") {
    os::MemoryDisk disk;
    Machine machine(disk);
    REQUIRE(disk.make_directory("/data/plain-0"));
    for (const auto& entry : *os::posix_disk().list(std::string(KLOG_LOG_DATA) + "/plain-0"))
        REQUIRE((*disk.open("/data/plain-0/" + entry.name, os::Open::create))
                    ->write_at(0, kafka_file("plain-0/" + entry.name)));
    const auto checkpoint = format_offsets({{{"plain", {0}}, {300}}});
    SUBCASE("after a clean stop") {
        REQUIRE(os::replace_file(disk, "/data/recovery-point-offset-checkpoint", checkpoint));
        REQUIRE(os::replace_file(disk, "/data/.kafka_cleanshutdown", "{\"version\":0,\"brokerEpoch\":92}"));
    }
    SUBCASE("after a crash") { REQUIRE(os::replace_file(disk, "/data/recovery-point-offset-checkpoint", checkpoint)); }
    SUBCASE("without checkpoints") {}
    REQUIRE(machine.start());
    const auto found = machine.directory->scan();
    REQUIRE(found);
    REQUIRE(found->size() == 1);
    CHECK(found->front().path == "/data/plain-0");
    auto log = machine.open({"plain", {0}});
    REQUIRE_MESSAGE(log, log.error().message);
    CHECK_FALSE((*log)->damage());
    CHECK((*log)->log_end_offset() == Offset{300});
    CHECK((*log)->latest_epoch() == EpochEntry{{0}, {0}});
    const auto values = read_values(**log, {0});
    REQUIRE_MESSAGE(values, values.error().message);
    REQUIRE(values->size() == 300);
    CHECK(values->at(0).second == "1");
    CHECK(values->at(299).second == "300");
    CHECK(append(**log, {{"klog"}}, {1})->base_offset == Offset{300});
    CHECK(read_values(**log, {290})->size() == 11);
}

TEST_CASE("entries of all formats in one segment are recovered, read, found by time and appended to") {
    const auto& mixed = records::test::java_case("mixed-formats");
    OneLog one;
    REQUIRE(one.disk.make_directory("/data/demo_0"));
    REQUIRE((*one.disk.open("/data/demo_0/" + segment_file_name({0}, FileKind::log), os::Open::create))
                ->write_at(0, mixed.bytes));
    REQUIRE(os::replace_file(one.disk, "/data/recovery-point-offset-checkpoint", format_offsets({{demo, {25}}})));
    SUBCASE("after a clean stop") { REQUIRE(os::replace_file(one.disk, "/data/.kafka_cleanshutdown", "{}")); }
    SUBCASE("after a crash") {}
    one.open();
    CHECK_FALSE(one.log->damage());
    CHECK(one.log->log_end_offset() == Offset{25});
    std::string all;
    for (Offset next{0}; next < Offset{25};) {
        const auto got = read(*one.log, {next, 1, {25}, true});
        REQUIRE_MESSAGE(got, got.error().message);
        REQUIRE(got->next > next);
        for (const auto& slice : got->slices) {
            std::string bytes(slice.length, '\0');
            REQUIRE(slice.source->read_at(slice.position, bytes));
            all += bytes;
        }
        next = got->next;
    }
    CHECK(all == mixed.bytes);
    // Format 0 has no times.
    CHECK(one.log->lookup_timestamp(0, {25})->run()->value().offset == Offset{10});
    CHECK(one.log->lookup_timestamp(1'700'000'000'001, {25})->run()->value().offset == Offset{12});
    CHECK(one.log->lookup_max_timestamp({25})->run()->value().offset == Offset{12});
    CHECK(append(*one.log, {{"now"}})->base_offset == Offset{25});
}

TEST_CASE("epochs: what contradicts a new one goes, and ends are found as KIP-101 and KIP-279 say") {
    LeaderEpochCache cache;
    CHECK(cache.end_offset_for({0}, {5}).end_offset == Offset{-1});
    CHECK(cache.assign({1}, {0}));
    CHECK(cache.assign({3}, {10}));
    CHECK_FALSE(cache.assign({3}, {15}));
    CHECK(cache.assign({5}, {20}));
    CHECK(cache.end_offset_for({5}, {30}).end_offset == Offset{30});
    CHECK(cache.end_offset_for({6}, {30}).epoch == base::no_leader_epoch);
    CHECK(cache.end_offset_for({4}, {30}).epoch == LeaderEpoch{3});
    CHECK(cache.end_offset_for({4}, {30}).end_offset == Offset{20});
    CHECK(cache.end_offset_for({0}, {30}).end_offset == Offset{0});
    CHECK(cache.epoch_at({19}) == LeaderEpoch{3});
    CHECK_FALSE(cache.epoch_at({-1}));
    CHECK(cache.assign({4}, {20}));  // An epoch without records gives way.
    CHECK(cache.entries() == std::vector<EpochEntry>{{{1}, {0}}, {{3}, {10}}, {{4}, {20}}});
    CHECK(cache.truncate_start({12}));
    CHECK(cache.entries() == std::vector<EpochEntry>{{{3}, {12}}, {{4}, {20}}});
    CHECK(cache.truncate_end({20}));
    CHECK(cache.entries() == std::vector<EpochEntry>{{{3}, {12}}});
}

TEST_CASE("checked ranges join, are cut, and are bounded in number") {
    CheckedRanges ranges;
    ranges.add(100, 200);
    ranges.add(200, 300);
    CHECK(ranges.ranges() == 1);
    CHECK(ranges.covers(100, 300));
    CHECK_FALSE(ranges.covers(99, 300));
    ranges.add(0, 50);
    CHECK_FALSE(ranges.covers(0, 300));
    ranges.add(40, 120);
    CHECK(ranges.covers(0, 300));
    ranges.truncate(150);
    CHECK(ranges.covers(0, 150));
    CHECK_FALSE(ranges.covers(0, 151));
    for (std::uint64_t i = 0; i < 1000; ++i) ranges.add(1000 + i * 10, 1005 + i * 10);
    CHECK(ranges.ranges() <= CheckedRanges::ranges_max);
    CHECK(ranges.covers(0, 150));
}

TEST_CASE("retention takes segments from the front, never what is not committed") {
    const std::vector<RetentionSegment> segments{
        {{10}, 100, 1000}, {{20}, 100, 2000}, {{30}, 100, 1500}, {{40}, 50, 3000}};
    RetentionRules rules;
    rules.upper_bound = {40};
    CHECK(segments_to_remove(segments, rules, 10'000) == 0);
    rules.retention_ms = 500;
    CHECK(segments_to_remove(segments, rules, 1500) == 0);
    CHECK(segments_to_remove(segments, rules, 1501) == 1);
    CHECK(segments_to_remove(segments, rules, 2501) == 3);
    CHECK(segments_to_remove(segments, rules, 9000) == 4);
    rules.upper_bound = {29};
    CHECK(segments_to_remove(segments, rules, 9000) == 2);
    rules.retention_ms = -1;
    rules.upper_bound = {40};
    rules.retention_bytes = 160;
    CHECK(segments_to_remove(segments, rules, 0) == 1);
    rules.retention_bytes = 0;
    CHECK(segments_to_remove(segments, rules, 0) == 4);
    rules.by_time_and_size = false;
    CHECK(segments_to_remove(segments, rules, 0) == 0);
    rules.log_start = {25};
    CHECK(segments_to_remove(segments, rules, 0) == 2);
    CHECK(segments_to_remove(std::vector<RetentionSegment>{{{0}, 0, -1}}, rules, 9000) == 0);
}
