// SPDX-License-Identifier: Apache-2.0
// The bodies of the store's nodes, against bodies as Kafka 3.9 writes them.
#include "core/meta/paths.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "core/base/random.h"

namespace klog::meta {

using base::Errc;
using base::NodeId;
using base::PartitionId;
using Json = nlohmann::json;

namespace {

/// The same members with the same values, in whatever order.
bool same(const std::string& ours, const std::string& kafkas) { return Json::parse(ours) == Json::parse(kafkas); }

const std::string path = "/some/path";

}  // namespace

TEST_CASE("a broker's registration is Kafka's, version 5") {
    const std::string kafkas =
        R"({"features":{},"listener_security_protocol_map":{"PLAINTEXT":"PLAINTEXT","CONTROLLER":"SSL"},
            "endpoints":["PLAINTEXT://broker1:9092","CONTROLLER://[::1]:9093"],"jmx_port":-1,"port":9092,
            "host":"broker1","version":5,"timestamp":"1700000000000","rack":"r1"})";
    const auto read = decode_broker(path, kafkas);
    REQUIRE(read.has_value());
    CHECK(read->endpoints.size() == 2);
    CHECK(read->endpoints[0] == Endpoint{"PLAINTEXT", "PLAINTEXT", "broker1", 9092});
    CHECK(read->endpoints[1] == Endpoint{"CONTROLLER", "SSL", "::1", 9093});
    CHECK(read->rack == "r1");
    CHECK(read->timestamp_ms == 1'700'000'000'000);
    CHECK(same(encode_broker(*read), kafkas));
}

TEST_CASE("a registration of an old Kafka has a listener for each protocol") {
    const auto read = decode_broker(
        path, R"({"version":2,"host":"h","port":9092,"jmx_port":1,"timestamp":"5","endpoints":["SSL://h:9093"]})");
    REQUIRE(read.has_value());
    CHECK(read->endpoints == std::vector<Endpoint>{{"SSL", "SSL", "h", 9093}});
}

TEST_CASE("klog's own members of a registration come back, and Kafka's readers need not know them") {
    base::Random random(1);
    BrokerRegistration registration;
    registration.endpoints = {{"INTERNAL", "SASL_SSL", "h", 1}};
    registration.features = {{"group.version", 0, 1}, {"metadata.version", 1, 20}};
    registration.directory_ids = {base::Uuid::random(random), base::Uuid::random(random)};
    registration.boot_id = base::Uuid::random(random);
    CHECK(decode_broker(path, encode_broker(registration)) == registration);
    CHECK(Json::parse(encode_broker(registration))["host"].is_null());
}

TEST_CASE("a topic's assignment is Kafka's, version 3") {
    const std::string kafkas =
        R"({"partitions":{"0":[1,2],"1":[2,3,1],"10":[1],"2":[3],"3":[1],"4":[1],"5":[1],"6":[1],"7":[1],"8":[1],"9":[1]},
            "topic_id":"_p1wm0gJRi2EcZ0DpJBf9A","adding_replicas":{"1":[1]},"removing_replicas":{},"version":3})";
    const auto read = decode_topic(path, kafkas);
    REQUIRE(read.has_value());
    CHECK(read->partitions.size() == 11);
    CHECK(read->partitions.at(PartitionId{1}).replicas == std::vector{NodeId{2}, NodeId{3}, NodeId{1}});
    CHECK(read->partitions.at(PartitionId{1}).adding == std::vector{NodeId{1}});
    CHECK(read->id.to_string() == "_p1wm0gJRi2EcZ0DpJBf9A");
    CHECK(same(encode_topic(*read), kafkas));
}

TEST_CASE("a partition's state is Kafka's, and its recovery state appears only when it says something") {
    const std::string kafkas = R"({"controller_epoch":3,"leader":1,"version":1,"leader_epoch":7,"isr":[1,2]})";
    const auto read = decode_partition_state(path, kafkas);
    REQUIRE(read.has_value());
    CHECK(*read == PartitionState{{3}, NodeId{1}, {7}, {NodeId{1}, NodeId{2}}, 0});
    CHECK(same(encode_partition_state(*read), kafkas));
    auto recovering = *read;
    recovering.leader_recovery_state = 1;
    CHECK(decode_partition_state(path, encode_partition_state(recovering)) == recovering);
    CHECK(encode_partition_state(recovering).find(R"("leader_recovery_state":1)") != std::string::npos);
}

TEST_CASE("the small bodies are Kafka's") {
    CHECK(same(encode_controller({NodeId{2}, 99}),
               R"({"version":2,"brokerid":2,"timestamp":"99","kraftControllerEpoch":-1})"));
    CHECK(decode_controller(path, R"({"version":1,"brokerid":2,"timestamp":"99"})") ==
          ControllerRegistration{NodeId{2}, 99});
    CHECK(encode_controller_epoch({12}) == "12");
    CHECK(decode_controller_epoch(path, "12") == base::ControllerEpoch{12});
    CHECK(same(encode_cluster_id("abc"), R"({"version":"1","id":"abc"})"));
    CHECK(decode_cluster_id(path, R"({"version":"1","id":"abc"})") == "abc");
    CHECK(same(encode_config({{"retention.ms", "5"}}), R"({"version":1,"config":{"retention.ms":"5"}})"));
    CHECK(decode_config(path, "") == Config{});
    CHECK(decode_config(path, R"({"version":1,"config":{"a":"b"}})") == Config{{"a", "b"}});
    CHECK(same(encode_config_change("topics/t"), R"({"version":2,"entity_path":"topics/t"})"));
    CHECK(decode_config_change(path, R"({"version":2,"entity_path":"brokers/<default>"})") == "brokers/<default>");
    CHECK(same(encode_producer_ids({NodeId{1}, 1000, 1999}),
               R"({"version":1,"broker":1,"block_start":"1000","block_end":"1999"})"));
    CHECK_FALSE(decode_producer_ids(path, "")->has_value());
    CHECK(same(encode_features({{"metadata.version", 20}}),
               R"({"version":2,"status":1,"features":{"metadata.version":{"max_version_level":20}}})"));
    CHECK(decode_features(
              path, R"({"version":1,"status":1,"features":{"f":{"min_version_level":1,"max_version_level":3}}})") ==
          std::map<std::string, std::int16_t>{{"f", 3}});
}

TEST_CASE("a body that is not what it should be is corrupt and names its path") {
    const auto corrupt = [](const auto& result) {
        REQUIRE_FALSE(result.has_value());
        CHECK(result.error().code == Errc::corrupt);
        CHECK(result.error().message.find(path) != std::string::npos);
    };
    for (const auto* bad : {"", "x", "[]", "{}", "{", R"({"partitions":[]})", R"({"partitions":{"a":[1]}})",
                            R"({"partitions":{"0":["1"]}})", R"({"partitions":{"1":[1]}})",
                            R"({"partitions":{"0":[]}})", R"({"partitions":{"-1":[1]}})",
                            R"({"partitions":{"0":[99999999999]}})", R"({"partitions":{},"topic_id":"short"})"}) {
        corrupt(decode_topic(path, bad));
    }
    for (const auto* bad : {"", "{}", R"({"leader":1,"leader_epoch":1,"controller_epoch":1,"isr":1})",
                            R"({"leader":"1","leader_epoch":1,"controller_epoch":1,"isr":[]})",
                            R"({"leader":18446744073709551615,"leader_epoch":1,"controller_epoch":1,"isr":[]})"}) {
        corrupt(decode_partition_state(path, bad));
    }
    for (const auto* bad : {"", "-1", "1x", "99999999999"}) corrupt(decode_controller_epoch(path, bad));
    for (const auto* bad :
         {"{}", R"({"endpoints":["x"]})", R"({"endpoints":["A://b:c"]})", R"({"endpoints":[":1"]})"}) {
        corrupt(decode_broker(path, bad));
    }
    corrupt(decode_config(path, R"({"config":{"a":1}})"));
    corrupt(decode_producer_ids(path, R"({"broker":1,"block_start":"9","block_end":"3"})"));
    corrupt(decode_cluster_id(path, R"({"id":5})"));
}

TEST_CASE("a string that is no UTF-8 does not throw") {
    CHECK_NOTHROW((void)encode_config({{"a", "\xff\xfe"}}));
    CHECK_NOTHROW((void)decode_config(path, "{\"config\":{\"a\":\"\xff\"}}"));
}

TEST_CASE("paths are Kafka's") {
    CHECK(paths::partition_state("t", PartitionId{3}) == "/brokers/topics/t/partitions/3/state");
    CHECK(paths::broker(NodeId{4}) == "/brokers/ids/4");
    CHECK(paths::broker_config(base::no_node) == "/config/brokers/<default>");
    CHECK(paths::topic_config("t") == "/config/topics/t");
    CHECK(paths::delete_topic("t") == "/admin/delete_topics/t");
}

}  // namespace klog::meta
