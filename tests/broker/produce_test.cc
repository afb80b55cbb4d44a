// SPDX-License-Identifier: Apache-2.0
// Produce: order, acknowledgements, refusals.
#include <doctest/doctest.h>

#include "tests/broker/one_broker.h"

using namespace klog;
using namespace klog::broker_test;

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

TEST_CASE("a duplicate is answered with the time of its original, a refused sequence with the start of the log") {
    OneBroker world;
    world.create("t");
    const auto talk = world.connect();
    records::BatchBuilder builder;
    builder.append({.timestamp = 1'700'000'000'000, .value = "a"});
    builder.options().producer = {base::ProducerId{7}, base::ProducerEpoch{0}, 0};
    const std::string batch = *builder.build();
    const auto first = only_partition(talk->ask<wire::ProduceResponse>(produce_of("t", 0, batch), 9));
    CHECK((first.error_code == ErrorCode::none && first.log_append_time_ms == -1));
    const auto again = only_partition(talk->ask<wire::ProduceResponse>(produce_of("t", 0, batch), 9));
    CHECK((again.base_offset.value == 0 && again.log_append_time_ms == 1'700'000'000'000));
    builder.options().producer.base_sequence = 5;
    const std::string gap = *builder.build();
    const auto refused = only_partition(talk->ask<wire::ProduceResponse>(produce_of("t", 0, gap), 9));
    CHECK(refused.error_code == ErrorCode::out_of_order_sequence_number);
    CHECK(refused.log_start_offset.value == 0);
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
