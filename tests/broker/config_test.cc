// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include <doctest/doctest.h>

#include "core/broker/config.h"
#include "core/broker/config_page.h"
#include "core/broker/connection_overrides.h"
#include "core/broker/effective_config.h"
#include "core/broker/endpoints.h"
#include "core/broker/properties.h"

using namespace klog;
using namespace klog::broker;

namespace {

Config configured(std::string_view file) {
    Config::Builder builder;
    builder.add_file(file, "server.properties");
    REQUIRE_MESSAGE(builder.errors().empty(), builder.errors().front());
    return std::move(builder).build();
}

std::string only_error(std::string_view file) {
    Config::Builder builder;
    builder.add_file(file, "server.properties");
    REQUIRE(builder.errors().size() == 1);
    return builder.errors().front();
}

std::string only_warning(std::string_view file) {
    Config::Builder builder;
    builder.add_file(file, "server.properties");
    REQUIRE(builder.warnings().size() == 1);
    return builder.warnings().front();
}

const DescribedKey& described(const std::vector<DescribedKey>& keys, std::string_view name) {
    const auto found = std::ranges::find(keys, name, &DescribedKey::name);
    REQUIRE(found != keys.end());
    return *found;
}

}  // namespace

TEST_CASE("every default in the table is a value that its own key takes") {
    for (const Key& key : config_table()) {
        if (!key.preset) continue;
        const auto good = check_value(key, *key.preset);
        CHECK_MESSAGE(good.has_value(), key.name, key.topic_name);
    }
}

TEST_CASE("no key stands twice, and rows of one topic key stand together") {
    std::set<std::string_view> names, finished;
    std::string_view last;
    for (const Key& key : config_table()) {
        if (!key.name.empty()) CHECK_MESSAGE(names.insert(key.name).second, key.name);
        CHECK_FALSE(key.doc.empty());
        if (key.topic_name == last) continue;
        if (!key.topic_name.empty()) CHECK_MESSAGE(finished.insert(key.topic_name).second, key.topic_name);
        last = key.topic_name;
    }
}

TEST_CASE("properties are read by Java's rules") {
    const auto read = parse_properties(
        "# comment\n"
        "! another\n"
        "\n"
        "a=1\n"
        "  b : two words \n"
        "c three\r\n"
        "d = x\\\n"
        "     y\n"
        "e\\=f=\\u00e9\\t!\n"
        "empty\n",
        "f");
    REQUIRE(read);
    REQUIRE(read->size() == 6);
    CHECK((*read)[0].key == "a");
    CHECK((*read)[0].value == "1");
    CHECK((*read)[0].line == 4);
    CHECK((*read)[1].key == "b");
    CHECK((*read)[1].value == "two words ");
    CHECK((*read)[2].value == "three");
    CHECK((*read)[3].value == "xy");
    CHECK((*read)[3].line == 7);
    CHECK((*read)[4].key == "e=f");
    CHECK((*read)[4].value == "\xc3\xa9\t!");
    CHECK((*read)[5].key == "empty");
    CHECK((*read)[5].value.empty());
    CHECK_FALSE(parse_properties("a=\\u12", "f"));
}

TEST_CASE("an unknown key is named with the nearest known one") {
    CHECK(only_warning("\nlog.retension.ms=1") ==
          "server.properties:2: unknown key 'log.retension.ms' has no effect; did you mean 'log.retention.ms'?");
    CHECK(only_warning("qqqqqqqqqqqqqqqqqqqqqq=1") ==
          "server.properties:1: unknown key 'qqqqqqqqqqqqqqqqqqqqqq' has no effect");
}

TEST_CASE("a line that is no key and no value is an error, a known key alone is an empty value") {
    CHECK(only_error("\ngarbage") == "server.properties:2: 'garbage' is not KEY=VALUE");
    CHECK(configured("log.dirs=/a\nbroker.rack").print().find("log.dirs=/a  # file") != std::string::npos);
}

TEST_CASE("a bad value is an error with its file and line") {
    CHECK(only_error("log.segment.bytes=abc") == "server.properties:1: log.segment.bytes=abc: not a whole number");
    CHECK(only_error("log.segment.bytes=17") == "server.properties:1: log.segment.bytes=17: the least is 1048576");
    CHECK(only_error("durability=sometimes") == "server.properties:1: durability=sometimes: must be one of fsync|os");
    CHECK(only_error("num.partitions=99999999999") ==
          "server.properties:1: num.partitions=99999999999: the most is 2147483647");
    CHECK(only_error("auto.create.topics.enable=yes") ==
          "server.properties:1: auto.create.topics.enable=yes: must be true or false");
}

TEST_CASE("the value of a secret is not shown") {
    CHECK(configured("sasl.jaas.config=hunter2").print().find("hunter2") == std::string::npos);
}

TEST_CASE("a file for Kafka with KRaft is taken, with one notice about what has no effect") {
    CHECK(only_warning("process.roles=broker,controller\nnode.id=3\ncontroller.quorum.voters=3@localhost:9093\n") ==
          "without effect here: process.roles, controller.quorum.voters");
}

TEST_CASE("a flag is stronger than the environment, and that than the file") {
    Config::Builder builder;
    const std::vector<std::pair<std::string, std::string>> environment = {
        {"KAFKA_LOG_DIRS", "/env"}, {"KAFKA_NUM_PARTITIONS", "4"}, {"KAFKA_HEAP_OPTS", "-Xmx1g"}, {"HOME", "/"}};
    builder.add_flag("log.dirs", "/flag", "--data-dir");
    builder.add_environment(environment);
    builder.add_file("log.dirs=/file\nnum.partitions=2\nmin.insync.replicas=3\n", "f");
    CHECK(builder.warnings().empty());
    const Config config = std::move(builder).build();
    CHECK(config.log_dirs() == std::vector<std::string>{"/flag"});
    CHECK(config.integer("num.partitions") == 4);
    CHECK(config.integer("min.insync.replicas") == 3);
    CHECK(config.setting("num.partitions")->place == "KAFKA_NUM_PARTITIONS");
    CHECK(config.print().find("log.dirs=/flag  # flag: --data-dir") != std::string::npos);
    CHECK(config.print().find("default.replication.factor=1  # default") != std::string::npos);
}

TEST_CASE("broker.id is the older name of node.id") {
    CHECK(configured("broker.id=7").node_id().value == 7);
    CHECK(configured("broker.id=7\nnode.id=8").node_id().value == 8);
    CHECK(configured("").node_id().value == 1);
}

TEST_CASE("a topic's value is its own, else the broker's in its unit, else the default") {
    const auto empty = std::make_shared<meta::Image>();
    meta::Image::Change change(*empty);
    change.set_topic_config("own", {{"retention.ms", "5"}, {"cleanup.policy", "compact"}});
    change.set_default_broker_config({{"log.segment.bytes", "2097152"}});
    const auto image = std::move(change).finish();
    const Config hours = configured("log.retention.hours=2");
    const EffectiveConfig config(hours, *image, base::NodeId{1});
    CHECK(config.topic_integer("own", "retention.ms") == 5);
    CHECK(config.topic_integer("other", "retention.ms") == 7'200'000);
    CHECK(config.topic_integer("other", "segment.bytes") == 2'097'152);
    CHECK(config.log_config("own").cleanup_compact);
    CHECK(config.log_config("own").retention_ms == log::LogConfig::unlimited);
    CHECK(config.log_config("other").retention_ms == 7'200'000);
    const Config minutes = configured("log.retention.hours=2\nlog.retention.minutes=1");
    CHECK(EffectiveConfig(minutes, *image, base::NodeId{1}).topic_integer("other", "retention.ms") == 60'000);
    const Config unlimited = configured("log.retention.hours=-1");
    CHECK(EffectiveConfig(unlimited, *image, base::NodeId{1}).topic_integer("other", "retention.ms") == -1);
}

TEST_CASE("a described key says where its value comes from and what else it has been given") {
    const auto empty = std::make_shared<meta::Image>();
    meta::Image::Change change(*empty);
    change.set_topic_config("t", {{"retention.ms", "5"}});
    const auto image = std::move(change).finish();
    const Config fixed = configured("log.retention.hours=2\nssl.key.password=x");
    const EffectiveConfig config(fixed, *image, base::NodeId{1});
    const auto keys = config.describe_topic("t");
    CHECK(keys.size() > 30);
    const auto& retention = described(keys, "retention.ms");
    CHECK(retention.value == "5");
    CHECK(retention.source == ConfigSource::topic);
    REQUIRE(retention.synonyms.size() == 3);
    CHECK(retention.synonyms[1].name == "log.retention.hours");
    CHECK(retention.synonyms[1].value == "2");
    CHECK(retention.synonyms[1].source == ConfigSource::static_broker);
    CHECK(retention.synonyms[2].source == ConfigSource::preset);
    CHECK(described(config.describe_topic("other"), "retention.ms").value == "7200000");
    const auto broker_keys = config.describe_broker();
    const auto& secret = described(broker_keys, "ssl.key.password");
    CHECK(secret.sensitive);
    CHECK_FALSE(secret.value);
    CHECK(described(broker_keys, "node.id").read_only);
    CHECK_FALSE(described(broker_keys, "log.segment.bytes").read_only);
}

TEST_CASE("configurations that may not stand are refused by name") {
    CHECK(check_topic_config({{"retention.ms", "1"}, {"cleanup.policy", "compact,delete"}}));
    CHECK(check_topic_config({{"retention.mss", "1"}}).error().message ==
          "unknown topic config 'retention.mss'; did you mean 'retention.ms'?");
    CHECK(check_topic_config({{"retention.ms", "-7"}}).error().code == base::Errc::invalid_config);
    CHECK(check_topic_config({{"cleanup.policy", "burn"}}).error().code == base::Errc::invalid_config);
    CHECK(check_broker_config("1", {{"log.segment.bytes", "2097152"}}));
    CHECK_FALSE(check_broker_config("1", {{"node.id", "3"}}));
    CHECK_FALSE(check_broker_config("", {{"listeners", "PLAINTEXT://:1"}}));
}

TEST_CASE("listeners are read and held to what is served") {
    const auto good =
        endpoints_of(configured("listeners=PLAINTEXT://:9092,INTERNAL://[::1]:0,CONTROLLER://:9093\n"
                                "listener.security.protocol.map=INTERNAL:PLAINTEXT,PLAINTEXT:PLAINTEXT,"
                                "CONTROLLER:PLAINTEXT\ncontroller.listener.names=CONTROLLER\n"
                                "advertised.listeners=PLAINTEXT://example.org:29092"));
    REQUIRE_MESSAGE(good, good.error().message);
    REQUIRE(good->listeners.size() == 2);
    CHECK(good->listeners[0].address == net::Address{"", 9092});
    CHECK(good->listeners[1].address == net::Address{"::1", 0});
    CHECK(good->advertised.size() == 1);
    CHECK_FALSE(endpoints_of(configured("listeners=SSL://:9093")));
    CHECK_FALSE(endpoints_of(configured("listeners=PLAINTEXT://:1,PLAINTEXT://:2")));
    CHECK_FALSE(endpoints_of(configured("listeners=NOBODY://:1")));
    CHECK_FALSE(endpoints_of(configured("listeners=localhost:9092")));
    CHECK_FALSE(endpoints_of(configured("advertised.listeners=PLAINTEXT://0.0.0.0:9092")));
}

TEST_CASE("docs/configuration.md is what the table says") {
    std::ifstream file("docs/configuration.md", std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    const bool same = text.str() == configuration_page();
    CHECK_MESSAGE(same, "run: klog broker --configuration-page > docs/configuration.md");
}

TEST_CASE("bounds for single addresses are read, and refused when they are none") {
    const auto read = connection_overrides("10.0.0.1:5, ::1:7,host:0");
    REQUIRE(read.has_value());
    CHECK(read->size() == 3);
    CHECK(read->at("::1") == 7);
    CHECK(connection_overrides("")->empty());
    for (const char* bad : {"10.0.0.1", "10.0.0.1:", ":5", "a:x", "a:-1", "a:5x"})
        CHECK_FALSE(connection_overrides(bad));
    CHECK_FALSE(check_value(*find_broker_key("max.connections.per.ip.overrides"), "a"));
}
