// SPDX-License-Identifier: Apache-2.0
// Fetch: waiting, sessions, budgets.
#include <doctest/doctest.h>

#include "tests/broker/one_broker.h"

using namespace klog;
using namespace klog::broker_test;

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
