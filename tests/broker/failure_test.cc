// SPDX-License-Identifier: Apache-2.0
// A broker whose store or disks are not what they should be.
#include <doctest/doctest.h>

#include "core/meta/embedded_store.h"
#include "core/meta/paths.h"
#include "tests/broker/one_broker.h"

using namespace klog;
using namespace klog::broker_test;

namespace {

/// Writes into the store of a broker that is not running, as another program might.
runtime::Task<bool> write_config(os::Disk* disk, runtime::Runtime* runtime, std::string path, meta::Config config) {
    meta::Journal::Options options{.directory = "/data/__metadata"};
    auto store = co_await meta::EmbeddedStore::open(*disk, *runtime, std::move(options));
    if (!store) co_return false;
    meta::Create create{path, meta::encode_config(config), meta::Lifetime::persistent, false};
    auto written = co_await (*store)->create(std::move(create));
    bool good = written.has_value();
    if (!good) {
        meta::Set set{path, meta::encode_config(config), meta::any_version};
        good = (co_await (*store)->set(std::move(set))).has_value();
    }
    co_await (*store)->close();
    co_return good;
}

ErrorCode produce_one(Talk& talk) {
    const std::string batch = batch_of({"x"});
    const auto& answer = talk.ask<wire::ProduceResponse>(produce_of("t", 0, batch), 9);
    return answer.responses.at(0).partition_responses.at(0).error_code;
}

}  // namespace

TEST_CASE("stored configuration that makes no sense does not count, and the broker serves") {
    OneBroker world;
    world.create("t");
    world.stop();
    {
        runtime::SimRuntime editor(world.world, "editor", 1);
        os::Disk* disk = world.disk.get();
        REQUIRE(editor.run(write_config(disk, &editor, meta::paths::topic_config("t"),
                                        {{"retention.ms", "soon"}, {"segment.bytes", "2097152"}})));
        REQUIRE(editor.run(write_config(disk, &editor, "/config/brokers/1", {{"log.retention.ms", "later"}})));
        REQUIRE(editor.run(write_config(disk, &editor, "/config/brokers/<default>", {{"max.connections", "many"}})));
    }
    world.start();
    const auto talk = world.connect();
    CHECK(produce_one(*talk) == ErrorCode::none);
    wire::DescribeConfigsRequest describe;
    describe.resources.push_back({2, "t", std::vector<std::string>{"retention.ms", "segment.bytes"}});
    const auto& configs = talk->ask<wire::DescribeConfigsResponse>(describe, 4).results.at(0).configs;
    REQUIRE(configs.size() == 2);
    CHECK(configs[0].value == "604800000");
    CHECK(configs[1].value == "2097152");
}

TEST_CASE("when the last log directory has failed, whoever runs the broker is told, and can stop it") {
    OneBroker world;
    world.create("t");
    int told = 0;
    world.broker->on_all_offline([&] { ++told; });
    world.disk->plan({.call = os::Call::sync, .lasting = true, .path_part = "/data/t_0"});
    const auto talk = world.connect();
    CHECK(produce_one(*talk) == ErrorCode::kafka_storage_error);
    world.world.run_for(1s);
    CHECK(told == 1);
    const auto before = world.world.now();
    world.stop();
    CHECK(world.world.now() - before < 2s);
}
