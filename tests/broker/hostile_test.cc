// SPDX-License-Identifier: Apache-2.0
// What a client may do to a broker with well-formed requests.
#include <doctest/doctest.h>

#include "core/broker/limits.h"
#include "tests/broker/one_broker.h"

using namespace klog;
using namespace klog::broker_test;

namespace {

constexpr std::int8_t topic_resource = 2, broker_resource = 4;

bool is_alive(OneBroker& world) {
    return world.connect()->ask<wire::ApiVersionsResponse>(wire::ApiVersionsRequest{}, 0).error_code == ErrorCode::none;
}

}  // namespace

TEST_CASE("a resource that is named ten thousand times is described once") {
    OneBroker world;
    world.create("t");
    const auto talk = world.connect();
    wire::DescribeConfigsRequest request;
    request.include_synonyms = request.include_documentation = true;
    for (int i = 0; i < 10'000; ++i) {
        request.resources.push_back({topic_resource, "t", std::nullopt});
        request.resources.push_back({broker_resource, "1", std::nullopt});
    }
    CHECK(talk->ask<wire::DescribeConfigsResponse>(request, 4).results.size() == 2);
}

TEST_CASE("a broker has one name, without zeros in front of it") {
    OneBroker world;
    wire::DescribeConfigsRequest request;
    for (const char* name : {"1", "01", "00000001", "+1"}) request.resources.push_back({broker_resource, name, {}});
    const auto talk = world.connect();
    const auto& answer = talk->ask<wire::DescribeConfigsResponse>(request, 4);
    REQUIRE(answer.results.size() == 4);
    CHECK(answer.results[0].error_code == ErrorCode::none);
    for (std::size_t i = 1; i < 4; ++i) CHECK(answer.results[i].error_code == ErrorCode::invalid_request);
}

TEST_CASE("descriptions that do not fit into an answer are refused, resource by resource") {
    OneBroker world;
    const std::string long_value(32'000, 'x');
    wire::DescribeConfigsRequest request;
    request.include_synonyms = true;
    const auto talk = world.connect();
    constexpr std::size_t topics = 160, bytes_each = 128'000;  // Two keys, each with its value and a synonym.
    static_assert(topics * bytes_each > broker::described_bytes_max);
    for (std::size_t i = 0; i < topics; ++i) {
        const std::string name = "t" + std::to_string(i);
        world.create(name);
        wire::IncrementalAlterConfigsRequest alter;
        alter.resources.push_back({topic_resource,
                                   name,
                                   {{"leader.replication.throttled.replicas", 0, long_value},
                                    {"follower.replication.throttled.replicas", 0, long_value}}});
        const auto& altered = talk->ask<wire::IncrementalAlterConfigsResponse>(alter, 1);
        REQUIRE(altered.responses.at(0).error_code == ErrorCode::none);
        request.resources.push_back({topic_resource, name, std::nullopt});
    }
    const auto& answer = talk->ask<wire::DescribeConfigsResponse>(request, 4);
    REQUIRE(answer.results.size() == topics);
    std::size_t described = 0;
    for (const auto& one : answer.results) {
        if (one.error_code == ErrorCode::none) ++described;
        if (one.error_code != ErrorCode::none) CHECK(one.error_code == ErrorCode::policy_violation);
        CHECK(one.configs.empty() == (one.error_code != ErrorCode::none));
    }
    CHECK(described > 10);
    CHECK(described * bytes_each <= broker::described_bytes_max);
}

TEST_CASE("a topic that is named again and again is answered once, by name and by id") {
    OneBroker world;
    world.create("t", 10);
    const auto talk = world.connect();
    wire::MetadataRequest by_name;
    by_name.topics.emplace(10'000, wire::MetadataRequest::Topic{{}, "t"});
    const auto& named = talk->ask<wire::MetadataResponse>(by_name, 4).topics;
    REQUIRE(named.size() == 1);
    by_name.topics.emplace(1, wire::MetadataRequest::Topic{{}, "t"});
    const base::Uuid id = talk->ask<wire::MetadataResponse>(by_name, 12).topics.at(0).topic_id;
    wire::MetadataRequest by_id;
    by_id.topics.emplace();
    for (int i = 0; i < 1000; ++i) by_id.topics->push_back({id, std::to_string(i)});
    CHECK(talk->ask<wire::MetadataResponse>(by_id, 12).topics.size() == 1);
}

TEST_CASE("a missing topic that is named twice in one request is made all the same") {
    OneBroker world;
    const auto talk = world.connect();
    wire::MetadataRequest request;
    request.allow_auto_topic_creation = true;
    request.topics.emplace(2, wire::MetadataRequest::Topic{{}, "t"});
    const auto& topics = talk->ask<wire::MetadataResponse>(request, 12).topics;
    REQUIRE(topics.size() == 1);
    CHECK(topics[0].error_code == ErrorCode::none);
}

TEST_CASE("a request that names more than an answer may hold closes its connection, and nothing else") {
    OneBroker world;
    const auto names = [](int count) {
        wire::MetadataRequest request;
        request.allow_auto_topic_creation = false;
        request.topics.emplace();
        for (int i = 0; i < count; ++i) request.topics->push_back({{}, std::to_string(i)});
        return request;
    };
    const auto talk = world.connect();
    CHECK(talk->ask<wire::MetadataResponse>(names(100'000), 12).topics.size() == 100'000);
    const auto coming = talk->start<wire::MetadataResponse>(names(400'000), 4);
    const auto ended = world.world.run_until([&] { return coming->has_value(); }, 120s);
    REQUIRE(ended == runtime::SimWorld::Ended::condition);
    CHECK_FALSE((**coming).has_value());
    CHECK(is_alive(world));
}
