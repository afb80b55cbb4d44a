// SPDX-License-Identifier: Apache-2.0
// Logins of a Connection against a broker that this test plays, in simulation.
#include <doctest/doctest.h>

#include "core/client/connection.h"
#include "core/net/frame.h"
#include "core/net/memory_network.h"
#include "core/runtime/sim_runtime.h"
#include "core/wire/headers.h"
#include "core/wire/messages/17_sasl_handshake.h"
#include "core/wire/messages/18_api_versions.h"
#include "core/wire/messages/36_sasl_authenticate.h"

using namespace klog;
using namespace klog::client;
using namespace std::chrono_literals;
using base::Errc;
using runtime::Shard;
using runtime::Task;
using wire::ErrorCode;

namespace {

/// Takes PLAIN logins of alice; while one is under way, anything else is a fault of the client.
struct Broker {
    bool has_sasl = true;
    std::vector<std::string> mechanisms = {"PLAIN"};
    std::string password = "secret";
    std::int64_t session_lifetime_ms = 0;

    int logins = 0;
    int others = 0;
    bool interrupted = false;

    bool logging_in = false;

    base::Chain answer(std::string_view frame) {
        wire::RequestHeader header;
        std::string_view body;
        const auto key = wire::peek_request_header(frame)->api_key;
        const auto version = wire::peek_request_header(frame)->api_version;
        const bool flexible = (key == 18 && version >= 3) || (key == 36 && version >= 2);
        KLOG_CHECK(wire::decode_header(frame, wire::request_header_version(flexible), header, body));
        const wire::ResponseHeader to{header.correlation_id};
        if (key == 17) {
            logging_in = true;
            const auto request = wire::decoded<wire::SaslHandshakeRequest>(body, version, "handshake");
            const bool known = std::ranges::find(mechanisms, request->mechanism) != mechanisms.end();
            wire::SaslHandshakeResponse response;
            response.error_code = known ? ErrorCode::none : ErrorCode::unsupported_sasl_mechanism;
            response.mechanisms = mechanisms;
            return wire::encode_frame(to, version, response);
        }
        if (key == 36) {
            interrupted |= !logging_in;
            logging_in = false;
            const auto request = wire::decoded<wire::SaslAuthenticateRequest>(body, version, "token");
            wire::SaslAuthenticateResponse response;
            using namespace std::string_literals;
            if (request->auth_bytes.view != "\0alice\0"s + password) {
                response.error_code = ErrorCode::sasl_authentication_failed;
                response.error_message = "no such\nuser";
            } else {
                ++logins;
                response.session_lifetime_ms = session_lifetime_ms;
            }
            return wire::encode_frame(to, version, response);
        }
        interrupted |= logging_in;
        ++others;
        wire::ApiVersionsResponse response;
        response.api_keys = {{18, 0, 4}};
        if (has_sasl) response.api_keys.insert(response.api_keys.end(), {{17, 0, 1}, {36, 0, 2}});
        return wire::encode_frame(to, version, response);
    }
};

Task<void> serve(Broker* broker, std::unique_ptr<net::Stream> stream) {
    net::FrameReader reader(*stream, {});
    for (;;) {
        const auto frames = co_await reader.next();
        if (!frames || frames->empty()) co_return;
        for (const auto& frame : *frames) {
            base::Chain answer = broker->answer(frame.view);
            if (!co_await stream->send(std::move(answer))) co_return;
        }
    }
}

Config login_config() {
    Config config;
    CHECK(set_property(config, "security.protocol", "SASL_PLAINTEXT"));
    CHECK(set_property(config, "sasl.mechanism", "PLAIN"));
    CHECK(set_property(config, "sasl.username", "alice"));
    CHECK(set_property(config, "sasl.password", "secret"));
    CHECK(prepare(config.security));
    return config;
}

using Opened = base::Result<std::shared_ptr<Connection>>;
using Talk = Task<void> (*)(Opened, Broker*);

Task<void> with_connection(runtime::SimRuntime* sim, net::Network* network, Broker* broker, Config config, Talk talk) {
    auto listener = network->listen({"a", 1}, [] -> Shard& { return *Shard::current(); });
    runtime::Scope scope;
    const auto accept = [](net::Listener* from, runtime::Scope* into, Broker* with) -> Task<void> {
        auto stream = co_await from->accept();
        if (stream) into->spawn(serve(with, std::move(*stream)));
    };
    scope.spawn(accept(listener->get(), &scope, broker));
    const net::Address address{"a", 1};
    auto opening = Connection::open(scope, *network, sim->pool(), address, config);
    Opened opened = co_await std::move(opening);
    std::shared_ptr<Connection> kept = opened ? *opened : nullptr;
    co_await talk(std::move(opened), broker);
    if (kept) kept->close();
    co_await scope.join();
}

void play(Broker& broker, const Config& config, Talk talk, std::uint64_t seed = 1) {
    runtime::SimRuntime sim(seed, 1);
    net::MemoryNetwork network(sim.world());
    sim.run(with_connection(&sim, &network.host("a"), &broker, config, talk));
}

}  // namespace

TEST_CASE("a login comes before everything but ApiVersions") {
    Broker broker;
    play(broker, login_config(), [](Opened opened, Broker* at) -> Task<void> {
        REQUIRE(opened);
        CHECK(at->logins == 1);
        CHECK(at->others == 1);
        CHECK(co_await (*opened)->barrier());
        CHECK_FALSE(at->interrupted);
    });
}

TEST_CASE("a login that is refused says who, how and why, and not the password") {
    Broker broker;
    broker.password = "another";
    play(broker, login_config(), [](Opened opened, Broker*) -> Task<void> {
        REQUIRE_FALSE(opened);
        CHECK(opened.error().code == Errc::authentication_failed);
        CHECK(opened.error().message ==
              "a:1: the login of 'alice' with PLAIN failed: no such user (SASL_AUTHENTICATION_FAILED); check "
              "sasl.username, sasl.password and sasl.mechanism");
        co_return;
    });
}

TEST_CASE("a broker without the mechanism, or without SASL, is told apart") {
    Broker other;
    other.mechanisms = {"GSSAPI", "SCRAM-SHA-256"};
    play(other, login_config(), [](Opened opened, Broker*) -> Task<void> {
        REQUIRE_FALSE(opened);
        CHECK(opened.error().message ==
              "a:1 does not take PLAIN (UNSUPPORTED_SASL_MECHANISM); sasl.mechanism can be: GSSAPI, SCRAM-SHA-256");
        co_return;
    });
    Broker none;
    none.has_sasl = false;
    play(none, login_config(), [](Opened opened, Broker*) -> Task<void> {
        REQUIRE_FALSE(opened);
        CHECK(opened.error().code == Errc::authentication_failed);
        CHECK(opened.error().message.find("has no SASL") != std::string::npos);
        co_return;
    });
}

TEST_CASE("a login that ends is renewed in time, with nothing sent in between") {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        Broker broker;
        broker.session_lifetime_ms = 10'000;
        const Talk talk = [](Opened opened, Broker* at) -> Task<void> {
            REQUIRE(opened);
            const auto ask = [](Connection* connection, int times, int* answered) -> Task<void> {
                for (int i = 0; i < times; ++i)
                    if (co_await connection->barrier()) ++*answered;
            };
            runtime::Scope asking;
            int answered = 0;
            for (int i = 0; i < 5; ++i) asking.spawn(ask(opened->get(), 5000, &answered));
            const auto end = Shard::current()->now() + 60s;
            co_await runtime::sleep_until(end);
            co_await asking.join();
            CHECK(answered == 25'000);
            CHECK_FALSE(at->interrupted);
            CHECK(at->logins >= 7);
            CHECK(at->logins <= 30);
        };
        play(broker, login_config(), talk, seed);
    }
}

TEST_CASE("a login that is not renewed ends the connection with the broker's words") {
    Broker broker;
    broker.session_lifetime_ms = 10'000;
    play(broker, login_config(), [](Opened opened, Broker* at) -> Task<void> {
        REQUIRE(opened);
        at->password = "changed meanwhile";
        co_await runtime::sleep_until(Shard::current()->now() + 20s);
        CHECK_FALSE((*opened)->is_open());
        const auto answer = co_await (*opened)->barrier();
        REQUIRE_FALSE(answer);
        CHECK(answer.error().code == Errc::authentication_failed);
        CHECK(answer.error().message.find("no such user") != std::string::npos);
    });
}
