// SPDX-License-Identifier: Apache-2.0
// What stays when a broker stops or is killed.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/broker/one_broker.h"

using namespace klog;
using namespace klog::broker_test;

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

TEST_CASE("two data directories of which one is a copy of the other are refused by name") {
    OneBroker world("log.dirs=/a,/b\n");
    world.stop();
    const auto meta = os::read_file(*world.disk, "/a/meta.properties", 1 << 16);
    REQUIRE(meta.has_value());
    REQUIRE(os::replace_file(*world.disk, "/b/meta.properties", *meta));
    world.machine = std::make_unique<runtime::SimRuntime>(world.world, "broker", 2);
    const auto copied = world.make();
    const auto started = world.machine->run(copied->start());
    REQUIRE_FALSE(started);
    CHECK(started.error().message == "/a and /b have the same directory.id in meta.properties: one is a copy");
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
