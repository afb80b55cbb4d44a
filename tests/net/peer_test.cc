// SPDX-License-Identifier: Apache-2.0
#include "core/net/peer.h"

#include <doctest/doctest.h>

#include <string>

#include "core/base/big_endian.h"
#include "core/net/memory_network.h"
#include "core/net/request.h"
#include "core/wire/messages/18_api_versions.h"

using namespace klog;
using namespace std::chrono_literals;
using base::Chain;
using base::SharedBytes;
using net::MemoryNetwork;
using net::Peer;
using net::Stream;
using runtime::Scope;
using runtime::Shard;
using runtime::SimRuntime;
using runtime::Task;

namespace {

// A frame of an id and a text, as the broker of this test understands them.
Chain frame_of(std::int32_t id, std::string_view text) {
    std::string frame(8, '\0');
    base::store_big(frame.data(), static_cast<std::int32_t>(4 + text.size()));
    base::store_big(frame.data() + 4, id);
    frame += text;
    Chain chain;
    chain.append(SharedBytes::own(std::move(frame)));
    return chain;
}

// Answers every request with itself; "wait" is answered with the next one that is not, "quit" closes, "lie" is answered
// with a wrong id, "hush" is not answered.
Task<void> answer_all(Stream* stream, std::size_t* unanswered_most) {
    net::FrameReader reader(*stream, {});
    std::vector<SharedBytes> owed;
    for (;;) {
        const auto frames = co_await reader.next();
        if (!frames || frames->empty()) co_return;
        for (const SharedBytes& frame : *frames) {
            const std::string_view text = frame.view.substr(4);
            if (text == "hush") continue;
            if (text == "quit") co_return stream->close();
            owed.push_back(frame);
            *unanswered_most = std::max(*unanswered_most, owed.size());
            if (text == "wait") continue;
            Chain answers;
            for (const SharedBytes& one : owed) {
                const auto id = base::load_big<std::int32_t>(one.view.data());
                answers.append(frame_of(text == "lie" ? id + 1 : id, one.view.substr(4)));
            }
            owed.clear();
            if (!co_await stream->send(std::move(answers))) co_return;
        }
    }
}

Task<std::string> ask(Peer* peer, std::string text, runtime::Duration within) {
    const std::int32_t id = peer->next_correlation_id();
    const auto answer = co_await peer->exchange(id, frame_of(id, text), Shard::current()->now() + within);
    if (!answer) co_return std::string(base::name_of(answer.error().code));
    CHECK(base::load_big<std::int32_t>(answer->view.data()) == id);
    co_return std::string(answer->view.substr(4));
}
Task<void> ask_into(Peer* peer, std::string text, std::string* answer, runtime::Duration within = 60s) {
    *answer = co_await ask(peer, std::move(text), within);
}

struct Fixture {
    explicit Fixture(std::uint64_t seed) : sim(seed, 1), network(sim.world()) {}
    ~Fixture() { sim.crash(); }
    SimRuntime sim;
    MemoryNetwork network;
    std::size_t unanswered_most = 0;
};

// Runs `talk` with a peer that is connected to answer_all.
using Talk = Task<void> (*)(Peer*, Fixture*);
Task<void> with_peer(Fixture* in, net::PeerLimits limits, Talk talk) {
    auto& host = in->network.host("a");
    auto listener = host.listen({"a", 1}, [] -> Shard& { return *Shard::current(); });
    REQUIRE(listener);
    auto client = co_await host.connect({"a", 1}, std::nullopt);
    auto server = co_await (*listener)->accept();
    REQUIRE((client && server));
    Scope scope;
    scope.spawn(answer_all(server->get(), &in->unanswered_most));
    Peer peer(std::move(*client), limits);
    co_await talk(&peer, in);
    peer.close();
    co_await peer.join();
    co_await scope.join();
}

}  // namespace

TEST_CASE("requests are pipelined up to the bound and each gets its own answer") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        Fixture fixture(seed);
        const Talk talk = [](Peer* peer, Fixture*) -> Task<void> {
            Scope scope;
            std::vector<std::string> answers(100);
            for (std::size_t i = 0; i < 100; ++i) {
                scope.spawn(ask_into(peer, i % 5 == 4 ? std::to_string(i) : "wait", &answers[i]));
            }
            CHECK(peer->in_flight() == 5);
            co_await scope.join();
            for (std::size_t i = 0; i < 100; ++i) CHECK(answers[i] == (i % 5 == 4 ? std::to_string(i) : "wait"));
        };
        fixture.sim.run(with_peer(&fixture, {.in_flight_max = 5}, talk));
        CHECK(fixture.unanswered_most == 5);
    }
}

TEST_CASE("a request that is not answered in time fails alone, and its late answer is dropped") {
    Fixture fixture(1);
    const Talk talk = [](Peer* peer, Fixture*) -> Task<void> {
        CHECK(co_await ask(peer, "wait", 1s) == "timed_out");
        CHECK(peer->in_flight() == 1);
        CHECK(co_await ask(peer, "now", 60s) == "now");
        CHECK(peer->in_flight() == 0);
        CHECK_FALSE(peer->closed());
    };
    fixture.sim.run(with_peer(&fixture, {}, talk));
}

TEST_CASE("a request that finds no free place until its deadline fails too") {
    Fixture fixture(1);
    const Talk talk = [](Peer* peer, Fixture*) -> Task<void> {
        Scope scope;
        std::string first, second;
        scope.spawn(ask_into(peer, "wait", &first));
        scope.spawn(ask_into(peer, "never sent", &second, 1s));
        co_await runtime::sleep_until(Shard::current()->now() + 2s);
        CHECK(second == "timed_out");
        CHECK(first.empty());
        peer->close();
        co_await scope.join();
        CHECK(first == "closed");
    };
    fixture.sim.run(with_peer(&fixture, {.in_flight_max = 1}, talk));
}

TEST_CASE("who holds a connection has it alone, and the others go on in the order in which they came") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        Fixture fixture(seed);
        const Talk talk = [](Peer* peer, Fixture*) -> Task<void> {
            Scope scope;
            std::string before, after[3], late;
            scope.spawn(ask_into(peer, "before", &before));
            peer->hold();
            for (auto& answer : after) scope.spawn(ask_into(peer, "wait", &answer));
            scope.spawn(ask_into(peer, "too late", &late, 1s));
            const std::int32_t id = peer->next_correlation_id();
            const auto held = co_await peer->exchange_held(id, frame_of(id, "held"), std::nullopt);
            CHECK(held.value().view.substr(4) == "held");
            CHECK(before == "before");
            CHECK(peer->in_flight() == 0);
            co_await runtime::sleep_until(Shard::current()->now() + 2s);
            CHECK(late == "timed_out");
            peer->release();
            // What comes after the release stands behind those that wait: the answers to "wait" come with it.
            CHECK(co_await ask(peer, "last", 60s) == "last");
            co_await scope.join();
            for (const auto& answer : after) CHECK(answer == "wait");
        };
        fixture.sim.run(with_peer(&fixture, {}, talk));
    }
}

TEST_CASE("a broken connection fails all that wait, and what comes after") {
    for (const char* how : {"quit", "lie"}) {
        Fixture fixture(1);
        const Talk quit = [](Peer* peer, Fixture*) -> Task<void> {
            Scope scope;
            std::string answers[3];
            scope.spawn(ask_into(peer, "wait", &answers[0]));
            scope.spawn(ask_into(peer, "quit", &answers[1]));
            scope.spawn(ask_into(peer, "wait", &answers[2]));
            co_await scope.join();
            for (const auto& answer : answers) CHECK(answer == "closed");
            CHECK(peer->closed());
            CHECK(co_await ask(peer, "hello?", 60s) == "closed");
        };
        const Talk lie = [](Peer* peer, Fixture*) -> Task<void> {
            CHECK(co_await ask(peer, "lie", 60s) == "closed");
            CHECK(peer->closed());
        };
        fixture.sim.run(with_peer(&fixture, {}, how == std::string("quit") ? quit : lie));
    }
}

TEST_CASE("requests without an answer go out in order with the others") {
    Fixture fixture(1);
    const Talk talk = [](Peer* peer, Fixture*) -> Task<void> {
        for (int i = 0; i < 100; ++i) CHECK(co_await peer->send(frame_of(peer->next_correlation_id(), "hush")));
        CHECK(co_await ask(peer, "answer", 60s) == "answer");
    };
    fixture.sim.run(with_peer(&fixture, {.in_flight_max = 1}, talk));
}

namespace {

Task<void> answer_api_versions(Stream* stream) {
    net::FrameReader reader(*stream, {});
    for (;;) {
        const auto frames = co_await reader.next();
        if (!frames || frames->empty()) co_return;
        for (const SharedBytes& frame : *frames) {
            wire::RequestHeader header;
            std::string_view body;
            REQUIRE(wire::decode_header(frame.view, 2, header, body));
            CHECK(header.client_id == "tester");
            wire::ApiVersionsResponse response;
            response.throttle_time_ms = 77;
            Chain answer =
                wire::encode_frame(wire::ResponseHeader{header.correlation_id}, header.api_version, response);
            if (!co_await stream->send(std::move(answer))) co_return;
        }
    }
}

Task<void> ask_for_versions(MemoryNetwork* network) {
    auto& host = network->host("a");
    auto listener = host.listen({"a", 1}, [] -> Shard& { return *Shard::current(); });
    auto client = co_await host.connect({"a", 1}, std::nullopt);
    auto server = co_await (*listener)->accept();
    Scope scope;
    scope.spawn(answer_api_versions(server->get()));
    Peer peer(std::move(*client), {});
    const wire::ApiVersionsRequest request;
    const auto answer = co_await net::request<wire::ApiVersionsResponse>(peer, request, 4, "tester", std::nullopt);
    REQUIRE(answer);
    CHECK(answer->message.throttle_time_ms == 77);
    peer.close();
    co_await peer.join();
    co_await scope.join();
}

}  // namespace

TEST_CASE("a typed request is encoded, answered and decoded") {
    SimRuntime sim(1, 1);
    MemoryNetwork network(sim.world());
    sim.run(ask_for_versions(&network));
}
