// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <map>
#include <set>

#include "core/base/random.h"
#include "core/controller/controller.h"
#include "core/meta/memory_store.h"
#include "core/meta/paths.h"
#include "core/runtime/sim_runtime.h"
#include "core/wire/messages/04_leader_and_isr.h"
#include "core/wire/messages/05_stop_replica.h"
#include "core/wire/messages/06_update_metadata.h"

using namespace klog;
using namespace klog::controller;
using base::Errc;
using base::fail;
using base::NodeId;
using base::PartitionId;
using base::Result;
using runtime::Task;

namespace {

constexpr auto no_deadline = runtime::MonotonicTime::max();

/// What brokers were told, as they would remember it.
class Told final : public BrokerLink {
public:
    struct Leader {
        NodeId leader;
        base::LeaderEpoch epoch;
    };
    using Partitions = std::map<std::pair<std::string, std::int32_t>, Leader>;

    Task<Result<wire::LeaderAndIsrResponse>> leader_and_isr(
        NodeId to, std::shared_ptr<const wire::LeaderAndIsrRequest> request) override {
        for (const auto& topic : request->topic_states) {
            for (const auto& p : topic.partition_states) {
                hosted[to][{topic.topic_name, p.partition_index.value}] = {p.leader, p.leader_epoch};
            }
        }
        epoch = request->controller_epoch;
        co_return wire::LeaderAndIsrResponse{};
    }
    Task<Result<wire::UpdateMetadataResponse>> update_metadata(
        NodeId to, std::shared_ptr<const wire::UpdateMetadataRequest> request) override {
        for (const auto& topic : request->topic_states) {
            for (const auto& p : topic.partition_states) {
                if (p.leader == meta::leader_during_delete)
                    known[to].erase({topic.topic_name, p.partition_index.value});
                else
                    known[to][{topic.topic_name, p.partition_index.value}] = {p.leader, p.leader_epoch};
            }
        }
        live = request->live_brokers.size();
        co_return wire::UpdateMetadataResponse{};
    }
    Task<Result<wire::StopReplicaResponse>> stop_replica(
        NodeId to, std::shared_ptr<const wire::StopReplicaRequest> request) override {
        for (const auto& topic : request->topic_states) {
            for (const auto& p : topic.partition_states) hosted[to].erase({topic.topic_name, p.partition_index.value});
        }
        co_return wire::StopReplicaResponse{};
    }

    std::map<NodeId, Partitions> hosted, known;
    base::ControllerEpoch epoch;
    std::size_t live = 0;
};

/// Hands everything on until its n-th write; then the process that owns it is dead: `after` says whether that write
/// still happened.
class DyingStore final : public meta::Store {
public:
    DyingStore(meta::Store& store, int writes_left, bool after) : store_(store), left_(writes_left), after_(after) {}

    Task<Result<std::vector<meta::Outcome>>> multi(std::vector<meta::Operation> operations) override {
        if (dead()) co_return fail(Errc::closed, "dead");
        if (--left_ > 0) co_return co_await store_.multi(std::move(operations));
        if (after_) (void)co_await store_.multi(std::move(operations));
        co_return fail(Errc::closed, "dead");
    }
    Task<Result<meta::Node>> get(std::string path, meta::Watch watch) override {
        if (dead()) co_return fail(Errc::closed, "dead");
        co_return co_await store_.get(std::move(path), std::move(watch));
    }
    Task<Result<std::optional<meta::Stat>>> exists(std::string path, meta::Watch watch) override {
        if (dead()) co_return fail(Errc::closed, "dead");
        co_return co_await store_.exists(std::move(path), std::move(watch));
    }
    Task<Result<std::vector<std::string>>> children(std::string path, meta::Watch watch) override {
        if (dead()) co_return fail(Errc::closed, "dead");
        co_return co_await store_.children(std::move(path), std::move(watch));
    }
    meta::SessionState session_state() const override { return store_.session_state(); }
    std::int64_t session_id() const override { return store_.session_id(); }
    void on_session_change(std::function<void(meta::SessionState)>) override {}
    Task<void> close() override { co_return; }

    bool dead() const { return left_ <= 0; }

private:
    meta::Store& store_;
    int left_;
    bool after_;
};

ControllerOptions options(NodeId id) {
    ControllerOptions made;
    made.node_id = id;
    made.config_rules.check = [](const ConfigResource&, const meta::Config& config) -> Result<> {
        for (const auto& [key, value] : config) {
            if (key.starts_with("bad")) return fail(Errc::invalid_config, "{}", key);
        }
        return {};
    };
    made.config_rules.is_list = [](const ConfigResource&, std::string_view key) { return key == "cleanup.policy"; };
    made.config_rules.inherited = [](const ConfigResource&, std::string_view) {
        return std::optional<std::string>("delete");
    };
    made.defaults = [] { return TopicDefaults{}; };
    return made;
}

/// One process: a session in the store, a registered broker, a controller.
struct Node {
    Node(meta::MemoryServer& server_, Told& told, NodeId id_, base::Random& random, int writes_left = 1'000'000,
         bool after = false)
        : server(server_),
          id(id_),
          session(server, *runtime::Shard::current()),
          store(session, writes_left, after),
          controller(options(id), *machine, store, told, random) {}

    Task<void> register_broker() {
        for (const std::string& path : meta::paths::persistent()) {
            meta::Create node{path, {}};
            (void)co_await session.create(std::move(node));
        }
        meta::BrokerRegistration registration{
            {{"PLAINTEXT", "PLAINTEXT", "localhost", 9092}}, std::nullopt, 0, {}, {}, {}};
        meta::Create node{meta::paths::broker(id), meta::encode_broker(registration), meta::Lifetime::ephemeral};
        const auto made = co_await session.create(std::move(node));
        REQUIRE(made);
    }
    void die() { server.expire(session.session_id()); }

    static runtime::Runtime* machine;
    meta::MemoryServer& server;
    NodeId id;
    meta::MemoryStore session;
    DyingStore store;
    Controller controller;
};
runtime::Runtime* Node::machine = nullptr;

struct World {
    runtime::SimRuntime sim{42, 1};
    meta::MemoryServer server;
    Told told;
    base::Random random{7};

    World() { Node::machine = &sim; }
};

NewTopic topic(std::string name, std::int32_t partitions = 2) {
    NewTopic made;
    made.name = std::move(name);
    made.partitions = partitions;
    return made;
}

Task<Result<CreatedTopic>> create(Controller* controller, NewTopic wanted) {
    std::vector<NewTopic> all{std::move(wanted)};
    auto results = co_await controller->create_topics(std::move(all), false, no_deadline);
    co_return std::move(results.front());
}
Task<Result<DeletedTopic>> remove(Controller* controller, std::string name) {
    std::vector<TopicRef> all{TopicRef{std::move(name)}};
    auto results = co_await controller->delete_topics(std::move(all), no_deadline);
    co_return std::move(results.front());
}
Task<Result<>> grow(Controller* controller, std::string name, std::int32_t partitions) {
    std::vector<GrownTopic> all{{std::move(name), partitions, {}}};
    auto results = co_await controller->create_partitions(std::move(all), false, no_deadline);
    co_return std::move(results.front());
}

}  // namespace

namespace {
Task<void> lives_and_serves(World* world) {
    Node node(world->server, world->told, NodeId{1}, world->random);
    co_await node.register_broker();
    REQUIRE(co_await node.controller.start());
    REQUIRE(node.controller.is_active());
    CHECK(world->told.epoch.value == 1);
    CHECK(world->told.live == 1);

    NewTopic wanted = topic("orders", 3);
    wanted.configs.emplace_back("retention.ms", "5");
    const auto created = co_await create(&node.controller, std::move(wanted));
    REQUIRE(created);
    CHECK(created->partitions == 3);
    CHECK(created->replication_factor == 1);
    CHECK_FALSE(created->id.is_zero());
    CHECK(world->told.hosted[NodeId{1}].size() == 3);
    CHECK(world->told.known[NodeId{1}].size() == 3);
    const auto config = world->server.tree().get(meta::paths::topic_config("orders"));
    REQUIRE(config);

    const auto again = co_await create(&node.controller, topic("orders"));
    CHECK(again.error().code == Errc::exists);
    const auto collides = co_await create(&node.controller, topic("a.b"));
    REQUIRE(collides);
    const auto other = co_await create(&node.controller, topic("a_b"));
    CHECK(other.error().code == Errc::invalid_topic);
    const auto none = co_await create(&node.controller, topic("none", 0));
    CHECK(none.error().code == Errc::invalid_partitions);
    NewTopic bad = topic("bad");
    bad.configs.emplace_back("bad.key", "1");
    const auto refused = co_await create(&node.controller, std::move(bad));
    CHECK(refused.error().code == Errc::invalid_config);

    CHECK(co_await grow(&node.controller, "orders", 5));
    CHECK(world->told.known[NodeId{1}].contains({"orders", 4}));
    const auto shrunk = co_await grow(&node.controller, "orders", 5);
    CHECK(shrunk.error().code == Errc::invalid_partitions);
    const auto missing = co_await grow(&node.controller, "missing", 5);
    CHECK(missing.error().code == Errc::not_found);

    REQUIRE(co_await remove(&node.controller, "orders"));
    CHECK_FALSE(world->told.known[NodeId{1}].contains({"orders", 0}));
    CHECK_FALSE(world->server.tree().get(meta::paths::topic("orders")));
    CHECK_FALSE(world->server.tree().get(meta::paths::topic_config("orders")));
    CHECK_FALSE(world->server.tree().get(meta::paths::delete_topic("orders")));
    const auto twice = co_await remove(&node.controller, "orders");
    CHECK(twice.error().code == Errc::not_found);
    co_await node.controller.stop();
    CHECK_FALSE(world->server.tree().get(std::string(meta::paths::controller)));
}

Task<void> alters_configs(World* world) {
    Node node(world->server, world->told, NodeId{1}, world->random);
    co_await node.register_broker();
    REQUIRE(co_await node.controller.start());
    REQUIRE(co_await create(&node.controller, topic("t")));
    const auto alter = [&](bool incremental, std::vector<ConfigEdit> edits) {
        return node.controller.alter_configs({{{ResourceType::topic, "t"}, incremental, std::move(edits)}}, false);
    };
    const auto config = [&] {
        const auto stored = world->server.tree().get(meta::paths::topic_config("t"));
        return *meta::decode_config("", stored->data);
    };
    CHECK((co_await alter(true, {{"a", ConfigOp::set, "1"}, {"cleanup.policy", ConfigOp::append, "compact"}}))[0]);
    CHECK(config() == meta::Config{{"a", "1"}, {"cleanup.policy", "delete,compact"}});
    CHECK((co_await alter(true, {{"a", ConfigOp::remove, {}}, {"cleanup.policy", ConfigOp::subtract, "delete"}}))[0]);
    CHECK(config() == meta::Config{{"cleanup.policy", "compact"}});
    CHECK((co_await alter(false, {{"b", ConfigOp::set, "2"}}))[0]);
    CHECK(config() == meta::Config{{"b", "2"}});
    CHECK((co_await alter(true, {{"bad", ConfigOp::set, "2"}}))[0].error().code == Errc::invalid_config);
    CHECK((co_await alter(true, {{"b", ConfigOp::append, "2"}}))[0].error().code == Errc::invalid_config);
    CHECK((co_await alter(true, {{"b", ConfigOp::set, "1"}, {"b", ConfigOp::remove, {}}}))[0].error().code ==
          Errc::invalid_argument);
    CHECK(config() == meta::Config{{"b", "2"}});
    const auto changes = world->server.tree().children(std::string(meta::paths::config_changes));
    CHECK(changes->size() == 3);
    co_await node.controller.stop();
}

Task<void> raises_epochs(World* world) {
    {
        Node first(world->server, world->told, NodeId{1}, world->random);
        co_await first.register_broker();
        REQUIRE(co_await first.controller.start());
        REQUIRE(co_await create(&first.controller, topic("t", 1)));
        CHECK(world->told.hosted[NodeId{1}][{"t", 0}].epoch.value == 0);
        first.die();
        co_await first.controller.stop();
    }
    Node second(world->server, world->told, NodeId{1}, world->random);
    co_await second.register_broker();
    REQUIRE(co_await second.controller.start());
    CHECK(world->told.epoch.value == 2);
    CHECK(world->told.hosted[NodeId{1}][{"t", 0}].leader == NodeId{1});
    CHECK(world->told.hosted[NodeId{1}][{"t", 0}].epoch.value == 1);
    co_await second.controller.stop();
}

Task<void> fences_zombies(World* world) {
    Node zombie(world->server, world->told, NodeId{1}, world->random);
    co_await zombie.register_broker();
    REQUIRE(co_await zombie.controller.start());
    // Its session ends without its knowing; another is elected.
    Node successor(world->server, world->told, NodeId{2}, world->random);
    co_await successor.register_broker();
    REQUIRE(co_await successor.controller.start());
    CHECK_FALSE(successor.controller.is_active());
    meta::Remove post{std::string(meta::paths::controller)};
    REQUIRE(co_await successor.session.remove(std::move(post)));
    while (!successor.controller.is_active()) co_await runtime::yield_now();
    const auto refused = co_await create(&zombie.controller, topic("t"));
    CHECK(refused.error().code == Errc::not_controller);
    CHECK_FALSE(zombie.controller.is_active());
    CHECK_FALSE(world->server.tree().get(meta::paths::topic("t")));
    CHECK(co_await create(&successor.controller, topic("t")));
    co_await zombie.controller.stop();
    co_await successor.controller.stop();
}

Task<void> moves_leaders(World* world) {
    Node one(world->server, world->told, NodeId{1}, world->random);
    co_await one.register_broker();
    auto two = std::make_unique<Node>(world->server, world->told, NodeId{2}, world->random);
    co_await two->register_broker();
    REQUIRE(co_await one.controller.start());
    NewTopic wanted = topic("t", -1);
    wanted.assignments = {{PartitionId{0}, {NodeId{2}, NodeId{1}}}};
    REQUIRE(co_await create(&one.controller, std::move(wanted)));
    CHECK(world->told.known[NodeId{1}][{"t", 0}].leader == NodeId{2});
    two->die();
    while (world->told.known[NodeId{1}][{"t", 0}].leader != NodeId{1}) co_await runtime::yield_now();
    CHECK(world->told.known[NodeId{1}][{"t", 0}].epoch.value == 1);
    co_await two->controller.stop();
    co_await one.controller.stop();
}

/// Runs one life of a broker that is killed at its n-th write; returns whether it got to the end.
Task<bool> one_life(World* world, int writes, bool after, bool deletes) {
    auto node = std::make_unique<Node>(world->server, world->told, NodeId{1}, world->random, writes, after);
    co_await node->register_broker();
    bool whole = (co_await node->controller.start()).has_value();
    if (whole && deletes) whole = (co_await remove(&node->controller, "old")).has_value();
    if (whole) whole = (co_await create(&node->controller, topic("new", 3))).has_value();
    if (whole) whole = (co_await grow(&node->controller, "new", 5)).has_value();
    if (whole) whole = (co_await node->controller.allocate_producer_id_block(NodeId{1})).has_value();
    node->die();
    co_await node->controller.stop();
    co_return whole;
}

/// After a restart each topic is there whole or not at all, in the store and on the broker.
Task<void> check_whole(World* world, std::int64_t* producer_ids_from) {
    Node node(world->server, world->told, NodeId{1}, world->random);
    co_await node.register_broker();
    REQUIRE(co_await node.controller.start());
    const meta::Tree& tree = world->server.tree();
    const auto names = tree.children(std::string(meta::paths::topics));
    for (const std::string& name : *names) {
        const auto stored = meta::decode_topic("", tree.get(meta::paths::topic(name))->data);
        REQUIRE(stored);
        for (const auto& [id, replicas] : stored->partitions) {
            CHECK(tree.get(meta::paths::partition_state(name, id)));
            CHECK(world->told.hosted[NodeId{1}].contains({name, id.value}));
        }
        CHECK(tree.get(meta::paths::topic_config(name)));
    }
    for (const auto& [key, leader] : world->told.hosted[NodeId{1}]) {
        CHECK(std::ranges::find(*names, key.first) != names->end());
    }
    CHECK(tree.children(std::string(meta::paths::delete_topics))->empty());
    const auto block = co_await node.controller.allocate_producer_id_block(NodeId{1});
    REQUIRE(block);
    CHECK(block->first.value >= *producer_ids_from);
    *producer_ids_from = block->first.value + block->count;
    node.die();
    co_await node.controller.stop();
}

Task<void> prepare_old(World* world) {
    Node node(world->server, world->told, NodeId{1}, world->random);
    co_await node.register_broker();
    REQUIRE(co_await node.controller.start());
    REQUIRE(co_await create(&node.controller, topic("old", 3)));
    node.die();
    co_await node.controller.stop();
}
}  // namespace

TEST_CASE("a controller creates, grows and deletes topics and says what is wrong with each request") {
    World world;
    world.sim.run(lives_and_serves(&world));
}

TEST_CASE("configurations are set, removed, appended to, subtracted from and replaced whole") {
    World world;
    world.sim.run(alters_configs(&world));
}

TEST_CASE("no life of a broker leads under an epoch granted to an earlier one") {
    World world;
    world.sim.run(raises_epochs(&world));
}

TEST_CASE("a controller that was replaced without knowing it writes nothing and resigns") {
    World world;
    world.sim.run(fences_zombies(&world));
}

TEST_CASE("the leader of a partition moves to a replica in sync when its broker dies") {
    World world;
    world.sim.run(moves_leaders(&world));
}

TEST_CASE("killed at any write, before or after it, every change is whole or absent after a restart") {
    for (const bool after : {false, true}) {
        bool whole = false;
        for (int writes = 1; !whole; ++writes) {
            CAPTURE(writes);
            CAPTURE(after);
            REQUIRE(writes < 200);
            World world;
            std::int64_t producer_ids_from = 0;
            world.sim.run(prepare_old(&world));
            whole = world.sim.run(one_life(&world, writes, after, true));
            world.sim.run(check_whole(&world, &producer_ids_from));
            world.sim.run(check_whole(&world, &producer_ids_from));
        }
    }
}
