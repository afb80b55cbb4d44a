// SPDX-License-Identifier: Apache-2.0
#include "core/net/memory_network.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "core/runtime/scope.h"

using namespace klog;
using namespace std::chrono_literals;
using base::Chain;
using base::Errc;
using net::Address;
using net::Listener;
using net::MemoryNetwork;
using net::Network;
using net::Stream;
using runtime::Scope;
using runtime::Shard;
using runtime::SimRuntime;
using runtime::SimWorld;
using runtime::Task;

namespace {

Chain chain_of(std::string text) {
    Chain chain;
    chain.append(base::SharedBytes::own(std::move(text)));
    return chain;
}

Task<std::string> read_to_end(Stream* stream) {
    std::string all, part(3000, '\0');
    for (;;) {
        const auto n = co_await stream->read_some(part);
        if (!n) co_return all + "<broken>";
        if (*n == 0) co_return all;
        all.append(part, 0, *n);
    }
}

// A server that echoes, each connection on one of the machine's shards in turn.
Task<void> echo(std::unique_ptr<Stream> stream, Shard* home) {
    co_await runtime::hop(stream->home());
    std::string buffer(5000, '\0');
    for (;;) {
        const auto n = co_await stream->read_some(buffer);
        if (!n || *n == 0) break;
        Chain answer = chain_of(buffer.substr(0, *n));
        if (!co_await stream->send(std::move(answer))) break;
    }
    stream.reset();
    co_await runtime::hop(*home);
}
Task<void> serve(SimRuntime* machine, Network* network) {
    unsigned next = 0;
    auto listener =
        network->listen({"0.0.0.0", 9092}, [&] -> Shard& { return machine->shard(next++ % machine->shard_count()); });
    REQUIRE(listener);
    Scope connections;
    for (;;) {
        auto stream = co_await (*listener)->accept();
        if (!stream) break;
        connections.spawn(echo(std::move(*stream), Shard::current()));
    }
    co_await connections.join();
}

struct Cluster {
    explicit Cluster(std::uint64_t seed) : world(seed), network(world), client(world, "client", 1) {
        network.host("client");
        start_server();
    }
    ~Cluster() {
        server->crash();
        client.crash();
    }
    void start_server() {
        server = std::make_unique<SimRuntime>(world, "server", 2);
        server->shard(0).post([this] { server_scope.spawn(serve(server.get(), &network.host("server"))); });
        world.run_for(1ms);
    }
    Network& from_client() { return network.host("client"); }

    SimWorld world;
    MemoryNetwork network;
    SimRuntime client;
    Scope server_scope;
    std::unique_ptr<SimRuntime> server;
};

Task<base::Result<std::unique_ptr<Stream>>> try_connect(Network* network, runtime::Duration within) {
    return network->connect({"server", 9092}, Shard::current()->now() + within);
}
Task<std::unique_ptr<Stream>> connect(Network* network) {
    auto stream = co_await try_connect(network, 60s);
    REQUIRE(stream);
    co_return std::move(*stream);
}

Task<std::string> ask(Stream* stream, std::string what) {
    Chain chain = chain_of(what);
    if (!co_await stream->send(std::move(chain))) co_return "<broken>";
    std::string all, part(1000, '\0');
    while (all.size() < what.size()) {
        const auto n = co_await stream->read_some(part);
        if (!n || *n == 0) co_return all + "<broken>";
        all.append(part, 0, *n);
    }
    co_return all;
}
Task<void> ask_into(Stream* stream, std::string what, std::string* answer) { *answer = co_await ask(stream, what); }

}  // namespace

TEST_CASE("bytes of a connection keep their order through delays and short reads") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        Cluster cluster(seed);
        const auto body = [](Cluster* in) -> Task<void> {
            auto stream = co_await connect(&in->from_client());
            std::string text;
            for (int i = 0; i < 5000; ++i) text += std::to_string(i) + ' ';
            CHECK((co_await ask(stream.get(), text) == text));
            CHECK(stream->peer() == Address{"server", 9092});
        };
        cluster.client.run(body(&cluster));
    }
}

TEST_CASE("the same seed gives the same bytes at the same times") {
    const auto run = [](std::uint64_t seed) {
        Cluster cluster(seed);
        cluster.network.faults().cut_one_in = 20;
        const auto body = [](Cluster* in) -> Task<void> {
            for (int i = 0; i < 20; ++i) {
                auto stream = co_await connect(&in->from_client());
                for (int j = 0; j < 5; ++j) co_await ask(stream.get(), std::string(2000, 'x'));
            }
        };
        cluster.client.run(body(&cluster));
        return cluster.world.trace_hash();
    };
    std::set<std::uint64_t> hashes;
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        hashes.insert(run(seed));
        CHECK(hashes.contains(run(seed)));
    }
    CHECK(hashes.size() == 10);
}

TEST_CASE("a sender waits for a reader that does not read") {
    SimRuntime sim(1, 1);
    MemoryNetwork network(sim.world());
    static const auto send_much = [](Stream* stream, bool* done) -> Task<void> {
        Chain much = chain_of(std::string(2'000'000, 'x'));
        CHECK(co_await stream->send(std::move(much)));
        *done = true;
        stream->close();
    };
    const auto body = [](MemoryNetwork* in) -> Task<void> {
        auto& host = in->host("a");
        auto listener = host.listen({"a", 0}, [] -> Shard& { return *Shard::current(); });
        REQUIRE(listener);
        auto client = co_await host.connect({"localhost", (*listener)->address().port}, std::nullopt);
        auto server = co_await (*listener)->accept();
        REQUIRE(server);
        Scope scope;
        bool done = false;
        scope.spawn(send_much(client->get(), &done));
        co_await runtime::sleep_until(Shard::current()->now() + 60s);
        CHECK_FALSE(done);
        const std::string got = co_await read_to_end(server->get());
        CHECK(got.size() == 2'000'000);
        co_await scope.join();
    };
    sim.run(body(&network));
}

TEST_CASE("a partition delays, and healing delivers") {
    Cluster cluster(1);
    const auto body = [](Cluster* in) -> Task<void> {
        auto stream = co_await connect(&in->from_client());
        in->network.part("client", "server");
        Scope scope;
        std::string answer;
        scope.spawn(ask_into(stream.get(), "are you there?", &answer));
        co_await runtime::sleep_until(Shard::current()->now() + 100s);
        CHECK(answer.empty());
        const auto none = co_await try_connect(&in->from_client(), 10s);
        REQUIRE_FALSE(none);
        CHECK(none.error().code == Errc::timed_out);
        in->network.heal();
        co_await scope.join();
        CHECK(answer == "are you there?");
    };
    cluster.client.run(body(&cluster));
}

TEST_CASE("one way may be parted while the other works") {
    Cluster cluster(1);
    const auto body = [](Cluster* in) -> Task<void> {
        auto stream = co_await connect(&in->from_client());
        in->network.part_one_way("server", "client");
        Scope scope;
        std::string answer;
        scope.spawn(ask_into(stream.get(), "hello", &answer));
        co_await runtime::sleep_until(Shard::current()->now() + 10s);
        CHECK(answer.empty());
        in->network.cut("server", "client");
        co_await scope.join();
        CHECK(answer == "<broken>");
    };
    cluster.client.run(body(&cluster));
}

TEST_CASE("a crashed machine closes its connections and refuses new ones until it is back") {
    Cluster cluster(5);
    std::unique_ptr<Stream> stream;
    const auto before = [](Cluster* in, std::unique_ptr<Stream>* keep) -> Task<void> {
        *keep = co_await connect(&in->from_client());
        CHECK(co_await ask(keep->get(), "hello") == "hello");
    };
    const auto during = [](Cluster* in, std::unique_ptr<Stream>* kept) -> Task<void> {
        CHECK(co_await read_to_end(kept->get()) == "");
        kept->reset();
        const auto refused = co_await try_connect(&in->from_client(), 10s);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == Errc::connect_failed);
    };
    const auto after = [](Cluster* in) -> Task<void> {
        auto again = co_await connect(&in->from_client());
        CHECK(co_await ask(again.get(), "hello") == "hello");
    };
    cluster.client.run(before(&cluster, &stream));
    cluster.server->crash();
    cluster.client.run(during(&cluster, &stream));
    cluster.start_server();
    cluster.client.run(after(&cluster));
}

TEST_CASE("a host without power is silent; when it is back, old connections are reset") {
    Cluster cluster(5);
    std::unique_ptr<Stream> stream;
    Scope asking;
    std::string answer;
    const auto before = [](Cluster* in, std::unique_ptr<Stream>* keep) -> Task<void> {
        *keep = co_await connect(&in->from_client());
    };
    cluster.client.run(before(&cluster, &stream));
    cluster.network.power_off("server");
    cluster.server->crash();
    cluster.client.shard(0).post([&] { asking.spawn(ask_into(stream.get(), "hello", &answer)); });
    cluster.world.run_for(600s);
    CHECK(answer.empty());  // Half open: nobody says that it is over.
    cluster.network.power_on("server");
    cluster.start_server();
    const auto after = [](std::unique_ptr<Stream>* kept) -> Task<void> {
        Chain more = chain_of("hello?");
        const auto sent = co_await (*kept)->send(std::move(more));
        CHECK_FALSE(sent);
    };
    cluster.client.run(after(&stream));
    cluster.world.run_for(1s);
    CHECK(answer == "<broken>");
    stream.reset();
}

TEST_CASE("ports are taken once, and unknown hosts are not found") {
    SimRuntime sim(1, 1);
    MemoryNetwork network(sim.world());
    const auto body = [](MemoryNetwork* in) -> Task<void> {
        const auto place = [] -> Shard& { return *Shard::current(); };
        auto first = in->host("a").listen({"", 9092}, place);
        REQUIRE(first);
        CHECK(in->host("a").listen({"a", 9092}, place).error().code == Errc::busy);
        CHECK(in->host("b").listen({"b", 9092}, place).has_value());
        first->reset();
        CHECK(in->host("a").listen({"a", 9092}, place).has_value());
        const auto unknown = co_await in->host("a").connect({"nowhere", 1}, std::nullopt);
        CHECK(unknown.error().code == Errc::not_found);
        const auto refused = co_await in->host("a").connect({"b", 1}, std::nullopt);
        CHECK(refused.error().code == Errc::connect_failed);
    };
    sim.run(body(&network));
}
