// SPDX-License-Identifier: Apache-2.0
// The controller of one broker, with the real store and replicas on a memory disk.
#include <algorithm>

#include "tests/controller/one_broker.h"

namespace klog::controller::testing {

using Names = std::vector<std::string>;

TEST_CASE("a created topic is in the store, in the image of every shard, and on disk") {
    OneBroker broker;
    const auto made = good(broker.create("orders", 3));
    CHECK(made.partitions == 3);
    CHECK(made.replication_factor == 1);
    const auto image = broker.image();
    const auto* topic = image->topic("orders");
    REQUIRE(topic != nullptr);
    CHECK(topic->id == made.id);
    CHECK(image->topic(made.id) == topic);
    REQUIRE(topic->partitions.size() == 3);
    for (const auto& partition : topic->partitions) {
        CHECK(partition.leader == NodeId{1});
        CHECK(partition.leader_epoch.value == 0);
        CHECK(partition.isr == std::vector{NodeId{1}});
    }
    CHECK(image->controller_id() == NodeId{1});
    CHECK(image->cluster_id() == "test-cluster");
    REQUIRE(image->broker(NodeId{1}) != nullptr);
    CHECK(image->broker(NodeId{1})->endpoint("PLAINTEXT")->port == 9092);
    CHECK(broker.directories() == Names{"metadata", "orders_0", "orders_1", "orders_2"});
    CHECK(broker.node("/config/topics/orders") == R"({"config":{},"version":1})");
    CHECK(broker.node("/brokers/topics/orders/partitions/2/state").find(R"("leader":1)") != std::string::npos);
    CHECK(broker.node("/controller_epoch") == "1");
}

TEST_CASE("topics are refused with the exact reason") {
    OneBroker broker;
    good(broker.create("a.b"));
    const auto refused = [&](auto change) {
        NewTopic topic = OneBroker::topic("fine", -1);
        change(topic);
        const auto result = broker.create(topic);
        CHECK(broker.nodes("/brokers/topics") == Names{"a.b"});
        return code(result);
    };
    CHECK(refused([](auto& t) { t.name = ""; }) == "invalid_topic");
    CHECK(refused([](auto& t) { t.name = ".."; }) == "invalid_topic");
    CHECK(refused([](auto& t) { t.name = "a/b"; }) == "invalid_topic");
    CHECK(refused([](auto& t) { t.name = std::string(250, 'x'); }) == "invalid_topic");
    CHECK(refused([](auto& t) { t.name = "a.b"; }) == "exists");
    CHECK(refused([](auto& t) { t.name = "a_b"; }) == "invalid_topic");
    CHECK(refused([](auto& t) { t.partitions = 0; }) == "invalid_partitions");
    CHECK(refused([](auto& t) { t.partitions = -2; }) == "invalid_partitions");
    CHECK(refused([](auto& t) { t.partitions = 2'000'000'000; }) == "invalid_partitions");
    CHECK(refused([](auto& t) { t.partitions = 90'000; }) == "policy_violation");
    CHECK(refused([](auto& t) { t.replication_factor = 0; }) == "invalid_replication_factor");
    CHECK(refused([](auto& t) { t.replication_factor = 2; }) == "invalid_replication_factor");
    CHECK(refused([](auto& t) { t.configs = {{"bad", "1"}}; }) == "invalid_config");
    CHECK(refused([](auto& t) { t.configs = {{"good", std::nullopt}}; }) == "invalid_config");
    const PartitionId p0{0}, p1{1};
    const std::vector one{NodeId{1}}, two{NodeId{2}}, both{NodeId{1}, NodeId{1}};
    CHECK(refused([&](auto& t) { t.assignments = {{p0, two}}; }) == "invalid_replica_assignment");
    CHECK(refused([&](auto& t) { t.assignments = {{p0, both}}; }) == "invalid_replica_assignment");
    CHECK(refused([&](auto& t) { t.assignments = {{p1, one}}; }) == "invalid_replica_assignment");
    CHECK(refused([&](auto& t) { t.assignments = {{p0, one}, {p0, one}}; }) == "invalid_replica_assignment");
    CHECK(refused([&](auto& t) { t.assignments = {{p0, {}}}; }) == "invalid_replica_assignment");
    CHECK(refused([&](auto& t) { t.assignments = {{p0, one}}, t.partitions = 1; }) == "invalid_argument");
    NewTopic long_name = OneBroker::topic(std::string(249, 'l'), 100'001);
    CHECK(code(broker.create(long_name)) == "invalid_partitions");
}

TEST_CASE("one request answers each topic on its own, and a name given twice is refused") {
    OneBroker broker;
    std::vector<NewTopic> topics{OneBroker::topic("a"), OneBroker::topic("b", 0), OneBroker::topic("c"),
                                 OneBroker::topic("c"), OneBroker::topic("d.e"),  OneBroker::topic("d_e")};
    const auto results = broker.run(broker.controller().create_topics(topics, false, broker.soon()));
    Names codes;
    for (const auto& result : results) codes.push_back(code(result));
    CHECK(codes == Names{"ok", "invalid_partitions", "invalid_argument", "invalid_argument", "ok", "invalid_topic"});
    CHECK(broker.nodes("/brokers/topics") == Names{"a", "d.e"});
}

TEST_CASE("a topic that is only validated is not made") {
    OneBroker broker;
    const auto made = good(broker.create(OneBroker::topic("a", 7), true));
    CHECK(made.partitions == 7);
    CHECK(made.id.is_zero());
    CHECK(broker.nodes("/brokers/topics").empty());
}

TEST_CASE("a topic given by hand gets the defaults of nobody") {
    OneBroker broker;
    broker.life->defaults.partitions = 5;
    CHECK(good(broker.create("counted", -1)).partitions == 5);
    NewTopic by_hand = OneBroker::topic("by-hand", -1);
    by_hand.assignments = {{PartitionId{0}, {NodeId{1}}}, {PartitionId{1}, {NodeId{1}}}};
    CHECK(good(broker.create(by_hand)).partitions == 2);
}

TEST_CASE("a deleted topic leaves nothing, and its name is free") {
    OneBroker broker;
    const auto first = good(broker.create("t", 2));
    good(broker.create("other"));
    CHECK(code(broker.remove("none")) == "not_found");
    CHECK(good(broker.remove("t")).id == first.id);
    CHECK(broker.image()->topic("t") == nullptr);
    CHECK(broker.image()->topic(first.id) == nullptr);
    CHECK(broker.nodes("/brokers/topics") == Names{"other"});
    CHECK(broker.nodes("/config/topics") == Names{"other"});
    CHECK(broker.nodes("/admin/delete_topics").empty());
    for (const auto& name : broker.directories()) {
        const bool remains = name == "metadata" || name == "other_0" || name.ends_with("-delete");
        CHECK_MESSAGE(remains, name);
    }
    const auto second = good(broker.create("t"));
    CHECK(second.id != first.id);
    CHECK(code(broker.remove(first.id)) == "not_found");
    CHECK(good(broker.remove(second.id)).name == "t");
}

TEST_CASE("deletion can be switched off") {
    OneBroker broker;
    good(broker.create("t"));
    broker.life->defaults.delete_enabled = false;
    CHECK(code(broker.remove("t")) == "unsupported");
    CHECK(broker.image()->topic("t") != nullptr);
}

TEST_CASE("a topic grows, and refuses what is no growth") {
    OneBroker broker;
    good(broker.create("t", 2));
    good(broker.grow("t", 4));
    CHECK(broker.image()->topic("t")->partitions.size() == 4);
    CHECK(broker.directories() == Names{"metadata", "t_0", "t_1", "t_2", "t_3"});
    CHECK(code(broker.grow("t", 4)) == "invalid_partitions");
    CHECK(code(broker.grow("t", 1)) == "invalid_partitions");
    CHECK(code(broker.grow("none", 4)) == "not_found");
    CHECK(code(broker.grow("t", 6, {{NodeId{1}}})) == "invalid_replica_assignment");
    CHECK(code(broker.grow("t", 5, {{NodeId{7}}})) == "invalid_replica_assignment");
    CHECK(code(broker.grow("t", 5, {{NodeId{1}}}, true)) == "ok");
    CHECK(broker.image()->topic("t")->partitions.size() == 4);
    good(broker.grow("t", 5, {{NodeId{1}}}));
    CHECK(broker.image()->topic("t")->partitions.size() == 5);
}

TEST_CASE("configuration is altered whole or by edits, and is in force when it is answered") {
    OneBroker broker;
    good(broker.create("t"));
    const ConfigResource topic{ResourceType::topic, "t"};
    const auto in_force = [&] { return broker.image()->topic_config("t"); };
    good(broker.alter(topic, {{"a", ConfigOp::set, "1"}, {"b", ConfigOp::set, "2"}}));
    CHECK(in_force() == meta::Config{{"a", "1"}, {"b", "2"}});
    good(broker.alter(topic, {{"a", ConfigOp::remove, std::nullopt}, {"none", ConfigOp::remove, std::nullopt}}));
    CHECK(in_force() == meta::Config{{"b", "2"}});
    good(broker.alter(topic, {{"list", ConfigOp::append, "y,x,z"}}));
    CHECK(in_force().at("list") == "x,y,z");
    good(broker.alter(topic, {{"list", ConfigOp::subtract, "x,none"}}));
    CHECK(in_force().at("list") == "y,z");
    good(broker.alter(topic, {{"c", ConfigOp::set, "3"}}, false));
    CHECK(in_force() == meta::Config{{"c", "3"}});
    CHECK(code(broker.alter(topic, {{"bad", ConfigOp::set, "1"}})) == "invalid_config");
    CHECK(code(broker.alter(topic, {{"b", ConfigOp::append, "1"}})) == "invalid_config");
    CHECK(code(broker.alter(topic, {{"b", ConfigOp::set, std::nullopt}})) == "invalid_argument");
    CHECK(code(broker.alter(topic, {{"b", ConfigOp::set, "1"}, {"b", ConfigOp::set, "2"}})) == "invalid_argument");
    CHECK(code(broker.alter({ResourceType::topic, "none"}, {{"a", ConfigOp::set, "1"}})) == "not_found");
    CHECK(code(broker.alter({ResourceType::broker, "x"}, {{"a", ConfigOp::set, "1"}})) == "invalid_argument");
    good(broker.alter({ResourceType::broker, "1"}, {{"a", ConfigOp::set, "own"}}));
    good(broker.alter({ResourceType::broker, ""}, {{"a", ConfigOp::set, "all"}}));
    CHECK(broker.image()->broker_config(NodeId{1}) == meta::Config{{"a", "own"}});
    CHECK(broker.image()->default_broker_config() == meta::Config{{"a", "all"}});
    CHECK(broker.node("/config/brokers/<default>") == R"({"config":{"a":"all"},"version":1})");
    CHECK(in_force() == meta::Config{{"c", "3"}});
}

TEST_CASE("topics, ids and configuration survive a stop and a kill") {
    OneBroker broker;
    const auto made = good(broker.create("t", 3));
    good(broker.alter({ResourceType::topic, "t"}, {{"a", ConfigOp::set, "1"}}));
    broker.stop();
    good(broker.start());
    CHECK(broker.image()->topic("t")->id == made.id);
    CHECK(broker.image()->topic_config("t") == meta::Config{{"a", "1"}});
    broker.kill(os::Crash::drop_unsynced);
    good(broker.start());
    CHECK(broker.image()->topic("t")->id == made.id);
    CHECK(broker.image()->topic("t")->partitions.size() == 3);
    CHECK(broker.image()->topic_config("t") == meta::Config{{"a", "1"}});
    CHECK(broker.node("/controller_epoch") == "3");
}

TEST_CASE("no life leads under an epoch that was granted to an earlier life") {
    OneBroker broker;
    good(broker.create("t"));
    const auto epoch = [&] { return broker.image()->topic("t")->partitions[0].leader_epoch.value; };
    CHECK(epoch() == 0);
    broker.kill();
    good(broker.start());
    CHECK(epoch() == 1);
    broker.stop();
    good(broker.start());
    CHECK(epoch() == 2);
}

TEST_CASE("producer ids never repeat, whatever is killed when") {
    OneBroker broker;
    std::set<std::int64_t> given;
    for (int life = 0; life < 4; ++life) {
        for (int block = 0; block < 3; ++block) {
            const auto ids = good(broker.run(broker.controller().allocate_producer_id_block(NodeId{1})));
            CHECK(ids.count == 1000);
            CHECK(given.insert(ids.first.value).second);
            CHECK(ids.first.value % 1000 == 0);
        }
        broker.kill(life % 2 == 0 ? os::Crash::process : os::Crash::drop_unsynced);
        good(broker.start());
    }
    CHECK(given.size() == 12);
}

TEST_CASE("what is asked of a broker that is not the controller is refused") {
    OneBroker broker;
    broker.run(broker.controller().stop());
    CHECK_FALSE(broker.controller().is_active());
    CHECK(broker.node("/controller") == "(not_found)");
}

namespace {

/// What one scripted change leaves in every node of the store, without times, ids and versions that differ by run.
struct Outcome {
    Names topics, configs, marks;
    std::map<std::string, std::size_t> partitions;
    bool operator==(const Outcome&) const = default;
};

Outcome look(OneBroker& broker) {
    Outcome outcome{
        broker.nodes("/brokers/topics"), broker.nodes("/config/topics"), broker.nodes("/admin/delete_topics"), {}};
    const auto image = broker.image();
    for (const auto& topic : image->topics()) {
        outcome.partitions[topic->name] = topic->partitions.size();
        for (const auto& partition : topic->partitions) CHECK(partition.leader == NodeId{1});
    }
    CHECK(outcome.marks.empty());
    CHECK(std::ranges::includes(outcome.configs, outcome.topics));
    CHECK(image->topics().size() == outcome.topics.size());
    for (const auto& name : outcome.topics) {
        REQUIRE(outcome.partitions.contains(name));
        CHECK(broker.nodes("/brokers/topics/" + name + "/partitions").size() == outcome.partitions[name]);
    }
    for (const auto& name : broker.directories()) {
        if (name == "metadata" || name.ends_with("-delete")) continue;
        const auto topic = name.substr(0, name.rfind('_'));
        CHECK_MESSAGE(outcome.partitions.contains(topic), "directory of no topic: " << name);
    }
    return outcome;
}

/// Kills the broker before or after its n-th write to the store, for each n, while it makes a change; and asks what
/// the next life finds.
void kill_at_every_write(const std::function<void(OneBroker&)>& setting, const std::function<void(OneBroker&)>& change,
                         const Outcome& before, const Outcome& after) {
    int lives = 0;
    for (const bool written : {false, true}) {
        for (int nth = 1;; ++nth) {
            int writes = 0;  // Before the broker, whose last writes still count.
            bool counting = false, died = false;
            OneBroker broker(false);
            good(broker.start([&](Life& life) {
                life.prepare_tap = [&](StoreTap& tap) {
                    auto& when = written ? tap.after_write : tap.before_write;
                    when = [&] {
                        if (!counting || ++writes != nth) return true;
                        died = true;
                        return false;
                    };
                };
            }));
            setting(broker);
            counting = true;
            change(broker);
            if (!died) {
                CHECK(look(broker) == after);
                break;
            }
            broker.kill(nth % 2 == 0 ? os::Crash::process : os::Crash::drop_unsynced);
            good(broker.start());
            const auto found = look(broker);
            CHECK_MESSAGE((found == before || found == after), "killed at write " << nth);
            // And the name is not poisoned: the change can be made, or made again.
            change(broker);
            CHECK(look(broker) == after);
            ++lives;
            REQUIRE(nth < 100);
        }
    }
    CHECK(lives >= 4);
}

}  // namespace

TEST_CASE("a topic whose creation is killed at any write is there whole or not at all") {
    kill_at_every_write([](OneBroker&) {}, [](OneBroker& broker) { (void)broker.create("t", 3); }, {},
                        {{"t"}, {"t"}, {}, {{"t", 3}}});
}

TEST_CASE("a topic whose growth is killed at any write has the old or the new partitions") {
    kill_at_every_write([](OneBroker& broker) { good(broker.create("t", 2)); },
                        [](OneBroker& broker) { (void)broker.grow("t", 5); }, {{"t"}, {"t"}, {}, {{"t", 2}}},
                        {{"t"}, {"t"}, {}, {{"t", 5}}});
}

TEST_CASE("a topic whose deletion is killed at any write is there whole or gone whole") {
    kill_at_every_write([](OneBroker& broker) { good(broker.create("t", 3)); },
                        [](OneBroker& broker) { (void)broker.remove("t"); }, {{"t"}, {"t"}, {}, {{"t", 3}}}, {});
}

TEST_CASE("a large topic is made and deleted in bounded multis") {
    OneBroker broker;
    good(broker.create("big", 1500));
    CHECK(broker.image()->topic("big")->partitions.size() == 1500);
    good(broker.remove("big"));
    CHECK(broker.nodes("/brokers/topics").empty());
}

TEST_CASE("a request that creates too many topics creates none") {
    OneBroker broker;
    std::vector<NewTopic> wanted;
    for (std::size_t i = 0; i <= topics_per_request_max; ++i)
        wanted.push_back(OneBroker::topic(fmt::format("t.{}", i)));
    const auto refused = broker.run(broker.controller().create_topics(wanted, false, broker.soon()));
    REQUIRE(refused.size() == wanted.size());
    for (const auto& one : refused) CHECK(code(one) == "policy_violation");
    CHECK(broker.nodes("/brokers/topics").empty());
    wanted.pop_back();
    for (const auto& one : broker.run(broker.controller().create_topics(wanted, true, broker.soon())))
        CHECK(code(one) == "ok");
}

TEST_CASE("names that would give one metric collide within a request too") {
    OneBroker broker;
    std::vector<NewTopic> wanted{OneBroker::topic("a.b"), OneBroker::topic("a_b"), OneBroker::topic("c")};
    const auto made = broker.run(broker.controller().create_topics(wanted, false, broker.soon()));
    CHECK(code(made.at(0)) == "ok");
    CHECK(code(made.at(1)) == "invalid_topic");
    CHECK(code(made.at(2)) == "ok");
}

TEST_CASE("a full disk makes topics wait, not vanish") {
    OneBroker broker;
    good(broker.create("a"));
    const auto used = broker.disk.used_bytes();
    broker.disk.set_capacity(used + 1000);
    const auto refused = broker.create("b", 20);
    CHECK_FALSE(refused.has_value());
    broker.disk.set_capacity(used + 100'000'000);
    broker.sim->run_for(5s);  // Nobody asks again: the topic was promised, and comes when there is room.
    REQUIRE(broker.image()->topic("b") != nullptr);
    CHECK(broker.image()->topic("b")->partitions.size() == 20);
    for (const auto& partition : broker.image()->topic("b")->partitions) CHECK(partition.leader == NodeId{1});
}

}  // namespace klog::controller::testing
