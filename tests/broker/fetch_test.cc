// SPDX-License-Identifier: Apache-2.0
// Fetch: waiting, sessions, budgets.
#include <doctest/doctest.h>

#include <array>

#include "core/base/big_endian.h"
#include "tests/broker/one_broker.h"

using namespace klog;
using namespace klog::broker_test;

namespace {

/// Sends both requests in one piece and takes the two answers; the strings hold what the messages point into.
std::array<wire::FetchResponse, 2> ask_at_once(OneBroker& world, net::Stream& stream,
                                               const std::array<wire::FetchRequest, 2>& requests,
                                               std::array<std::string, 2>& frames) {
    base::Chain chain;
    for (int i = 0; i < 2; ++i)
        chain.append(wire::encode_frame(wire::RequestHeader{1, 12, i, "test"}, requests[static_cast<std::size_t>(i)]));
    REQUIRE(world.client_machine->run(stream.send(std::move(chain))));
    std::array<wire::FetchResponse, 2> answers;
    std::string got;
    for (std::size_t i = 0; i < 2; ++i) {
        while (got.size() < 4 || got.size() < 4u + base::load_big<std::uint32_t>(got.data())) {
            char piece[4096];
            const auto n = world.client_machine->run(stream.read_some(piece));
            REQUIRE(n.has_value());
            REQUIRE(*n > 0);
            got.append(piece, *n);
        }
        const std::size_t length = 4u + base::load_big<std::uint32_t>(got.data());
        constexpr std::size_t header_bytes = 4 + 1;  // Correlation id and no tags.
        frames[i] = got.substr(4 + header_bytes, length - 4 - header_bytes);
        got.erase(0, length);
        REQUIRE(wire::decode(std::string_view(frames[i]), 12, answers[i]));
    }
    return answers;
}

}  // namespace

TEST_CASE("a fetch waits for records and is woken by them, wherever they come from") {
    OneBroker world;
    world.create("t", 4);
    const auto reader = world.connect(), writer = world.connect();
    for (int partition = 0; partition < 4; ++partition) {
        const auto waiting = reader->start<wire::FetchResponse>(fetch_of("t", partition, 0, 60'000), 12);
        world.world.run_for(1s);
        CHECK_FALSE(waiting->has_value());
        const auto before = world.world.now();
        writer->ask<wire::ProduceResponse>(produce_of("t", partition, batch_of({"x"})), 9);
        CHECK(values_in(only_partition(reader->await(waiting))).size() == 1);
        CHECK(world.world.now() - before < 2s);
    }
}

TEST_CASE("a fetch that finds nothing is answered when its time is up") {
    OneBroker world;
    world.create("t");
    const auto talk = world.connect();
    const auto before = world.world.now();
    const auto& answer = only_partition(talk->ask<wire::FetchResponse>(fetch_of("t", 0, 0, 500), 12));
    CHECK(answer.records->empty());
    CHECK(world.world.now() - before >= 500ms);
    CHECK(world.world.now() - before < 1500ms);
}

TEST_CASE("an incremental fetch tells only of what changed") {
    OneBroker world;
    world.create("t", 3);
    const auto talk = world.connect(), writer = world.connect();
    wire::FetchRequest request = fetch_of("t", 0, 0);
    request.topics[0].partitions.push_back(request.topics[0].partitions[0]);
    request.topics[0].partitions.push_back(request.topics[0].partitions[0]);
    request.topics[0].partitions[1].partition = base::PartitionId{1};
    request.topics[0].partitions[2].partition = base::PartitionId{2};
    request.session_epoch = 0;
    const auto& full = talk->ask<wire::FetchResponse>(request, 12);
    REQUIRE(full.session_id != 0);
    REQUIRE(full.responses.size() == 1);
    CHECK(full.responses[0].partitions.size() == 3);

    wire::FetchRequest next = fetch_of("t", 0, 0, 1000);
    next.topics.clear();
    next.session_id = full.session_id;
    next.session_epoch = 1;
    CHECK(talk->ask<wire::FetchResponse>(next, 12).responses.empty());

    next.session_epoch = 2;
    next.max_wait_ms = 60'000;
    const auto waiting = talk->start<wire::FetchResponse>(next, 12);
    world.world.run_for(1s);
    writer->ask<wire::ProduceResponse>(produce_of("t", 1, batch_of({"x"})), 9);
    const auto& changed = only_partition(talk->await(waiting));
    CHECK(changed.partition_index.value == 1);
    CHECK(values_in(changed).size() == 1);

    // The client has read it: told from where on, the session has nothing more to say.
    wire::FetchRequest moved = fetch_of("t", 1, 1, 1000);
    moved.session_id = full.session_id;
    moved.session_epoch = 3;
    CHECK(talk->ask<wire::FetchResponse>(moved, 12).responses.empty());

    next.session_epoch = 9;
    CHECK(talk->ask<wire::FetchResponse>(next, 12).error_code == ErrorCode::invalid_fetch_session_epoch);
    next.session_id += 1;
    CHECK(talk->ask<wire::FetchResponse>(next, 12).error_code == ErrorCode::fetch_session_id_not_found);
}

TEST_CASE("what came between two fetches of a session is told at once, whether they wait or not") {
    OneBroker world;
    world.create("t", 2);
    const auto talk = world.connect(), writer = world.connect();
    const std::string batch = batch_of({"x"});
    wire::FetchRequest request = fetch_of("t", 0, 0, 10);
    request.topics[0].partitions.push_back(request.topics[0].partitions[0]);
    request.topics[0].partitions[1].partition = base::PartitionId{1};
    request.session_epoch = 0;
    wire::FetchRequest next = fetch_of("t", 0, 0);
    next.topics.clear();
    next.session_id = talk->ask<wire::FetchResponse>(request, 12).session_id;
    next.session_epoch = 1;
    writer->ask<wire::ProduceResponse>(produce_of("t", 0, batch), 9);
    world.world.run_for(1s);
    CHECK(only_partition(talk->ask<wire::FetchResponse>(next, 12)).partition_index.value == 0);
    // Partition 0 always has something; that does not hide partition 1.
    writer->ask<wire::ProduceResponse>(produce_of("t", 1, batch), 9);
    world.world.run_for(1s);
    next.session_epoch = 2;
    CHECK(talk->ask<wire::FetchResponse>(next, 12).responses.at(0).partitions.size() == 2);
}

TEST_CASE("a fetch waits for fetch.min.bytes, and what it was told twice counts once") {
    OneBroker world;
    world.create("t");
    const auto reader = world.connect(), writer = world.connect();
    const std::string batch = batch_of({"x"});
    wire::FetchRequest request = fetch_of("t", 0, 0, 60'000);
    request.min_bytes = static_cast<std::int32_t>(3 * batch.size());
    const auto waiting = reader->start<wire::FetchResponse>(request, 12);
    for (int i = 0; i < 3; ++i) {
        CHECK_FALSE(waiting->has_value());
        writer->ask<wire::ProduceResponse>(produce_of("t", 0, batch), 9);
        world.world.run_for(1s);
    }
    CHECK(waiting->has_value());
    CHECK(values_in(only_partition(reader->await(waiting))).size() == 3);
}

TEST_CASE("a batch larger than the budget is answered alone, and nobody starves") {
    OneBroker world;
    world.create("t", 2);
    const auto talk = world.connect();
    const std::string big = batch_of({std::string(50'000, 'x')});
    for (int i = 0; i < 3; ++i) {
        talk->ask<wire::ProduceResponse>(produce_of("t", 0, big), 9);
        talk->ask<wire::ProduceResponse>(produce_of("t", 1, big), 9);
    }
    wire::FetchRequest request = fetch_of("t", 0, 0);
    request.topics[0].partitions.push_back(request.topics[0].partitions[0]);
    request.topics[0].partitions[1].partition = base::PartitionId{1};
    request.max_bytes = 1000;
    request.session_epoch = 0;
    const auto& full = talk->ask<wire::FetchResponse>(request, 12);
    std::int64_t next[2] = {0, 0};
    int with_data = 0;
    for (const auto& partition : full.responses.at(0).partitions) {
        if (partition.records->empty()) continue;
        ++with_data;
        next[partition.partition_index.value] += 1;
    }
    CHECK(with_data == 1);
    int session_epoch = 1;
    wire::FetchRequest again = fetch_of("t", next[0] == 1 ? 0 : 1, 1);
    again.max_bytes = 1000;
    again.session_id = full.session_id;
    again.session_epoch = session_epoch;
    const auto& second = talk->ask<wire::FetchResponse>(again, 12);
    bool other_had_its_turn = false;
    for (const auto& partition : second.responses.at(0).partitions)
        if (!partition.records->empty()) other_had_its_turn = next[partition.partition_index.value] == 0;
    CHECK(other_had_its_turn);
}

TEST_CASE("only the first batch of an answer may be larger than its partition is asked for") {
    OneBroker world;
    world.create("t", 2);
    const auto talk = world.connect();
    const std::string batch = batch_of({std::string(100, 'x')});
    for (int partition = 0; partition < 2; ++partition)
        talk->ask<wire::ProduceResponse>(produce_of("t", partition, batch), 9);
    wire::FetchRequest request = fetch_of("t", 0, 0);
    request.topics[0].partitions[0].partition_max_bytes = 10;
    request.topics[0].partitions.push_back(request.topics[0].partitions[0]);
    request.topics[0].partitions[1].partition = base::PartitionId{1};
    const auto& partitions = talk->ask<wire::FetchResponse>(request, 12).responses.at(0).partitions;
    REQUIRE(partitions.size() == 2);
    CHECK(partitions[0].records->size() == batch.size());
    CHECK(partitions[1].records->empty());
}

TEST_CASE("a last fetched epoch that the leader does not know is out of range") {
    OneBroker world;
    world.create("t");
    const auto talk = world.connect();
    talk->ask<wire::ProduceResponse>(produce_of("t", 0, batch_of({"x"})), 9);
    wire::FetchRequest request = fetch_of("t", 0, 0);
    request.topics[0].partitions[0].last_fetched_epoch = base::LeaderEpoch{0};
    CHECK(values_in(only_partition(talk->ask<wire::FetchResponse>(request, 12))).size() == 1);
    request.topics[0].partitions[0].last_fetched_epoch = base::LeaderEpoch{5};
    CHECK(only_partition(talk->ask<wire::FetchResponse>(request, 12)).error_code == ErrorCode::offset_out_of_range);
}

TEST_CASE("a session that changes while a fetch of it is under way answers each partition with its own records") {
    OneBroker world;
    world.create("t", 8);
    const auto writer = world.connect();
    for (int p = 0; p < 8; ++p)
        writer->ask<wire::ProduceResponse>(produce_of("t", p, batch_of({std::to_string(p)})), 9);
    const auto stream = world.connect_raw();
    std::array<std::string, 2> frames;
    for (int a = 0; a < 8; ++a) {
        const int b = (a + 1) % 8;
        // A session of nothing that has records, then: fetch A; forget A and fetch B.
        wire::FetchRequest make = fetch_of("t", a, 1);
        make.session_epoch = 0;
        std::array<wire::FetchRequest, 2> first{make, fetch_of("none", 0, 0)};
        first[1].session_epoch = -1;
        const auto made = ask_at_once(world, *stream, first, frames)[0].session_id;
        REQUIRE(made != 0);
        std::array<wire::FetchRequest, 2> both{fetch_of("t", a, 0), fetch_of("t", b, 0)};
        for (std::size_t i = 0; i < 2; ++i) {
            both[i].session_id = made;
            both[i].session_epoch = static_cast<std::int32_t>(i) + 1;
        }
        both[1].forgotten_topics_data.push_back({.topic = "t", .partitions = {base::PartitionId{a}}});
        const auto answers = ask_at_once(world, *stream, both, frames);
        for (const auto& answer : answers) {
            const auto& told = only_partition(answer);
            CHECK(values_in(told) == std::vector{std::to_string(told.partition_index.value)});
        }
        CHECK(only_partition(answers[0]).partition_index.value == a);
        CHECK(only_partition(answers[1]).partition_index.value == b);
    }
}

TEST_CASE("a session cannot be filled with partitions that are not there") {
    OneBroker world;
    world.create("t");
    const auto talk = world.connect();
    wire::FetchRequest request = fetch_of("t", 0, 0);
    request.session_epoch = 0;
    const auto id = talk->ask<wire::FetchResponse>(request, 12).session_id;
    REQUIRE(id != 0);
    request = fetch_of("none", 0, 0);
    request.session_id = id;
    for (int p = 1; p < 6000; ++p) {
        request.topics[0].partitions.push_back(request.topics[0].partitions[0]);
        request.topics[0].partitions.back().partition = base::PartitionId{p};
    }
    request.session_epoch = 1;
    CHECK(talk->ask<wire::FetchResponse>(request, 12).error_code == ErrorCode::none);
    request.session_epoch = 2;
    request.topics[0].topic = "neither";
    CHECK(talk->ask<wire::FetchResponse>(request, 12).error_code == ErrorCode::fetch_session_id_not_found);
}
