// SPDX-License-Identifier: Apache-2.0
// Conversations with one whole broker, in one thread.
#include <doctest/doctest.h>

#include <algorithm>

#include "core/base/big_endian.h"
#include "core/records/record.h"
#include "tests/broker/one_broker.h"

using namespace klog;
using namespace klog::broker_test;

namespace {

/// The values of all records in a fetched partition.
std::vector<std::string> values_in(const wire::FetchResponse::Partition& partition) {
    const auto bytes = partition.records->view();
    std::string_view rest = bytes;
    std::vector<std::string> values;
    while (!rest.empty()) {
        const auto batch = records::take_batch(rest);
        REQUIRE(batch.has_value());
        REQUIRE(batch->has_value());
        CHECK((*batch)->crc_matches());
        std::string scratch;
        auto iterator = records::read_records(**batch, scratch, 1u << 20);
        REQUIRE(iterator.has_value());
        records::Record record;
        for (;;) {
            const auto more = iterator->next(record);
            REQUIRE(more.has_value());
            if (!*more) break;
            values.emplace_back(record.value.value_or("null"));
        }
    }
    return values;
}

const wire::FetchResponse::Partition& only_partition(const wire::FetchResponse& answer) {
    REQUIRE(answer.error_code == ErrorCode::none);
    REQUIRE(answer.responses.size() == 1);
    REQUIRE(answer.responses[0].partitions.size() == 1);
    return answer.responses[0].partitions[0];
}

const wire::ProduceResponse::Partition& only_partition(const wire::ProduceResponse& answer) {
    REQUIRE(answer.responses.size() == 1);
    REQUIRE(answer.responses[0].partition_responses.size() == 1);
    return answer.responses[0].partition_responses[0];
}

/// Something to ask about in requests that have it.
template <class Request>
void fill(Request&, wire::Version) {}
void fill(wire::MetadataRequest& request, wire::Version version) {
    request.topics.emplace().push_back({{}, "t"});
    request.include_topic_authorized_operations = version >= 8;
    request.include_cluster_authorized_operations = version >= 8 && version <= 10;
}
void fill(wire::ListOffsetsRequest& request, wire::Version) {
    request.replica_id = base::no_node;
    request.topics.push_back({"t", {{.partition_index = base::PartitionId{0}, .timestamp = -1}}});
}
void fill(wire::FetchRequest& request, wire::Version version) {
    if (version < 13) request = fetch_of("t", 0, 0);
}
void fill(wire::DescribeConfigsRequest& request, wire::Version version) {
    request.resources.push_back({2, "t", std::nullopt});
    request.resources.push_back({4, "1", std::nullopt});
    request.include_synonyms = true;
    request.include_documentation = version >= 3;
}
void fill(wire::CreateTopicsRequest& request, wire::Version version) {
    request.topics.push_back({.name = "v" + std::to_string(version), .num_partitions = 1, .replication_factor = 1});
    request.topics.push_back({.name = "t", .num_partitions = 1, .replication_factor = 1});
}
void fill(wire::DeleteTopicsRequest& request, wire::Version version) {
    if (version < 6)
        request.topic_names = {"v" + std::to_string(version + 1), "none"};
    else
        request.topics = {{"v7", {}}, {"none", {}}};
}
void fill(wire::DeleteRecordsRequest& request, wire::Version) {
    request.topics.push_back({"t", {{base::PartitionId{0}, base::Offset{0}}}});
}
void fill(wire::OffsetForLeaderEpochRequest& request, wire::Version) {
    request.topics.push_back({"t", {{.partition = base::PartitionId{0}, .leader_epoch = base::LeaderEpoch{0}}}});
}
void fill(wire::CreatePartitionsRequest& request, wire::Version version) {
    request.topics.push_back({"t", version + 2, std::nullopt});
}
void fill(wire::AlterConfigsRequest& request, wire::Version) {
    request.resources.push_back({2, "t", {{"retention.ms", "1000000"}}});
}
void fill(wire::IncrementalAlterConfigsRequest& request, wire::Version) {
    request.resources.push_back({2, "t", {{"retention.ms", 0, "2000000"}}});
}
void fill(wire::ApiVersionsRequest& request, wire::Version version) {
    if (version >= 3) request.client_software_name = request.client_software_version = "test";
}
void fill(wire::DescribeTopicPartitionsRequest& request, wire::Version) { request.topics.push_back({"t"}); }

std::string frame_of(std::string_view bytes) {
    std::string frame(4, '\0');
    base::store_big(frame.data(), static_cast<std::int32_t>(bytes.size()));
    return frame += bytes;
}

runtime::Task<void> read_until_closed(net::Stream* stream, std::span<char> into, std::optional<bool>* closed) {
    const auto n = co_await stream->read_some(into);
    *closed = !n || *n == 0;
}

}  // namespace

TEST_CASE("what was produced is fetched, from any offset") {
    OneBroker world;
    world.create("t");
    const auto talk = world.connect();
    const std::string batch = batch_of({"a", "b"});
    const auto& first = only_partition(talk->ask<wire::ProduceResponse>(produce_of("t", 0, batch), 9));
    CHECK(first.error_code == ErrorCode::none);
    CHECK(first.base_offset.value == 0);
    CHECK(only_partition(talk->ask<wire::ProduceResponse>(produce_of("t", 0, batch), 9)).base_offset.value == 2);
    const auto& all = only_partition(talk->ask<wire::FetchResponse>(fetch_of("t", 0, 0), 12));
    CHECK(values_in(all) == std::vector<std::string>{"a", "b", "a", "b"});
    CHECK(all.high_watermark.value == 4);
    CHECK(values_in(only_partition(talk->ask<wire::FetchResponse>(fetch_of("t", 0, 2), 12))).size() == 2);
    CHECK(only_partition(talk->ask<wire::FetchResponse>(fetch_of("t", 0, 5), 12)).error_code ==
          ErrorCode::offset_out_of_range);
}

TEST_CASE("requests sent in a row are appended and answered in their order") {
    OneBroker world;
    world.create("t", 3);
    const auto talk = world.connect();
    std::vector<Coming<wire::ProduceResponse>> coming;
    std::vector<std::string> batches;
    for (int i = 0; i < 60; ++i) batches.push_back(batch_of({std::to_string(i)}));
    for (int i = 0; i < 60; ++i)
        coming.push_back(
            talk->start<wire::ProduceResponse>(produce_of("t", i % 3, batches[static_cast<std::size_t>(i)]), 9));
    for (int i = 0; i < 60; ++i)
        CHECK(only_partition(talk->await(coming[static_cast<std::size_t>(i)])).base_offset.value == i / 3);
}

TEST_CASE("batches of a partition keep their order when their requests wait differently") {
    OneBroker world;
    world.create("t");
    const auto talk = world.connect();
    std::vector<std::string> batches;
    for (int i = 0; i < 20; ++i) batches.push_back(batch_of({std::to_string(i)}));
    std::vector<Coming<wire::ProduceResponse>> coming;
    for (int i = 0; i < 20; ++i) {
        auto request = produce_of("t", 0, batches[static_cast<std::size_t>(i)], i % 3 == 0 ? 1 : -1);
        request.timeout_ms = 1000 + i % 2;
        coming.push_back(talk->start<wire::ProduceResponse>(request, 9));
    }
    for (int i = 0; i < 20; ++i)
        CHECK(only_partition(talk->await(coming[static_cast<std::size_t>(i)])).base_offset.value == i);
}

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

TEST_CASE("produce goes on while a fetch of the same connection waits, and is answered after it") {
    OneBroker world;
    world.create("t", 2);
    const auto talk = world.connect(), other = world.connect();
    const auto waiting = talk->start<wire::FetchResponse>(fetch_of("t", 0, 0, 60'000), 12);
    const auto produced = talk->start<wire::ProduceResponse>(produce_of("t", 1, batch_of({"x"})), 9);
    world.world.run_for(1s);
    CHECK_FALSE(produced->has_value());
    CHECK(values_in(only_partition(other->ask<wire::FetchResponse>(fetch_of("t", 1, 0), 12))).size() == 1);
    const auto mine = talk->start<wire::ProduceResponse>(produce_of("t", 0, batch_of({"y"})), 9);
    CHECK(values_in(only_partition(talk->await(waiting))).size() == 1);
    CHECK(only_partition(talk->await(produced)).error_code == ErrorCode::none);
    CHECK(only_partition(talk->await(mine)).error_code == ErrorCode::none);
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

TEST_CASE("every other API sees what was produced before it on the connection") {
    OneBroker world;
    world.create("t");
    const auto talk = world.connect();
    const std::string batch = batch_of({"x"});
    const auto produced = talk->start<wire::ProduceResponse>(produce_of("t", 0, batch), 9);
    wire::ListOffsetsRequest latest;
    latest.replica_id = base::NodeId{-1};
    latest.topics.push_back({"t", {{.partition_index = base::PartitionId{0}, .timestamp = -1}}});
    const auto& answer = talk->ask<wire::ListOffsetsResponse>(latest, 7);
    CHECK(answer.topics.at(0).partitions.at(0).offset.value == 1);
    CHECK(only_partition(talk->await(produced)).error_code == ErrorCode::none);
}

TEST_CASE("acks=0 gets no answer, and an error of it ends the connection") {
    OneBroker world;
    world.create("t");
    const auto talk = world.connect();
    talk->send_only(produce_of("t", 0, batch_of({"x"}), 0), 9);
    CHECK(values_in(only_partition(talk->ask<wire::FetchResponse>(fetch_of("t", 0, 0, 5000), 12))).size() == 1);
    talk->send_only(produce_of("none", 0, batch_of({"x"}), 0), 9);
    world.world.run_for(1s);
    CHECK(talk->closed());
}

TEST_CASE("refusals of produce carry their exact codes") {
    OneBroker world;
    world.create("t");
    const auto talk = world.connect();
    const auto code = [&](const wire::ProduceRequest& request, wire::Version version = 9) {
        return only_partition(talk->ask<wire::ProduceResponse>(request, version)).error_code;
    };
    const std::string batch = batch_of({"x"});
    std::string damaged = batch;
    damaged.back() = static_cast<char>(damaged.back() ^ 1);
    CHECK(code(produce_of("t", 0, damaged)) == ErrorCode::corrupt_message);
    CHECK(code(produce_of("none", 0, batch)) == ErrorCode::unknown_topic_or_partition);
    CHECK(code(produce_of("t", 7, batch)) == ErrorCode::unknown_topic_or_partition);
    CHECK(code(produce_of("t", 0, batch, 2)) == ErrorCode::invalid_required_acks);
    CHECK(code(produce_of("t", 0, "")) == ErrorCode::invalid_record);
    CHECK(code(produce_of("t", 0, batch + batch)) == ErrorCode::invalid_record);
    CHECK(code(produce_of("t", 0, batch), 2) == ErrorCode::unsupported_version);
    CHECK(code(produce_of("t", 0, batch_of({std::string(2 << 20, 'x')}))) == ErrorCode::message_too_large);
    CHECK(code(produce_of("t", 0, batch)) == ErrorCode::none);
}

TEST_CASE("every API that is announced answers in every version that is served") {
    OneBroker world;
    world.create("t");
    const auto talk = world.connect();
    talk->ask<wire::ProduceResponse>(produce_of("t", 0, batch_of({"x"})), 9);
    for (const wire::ApiRow& row : wire::served_apis()) {
        if (row.audience != wire::ApiAudience::clients || row.key == wire::ApiKey::produce) continue;
        wire::with_api(row.key, [&]<class Api>(Api) {
            for (wire::Version version = row.first; version <= row.last; ++version) {
                typename Api::Request request;
                fill(request, version);
                talk->ask<typename Api::Response>(request, version);
            }
        });
    }
    CHECK_FALSE(talk->closed());
}

TEST_CASE("ApiVersions in an unknown version is answered in version 0") {
    OneBroker world;
    const auto stream = world.connect_raw();
    std::string request(14, '\0');
    base::store_big<std::int16_t>(request.data(), 18);
    base::store_big<std::int16_t>(request.data() + 2, 99);
    base::store_big<std::int32_t>(request.data() + 4, 7);
    base::store_big<std::int16_t>(request.data() + 8, -1);
    base::Chain chain;
    chain.append(base::SharedBytes::own(frame_of(request)));
    REQUIRE(world.client_machine->run(stream->send(std::move(chain))));
    std::string got;
    while (got.size() < 4 || got.size() < 4u + base::load_big<std::uint32_t>(got.data())) {
        char piece[256];
        const auto n = world.client_machine->run(stream->read_some(piece));
        REQUIRE(n.has_value());
        REQUIRE(*n > 0);
        got.append(piece, *n);
    }
    CHECK(base::load_big<std::int32_t>(got.data() + 4) == 7);
    wire::ApiVersionsResponse answer;
    REQUIRE(wire::decode(std::string_view(got).substr(8), 0, answer));
    CHECK(answer.error_code == ErrorCode::unsupported_version);
    REQUIRE(answer.api_keys.size() == 1);
    CHECK(answer.api_keys[0].max_version == 4);
}

TEST_CASE("bytes that are no request end their connection and no other") {
    OneBroker world;
    world.create("t");
    const auto good = world.connect();
    for (const std::string& bytes :
         {std::string("GET / HTTP/1.1\r\n\r\n"), std::string("\x7f\xff\xff\xff", 4) + "xxxxxxxx",
          frame_of(std::string(8, '\x7f')), frame_of("short"),
          frame_of(std::string("\0\3\0\14\0\0\0\1\xff\xff\0\xff\xff\xff\xff\x0f", 16))}) {
        const auto stream = world.connect_raw();
        base::Chain chain;
        chain.append(base::SharedBytes::own(bytes));
        REQUIRE(world.client_machine->run(stream->send(std::move(chain))));
        char piece[16];
        const auto n = world.client_machine->run(stream->read_some(piece));
        CHECK((!n || *n == 0));
    }
    CHECK(only_partition(good->ask<wire::ProduceResponse>(produce_of("t", 0, batch_of({"x"})), 9)).error_code ==
          ErrorCode::none);
}

TEST_CASE("the first bytes of a large request tell whether it may come") {
    OneBroker world;
    const auto closed_after = [&](std::int32_t bytes, std::int16_t api_key, std::int16_t version) {
        std::string head(12, '\0');
        base::store_big(head.data(), bytes);
        base::store_big(head.data() + 4, api_key);
        base::store_big(head.data() + 6, version);
        const auto stream = world.connect_raw();
        base::Chain chain;
        chain.append(base::SharedBytes::own(head));
        REQUIRE(world.client_machine->run(stream->send(std::move(chain))));
        std::optional<bool> closed;
        char piece[16];
        world.on_client([&] { world.asking.spawn(read_until_closed(stream.get(), piece, &closed)); });
        world.world.run_for(1s);
        const bool was = closed.value_or(false);
        world.on_client([&] { stream->close(); });
        world.client_machine->run(world.asking.join());
        return was;
    };
    CHECK_FALSE(closed_after(100 << 20, 0, 9));
    CHECK(closed_after((100 << 20) + 1, 0, 9));
    CHECK(closed_after(100 << 20, 0, 99));
    CHECK(closed_after(100 << 20, 1234, 0));
    CHECK_FALSE(closed_after(1 << 20, 3, 9));
    CHECK(closed_after(100 << 20, 3, 9));
}

TEST_CASE("a missing topic is made when it is asked for, and answered ready") {
    OneBroker world;
    const auto talk = world.connect();
    wire::MetadataRequest request;
    request.topics.emplace().push_back({{}, "fresh"});
    const auto& answer = talk->ask<wire::MetadataResponse>(request, 12);
    REQUIRE(answer.topics.size() == 1);
    CHECK(answer.topics[0].error_code == ErrorCode::none);
    REQUIRE(answer.topics[0].partitions.size() == 1);
    CHECK(answer.topics[0].partitions[0].leader_id.value == 1);
    REQUIRE(answer.brokers.size() == 1);
    CHECK(answer.brokers[0].host == "broker");
    CHECK(answer.brokers[0].port == 9092);
    request.topics->at(0).name = "not allowed: blanks";
    CHECK(talk->ask<wire::MetadataResponse>(request, 12).topics.at(0).error_code == ErrorCode::invalid_topic_exception);
    request.topics->at(0).name = "unwanted";
    request.allow_auto_topic_creation = false;
    CHECK(talk->ask<wire::MetadataResponse>(request, 12).topics.at(0).error_code ==
          ErrorCode::unknown_topic_or_partition);
}

TEST_CASE("topics, their configuration and their records survive a restart and a kill") {
    OneBroker world;
    wire::CreateTopicsRequest create;
    create.topics.push_back(
        {.name = "t", .num_partitions = 2, .replication_factor = 1, .configs = {{"retention.ms", "-1"}}});
    base::Uuid id;
    {
        const auto talk = world.connect();
        const auto& made = talk->ask<wire::CreateTopicsResponse>(create, 7).topics.at(0);
        REQUIRE(made.error_code == ErrorCode::none);
        id = made.topic_id;
        CHECK(only_partition(talk->ask<wire::ProduceResponse>(produce_of("t", 1, batch_of({"x"})), 9)).error_code ==
              ErrorCode::none);
    }
    for (const bool killed : {false, true}) {
        if (killed) {
            world.kill();
            base::Random random(3);
            world.disk->crash(os::Crash::drop_unsynced, random);
            world.start();
        } else {
            world.restart();
        }
        const auto talk = world.connect();
        wire::MetadataRequest ask;
        ask.topics.emplace().push_back({{}, "t"});
        const auto& topic = talk->ask<wire::MetadataResponse>(ask, 12).topics.at(0);
        CHECK(topic.topic_id == id);
        CHECK(topic.partitions.size() == 2);
        CHECK(values_in(only_partition(talk->ask<wire::FetchResponse>(fetch_of("t", 1, 0, 5000), 12))).size() == 1);
        wire::DescribeConfigsRequest describe;
        describe.resources.push_back({2, "t", std::vector<std::string>{"retention.ms"}});
        CHECK(talk->ask<wire::DescribeConfigsResponse>(describe, 4).results.at(0).configs.at(0).value == "-1");
    }
}

TEST_CASE("connections over max.connections.per.ip are closed at once, and a place becomes free again") {
    OneBroker world("max.connections.per.ip=2\n");
    auto one = world.connect();
    const auto two = world.connect();
    one->ask<wire::ApiVersionsResponse>(wire::ApiVersionsRequest{}, 0);
    const auto three = world.connect_raw();
    char piece[16];
    const auto n = world.client_machine->run(three->read_some(piece));
    CHECK((!n || *n == 0));
    one.reset();
    world.world.run_for(1s);
    CHECK(world.connect()->ask<wire::ApiVersionsResponse>(wire::ApiVersionsRequest{}, 0).error_code == ErrorCode::none);
}

TEST_CASE("an idle connection is closed, a waiting one is not") {
    OneBroker world("connections.max.idle.ms=5000\n");
    world.create("t");
    const auto idle = world.connect(), waiting = world.connect();
    const auto fetch = waiting->start<wire::FetchResponse>(fetch_of("t", 0, 0, 20'000), 12);
    world.world.run_for(10s);
    CHECK(idle->closed());
    CHECK_FALSE(waiting->closed());
    waiting->await(fetch);
}

TEST_CASE("a stopping broker answers the fetch that waits, and stops soon") {
    OneBroker world;
    world.create("t");
    const auto talk = world.connect();
    const auto waiting = talk->start<wire::FetchResponse>(fetch_of("t", 0, 0, 60'000), 12);
    world.world.run_for(1s);
    const auto before = world.world.now();
    world.stop();
    CHECK(world.world.now() - before < 2s);
    CHECK(only_partition(talk->await(waiting)).records->empty());
}

TEST_CASE("a second broker on the same data directory is refused by name") {
    OneBroker world;
    runtime::SimRuntime machine(world.world, "other", 1);
    broker::Config::Builder builder;
    builder.add_file("log.dirs=/data\nlisteners=PLAINTEXT://other:9092\n", "f");
    broker::Broker second(std::move(builder).build(),
                          broker::Seams{machine, world.network.host("other"), *world.disk, base::Random(9)});
    const auto started = machine.run(second.start());
    REQUIRE_FALSE(started);
    CHECK(started.error().code == base::Errc::busy);
    CHECK(started.error().message ==
          "another broker uses the data directory /data; give this one its own with --data-dir");
}

TEST_CASE("producer ids are never given twice") {
    OneBroker world;
    std::vector<std::int64_t> ids;
    for (int life = 0; life < 3; ++life) {
        {
            const auto talk = world.connect();
            for (int i = 0; i < 3; ++i) {
                const auto& answer = talk->ask<wire::InitProducerIdResponse>(wire::InitProducerIdRequest{}, 4);
                REQUIRE(answer.error_code == ErrorCode::none);
                ids.push_back(answer.producer_id.value);
            }
        }
        if (life % 2 == 0) {
            world.kill();
            base::Random random(4);
            world.disk->crash(os::Crash::drop_unsynced, random);
            world.start();
        } else {
            world.restart();
        }
    }
    std::ranges::sort(ids);
    CHECK(std::ranges::adjacent_find(ids) == ids.end());
}
