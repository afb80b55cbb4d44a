// SPDX-License-Identifier: Apache-2.0
// The whole client against a fake cluster in simulation: what it promises holds whatever network and leaders do.
#include <doctest/doctest.h>

#include "core/client/consumer.h"
#include "core/client/producer.h"
#include "tests/client/fake_cluster.h"

using namespace klog;
using namespace klog::client;
using base::Errc;
using base::Offset;
using base::PartitionId;
using runtime::Task;
using test::FakeCluster;

namespace {

/// Brokers and a client in one world.
struct World {
    explicit World(std::uint64_t seed, int brokers = 2, int partitions = 3, bool listening = true)
        : sim(seed, 1),
          network(sim.world()),
          client_machine(sim.world(), "client", 1),
          fake(network, brokers, partitions) {
        config.bootstrap = {{"broker0", 9092}};
        config.batch_bytes = 400;
        config.request_timeout_ms = 2000;
        config.connect_timeout_ms = 1000;
        network.host("broker0");
        if (listening) sim.run(fake.start());
    }
    ~World() {
        client_machine.crash();
        sim.crash();
    }

    runtime::SimRuntime sim;
    net::MemoryNetwork network;
    runtime::SimRuntime client_machine;
    FakeCluster fake;
    Config config;
};

struct Tally {
    int delivered = 0, failed = 0;
    std::string last_error;
};

/// Produces `count` records, each to the partition of its number, moving leaders and cutting connections as it goes.
Task<void> produce(World* world, int count, int trouble_every, Tally* tally) {
    Cluster cluster(world->client_machine, world->network.host("client"), world->config, base::Random(5));
    {
        Producer producer(cluster, [tally](const Delivery& delivery) {
            (delivery.error ? tally->failed : tally->delivered) += delivery.count;
            if (delivery.error) tally->last_error = delivery.error->message;
        });
        auto opening = producer.open("t");
        const auto topic = co_await std::move(opening);
        KLOG_CHECK(topic.has_value());
        base::Random random(world->sim.world().seed());
        for (int i = 0; i < count; ++i) {
            if (trouble_every > 0 && random.one_in(static_cast<std::uint64_t>(trouble_every))) {
                if (random.one_in(2))
                    world->network.cut_all();
                else
                    world->fake.move_leader(static_cast<int>(random.below(3)), static_cast<int>(random.below(2)));
                co_await runtime::sleep_until(cluster.now() + std::chrono::milliseconds(random.below(20)));
            }
            const std::string value = std::to_string(i);
            for (;;) {
                const auto appended = producer.append(*topic, {1, std::nullopt, value, {}}, PartitionId{i % 3},
                                                      static_cast<std::uint64_t>(i) + 1);
                KLOG_CHECK(appended.has_value());
                if (*appended != Producer::Appended::full) break;
                KLOG_CHECK(std::cmp_less_equal(producer.buffered_bytes(), world->config.buffer_memory + 4096));
                co_await producer.room();
            }
        }
        co_await producer.flush();
        KLOG_CHECK((co_await producer.close()).has_value());
    }
    co_await cluster.close();
}

/// Reads everything up to the ends; values by partition.
Task<void> consume(World* world, int trouble_every, std::map<int, std::vector<std::string>>* values) {
    Cluster cluster(world->client_machine, world->network.host("client"), world->config, base::Random(6));
    {
        Consumer consumer(cluster, nullptr);
        auto looking = cluster.topic("t");
        KLOG_CHECK((co_await std::move(looking)).has_value());
        std::vector<PartitionId> partitions{{0}, {1}, {2}};
        auto resolving = resolve(cluster, "t", std::move(partitions), {}, Isolation::read_committed, true);
        const auto stretches = co_await std::move(resolving);
        KLOG_CHECK(stretches.has_value());
        consumer.assign("t", *stretches);
        base::Random random(world->sim.world().seed() + 1);
        for (;;) {
            if (trouble_every > 0 && random.one_in(static_cast<std::uint64_t>(trouble_every))) {
                if (random.one_in(2))
                    world->network.cut_all();
                else
                    world->fake.move_leader(static_cast<int>(random.below(3)), static_cast<int>(random.below(2)));
            }
            auto waiting = consumer.next();
            auto fetched = co_await std::move(waiting);
            KLOG_CHECK(fetched.has_value());
            if (!*fetched) break;
            const int partition = (*fetched)->where.partition.value;
            RecordStream stream(std::move(**fetched), true, Isolation::read_committed);
            StreamRecord record;
            while (stream.next(record).value()) (*values)[partition].emplace_back(*record.record.value);
        }
        co_await consumer.close();
    }
    co_await cluster.close();
}

/// Reads from the start until there is an error, or nothing more.
Task<void> consume_until_error(World* world, std::size_t* pieces, std::optional<base::Error>* error) {
    Cluster cluster(world->client_machine, world->network.host("client"), world->config, base::Random(6));
    {
        Consumer consumer(cluster, nullptr);
        auto looking = cluster.topic("t");
        KLOG_CHECK((co_await std::move(looking)).has_value());
        consumer.assign("t", {{{0}, {0}}, {{1}, {0}}, {{2}, {0}}});
        for (;;) {
            auto waiting = consumer.next();
            const auto fetched = co_await std::move(waiting);
            if (!fetched) *error = fetched.error();
            if (!fetched || !*fetched) break;
            ++*pieces;
        }
        co_await consumer.close();
    }
    co_await cluster.close();
}

void check_all_there(const std::vector<std::string>& values, int partition, int count) {
    std::size_t at = 0;
    for (int i = partition; i < count; i += 3, ++at) {
        REQUIRE(at < values.size());
        REQUIRE(values[at] == std::to_string(i));
    }
    REQUIRE(values.size() == at);
}

/// Produces records without a key, one at a time, until a partition that was added meanwhile has one.
Task<void> produce_until_used(World* world, int partition, int records_max, int* sent) {
    Cluster cluster(world->client_machine, world->network.host("client"), world->config, base::Random(8));
    {
        Producer producer(cluster, nullptr);
        auto opening = producer.open("t");
        const auto topic = co_await std::move(opening);
        KLOG_CHECK(topic.has_value());
        world->fake.add_partition(1);
        while (world->fake.values(partition).empty() && *sent < records_max) {
            ++*sent;
            KLOG_CHECK(
                producer.append(*topic, {1, std::nullopt, "x", {}}, std::nullopt, static_cast<std::uint64_t>(*sent))
                    .has_value());
            co_await producer.flush();
            co_await runtime::sleep_until(cluster.now() + std::chrono::milliseconds(10));
        }
        KLOG_CHECK((co_await producer.close()).has_value());
    }
    co_await cluster.close();
}

/// Appends a record to each partition, waits a while and closes without a flush. `before` happens once the topic is
/// known, `trouble` when it is closed.
Task<void> close_early(World* world, void (*before)(World*), std::chrono::milliseconds wait, void (*trouble)(World*),
                       Tally* tally) {
    Cluster cluster(world->client_machine, world->network.host("client"), world->config, base::Random(10));
    {
        Producer producer(cluster, [tally](const Delivery& delivery) {
            (delivery.error ? tally->failed : tally->delivered) += delivery.count;
        });
        auto opening = producer.open("t");
        const auto topic = co_await std::move(opening);
        KLOG_CHECK(topic.has_value());
        if (before != nullptr) before(world);
        for (int i = 0; i < 3; ++i)
            KLOG_CHECK(producer.append(*topic, {1, std::nullopt, "x", {}}, PartitionId{i}, 1).has_value());
        const auto until = cluster.now() + wait;
        co_await runtime::sleep_until(until);
        if (trouble != nullptr) trouble(world);
        const auto closed = co_await producer.close();
        if (!closed) tally->last_error = closed.error().message;
    }
    co_await cluster.close();
}

/// Follows the topic, which has nothing, and puts a record into a partition that is added meanwhile.
Task<void> follow_growth(World* world, std::string* read, std::chrono::nanoseconds* took) {
    Cluster cluster(world->client_machine, world->network.host("client"), world->config, base::Random(11));
    {
        Consumer consumer(cluster, nullptr);
        auto looking = cluster.topic("t");
        KLOG_CHECK((co_await std::move(looking)).has_value());
        std::vector<Stretch> stretches;
        for (int i = 0; i < 3; ++i) stretches.push_back({PartitionId{i}, Offset{0}, std::nullopt});
        consumer.assign("t", stretches);
        consumer.follow("t");
        const auto began = cluster.now();
        world->fake.add_partition(1);
        Config anew = world->config;
        Cluster other(world->client_machine, world->network.host("client"), anew, base::Random(12));
        {
            Producer producer(other, nullptr);
            auto opening = producer.open("t");
            const auto topic = co_await std::move(opening);
            KLOG_CHECK(producer.append(*topic, {1, std::nullopt, "new", {}}, PartitionId{3}, 1).has_value());
            co_await producer.flush();
            KLOG_CHECK((co_await producer.close()).has_value());
        }
        co_await other.close();
        auto waiting = consumer.next();
        auto fetched = co_await std::move(waiting);
        KLOG_CHECK((fetched && *fetched));
        *took = cluster.now() - began;
        KLOG_CHECK((*fetched)->where.partition == PartitionId{3});
        RecordStream stream(std::move(**fetched), true, Isolation::read_committed);
        StreamRecord record;
        if (stream.next(record).value()) *read = *record.record.value;
        co_await consumer.close();
    }
    co_await cluster.close();
}

struct FirstLook {
    std::optional<Errc> failed;
    std::chrono::nanoseconds took{};
};

/// Asks for the topic as a command does that has just been started.
Task<void> look_first(World* world, FirstLook* look) {
    Cluster cluster(world->client_machine, world->network.host("client"), world->config, base::Random(9));
    const auto began = cluster.now();
    auto looking = cluster.topic("t");
    const auto topic = co_await std::move(looking);
    if (!topic) look->failed = topic.error().code;
    look->took = cluster.now() - began;
    co_await cluster.close();
}

Task<void> start_later(World* world) {
    co_await runtime::sleep_until(world->sim.clock().now() + std::chrono::milliseconds(700));
    co_await world->fake.start();
}

}  // namespace

TEST_CASE("a broker that listens a moment later is found, one that never does is given up after the patience for it") {
    World world(5, 2, 3, false);
    FirstLook before, without_patience, meanwhile;
    world.client_machine.run(look_first(&world, &before));
    CHECK(before.failed == Errc::connect_failed);
    CHECK(before.took >= std::chrono::milliseconds(world.config.bootstrap_patience_ms));
    CHECK(before.took < std::chrono::milliseconds(world.config.bootstrap_patience_ms + 500));
    const auto patience = std::exchange(world.config.bootstrap_patience_ms, 0);
    world.client_machine.run(look_first(&world, &without_patience));
    CHECK(without_patience.failed == Errc::connect_failed);
    CHECK(without_patience.took < std::chrono::milliseconds(100));
    world.config.bootstrap_patience_ms = patience;

    runtime::Scope scope;
    world.sim.shard(0).post([&] { scope.spawn(start_later(&world)); });
    world.client_machine.run(look_first(&world, &meanwhile));
    CHECK_FALSE(meanwhile.failed);
    CHECK(meanwhile.took >= std::chrono::milliseconds(700));
}

TEST_CASE("a host that is not there is an error at once") {
    World world(6);
    world.config.bootstrap = {{"nowhere", 9092}};
    FirstLook look;
    world.client_machine.run(look_first(&world, &look));
    CHECK(look.failed == Errc::connect_failed);
    CHECK(look.took < std::chrono::milliseconds(100));
}

TEST_CASE("a partition that is added gets records once what was known of the topic is old") {
    for (const std::int64_t max_age_ms : {1000, 5000}) {
        World world(4);
        world.config.metadata_max_age_ms = max_age_ms;
        int sent = 0;
        world.client_machine.run(produce_until_used(&world, 3, 2000, &sent));
        CHECK(world.fake.values(3).size() == 1);
        CHECK(sent >= max_age_ms / 20);  // Not before: a record takes about 10 ms.
    }
}

TEST_CASE("who follows a topic reads a partition that is added, once what was known of the topic is old") {
    World world(7);
    world.config.metadata_max_age_ms = 3000;
    std::string read;
    std::chrono::nanoseconds took{};
    world.client_machine.run(follow_growth(&world, &read, &took), std::chrono::minutes(2));
    CHECK(read == "new");
    CHECK(took >= std::chrono::seconds(3));
}

TEST_CASE("records are stored once and in order while leaders move and connections break") {
    int moved_answers = 0;
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        CAPTURE(seed);
        World world(seed);
        world.fake.hints = seed % 2 == 0;
        Tally tally;
        world.client_machine.run(produce(&world, 600, 40, &tally));
        CHECK(tally.delivered == 600);
        CHECK_MESSAGE(tally.failed == 0, tally.last_error);
        for (int partition = 0; partition < 3; ++partition)
            check_all_there(world.fake.values(partition), partition, 600);
        moved_answers += world.fake.moved_answers;
    }
    CHECK(moved_answers > 0);
}

TEST_CASE("everything is read once and in order while leaders move and connections break") {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        CAPTURE(seed);
        World world(seed);
        Tally tally;
        world.client_machine.run(produce(&world, 600, 0, &tally));
        std::map<int, std::vector<std::string>> values;
        world.client_machine.run(consume(&world, 10, &values));
        for (int partition = 0; partition < 3; ++partition) check_all_there(values[partition], partition, 600);
        CHECK(world.fake.incremental_fetches > 0);
    }
}

TEST_CASE("reading ends at a damaged batch, with its place, after what is before it and a few tries") {
    World world(3);
    Tally tally;
    world.client_machine.run(produce(&world, 600, 0, &tally));
    world.fake.damaged_at[1] = 0;
    std::optional<base::Error> error;
    std::size_t read = 0;
    world.client_machine.run(consume_until_error(&world, &read, &error));
    REQUIRE(error);
    CHECK(error->code == base::Errc::corrupt);
    CHECK(error->message == "partition 1: the batch at offset 0 is damaged on the broker (CORRUPT_MESSAGE)");
    CHECK(world.fake.damaged_answers == 5);
}

TEST_CASE("batches that a topic refuses as too large are halved until they fit, and nothing is lost or doubled") {
    World world(1);
    world.fake.max_message_bytes = 120;
    Tally tally;
    world.client_machine.run(produce(&world, 600, 60, &tally));
    CHECK(tally.delivered == 600);
    CHECK(world.fake.refused_as_too_large > 0);
    for (int partition = 0; partition < 3; ++partition) check_all_there(world.fake.values(partition), partition, 600);
}

TEST_CASE("a single record that is too large fails, and those after it are stored all the same") {
    World world(1);
    world.fake.max_message_bytes = 69;  // One record of one digit.
    Tally tally;
    world.client_machine.run(produce(&world, 30, 0, &tally));
    CHECK(tally.delivered == 10);
    CHECK(tally.failed == 20);
    CHECK(tally.last_error.find("MESSAGE_TOO_LARGE") != std::string::npos);
}

TEST_CASE("who closes without a flush hears of batches that are still being compressed") {
    World world(1);
    world.config.compression = records::Compression(records::Codec::zstd);
    Tally tally;
    world.client_machine.run(close_early(&world, nullptr, {}, nullptr, &tally));
    CHECK(tally.delivered == 0);
    CHECK(tally.failed == 3);
}

TEST_CASE("who closes without a flush hears of batches that would have been sent again") {
    int failed_in_flight = 0;
    for (int wait_ms = 0; wait_ms < 20; ++wait_ms) {
        World world(static_cast<std::uint64_t>(wait_ms) + 1);
        world.config.linger_us = 0;
        world.fake.hints = false;
        Tally tally;
        const auto move = [](World* w) { w->fake.move_leader(0, 1); };
        world.client_machine.run(close_early(&world, move, std::chrono::milliseconds(wait_ms), nullptr, &tally));
        CHECK(tally.delivered + tally.failed == 3);
        failed_in_flight += world.fake.moved_answers > 0 ? tally.failed : 0;
    }
    CHECK(failed_in_flight > 0);
}

TEST_CASE("with acks=0 closing says whether all that was sent has been read") {
    for (const bool cut : {false, true}) {
        World world(2);
        world.config.acks = 0;
        world.config.linger_us = 0;
        Tally tally;
        const auto breaks = [](World* w) { w->network.cut_all(); };
        world.client_machine.run(
            close_early(&world, nullptr, std::chrono::seconds(1), cut ? +breaks : nullptr, &tally));
        CHECK(tally.delivered == 3);
        CHECK_MESSAGE(tally.last_error.empty() != cut, tally.last_error);
    }
}

TEST_CASE("memory stays within its bound when nothing is acknowledged, and time ends the waiting") {
    World world(3);
    world.config.buffer_memory = 20'000;
    world.config.delivery_timeout_ms = 5000;
    world.config.metadata_timeout_ms = 3000;
    const auto silence = [](World* w) { w->network.isolate("broker0"), w->network.isolate("broker1"); };
    Tally silent;
    const auto run = [](World* w, Tally* t, void (*go_silent)(World*)) -> Task<void> {
        Cluster cluster(w->client_machine, w->network.host("client"), w->config, base::Random(7));
        {
            Producer producer(cluster, [t](const Delivery& d) { (d.error ? t->failed : t->delivered) += d.count; });
            auto opening = producer.open("t");
            const auto topic = co_await std::move(opening);
            KLOG_CHECK(topic.has_value());
            go_silent(w);
            for (int i = 0; i < 2000; ++i) {
                while (*producer.append(*topic, {1, std::nullopt, "x", {}}, std::nullopt,
                                        static_cast<std::uint64_t>(i) + 1) == Producer::Appended::full) {
                    KLOG_CHECK(producer.buffered_bytes() <= 20'200);
                    co_await producer.room();
                }
            }
            co_await producer.flush();
            (void)co_await producer.close();
        }
        co_await cluster.close();
    };
    world.client_machine.run(run(&world, &silent, silence));
    CHECK(silent.failed == 2000);
}
