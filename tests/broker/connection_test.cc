// SPDX-License-Identifier: Apache-2.0
// Connections: order of answers, bytes that are no request, limits, the end.
#include <doctest/doctest.h>

#include "core/base/big_endian.h"
#include "tests/broker/one_broker.h"

using namespace klog;
using namespace klog::broker_test;

namespace {

std::string frame_of(std::string_view bytes) {
    std::string frame(4, '\0');
    base::store_big(frame.data(), static_cast<std::int32_t>(bytes.size()));
    return frame += bytes;
}

runtime::Task<void> read_until_closed(net::Stream* stream, std::span<char> into, std::optional<bool>* closed) {
    const auto n = co_await stream->read_some(into);
    *closed = !n || *n == 0;
}

/// A network whose listeners cannot take their first connections.
class StumblingNetwork final : public net::Network {
public:
    StumblingNetwork(net::Network& under, int failures) : under_(under), failures_(failures) {}
    base::Result<std::unique_ptr<net::Listener>> listen(net::Address address,
                                                        std::function<runtime::Shard&()> place) override {
        KLOG_TRY(auto listener, under_.listen(std::move(address), std::move(place)));
        return std::make_unique<Listener>(std::move(listener), failures_);
    }
    runtime::Task<base::Result<std::unique_ptr<net::Stream>>> connect(
        net::Address address, std::optional<runtime::MonotonicTime> deadline) override {
        return under_.connect(std::move(address), deadline);
    }

private:
    class Listener final : public net::Listener {
    public:
        Listener(std::unique_ptr<net::Listener> under, int failures) : under_(std::move(under)), left_(failures) {}
        runtime::Task<base::Result<std::unique_ptr<net::Stream>>> accept() override {
            if (left_-- > 0) co_return base::fail(base::Errc::limit, "no room for the socket");
            co_return co_await under_->accept();
        }
        void close() override { under_->close(); }
        const net::Address& address() const override { return under_->address(); }

    private:
        std::unique_ptr<net::Listener> under_;
        int left_;
    };

    net::Network& under_;
    int failures_;
};

}  // namespace

TEST_CASE("a connection that cannot be accepted does not end the accepting of others") {
    OneBroker world;
    world.stop();
    StumblingNetwork network(world.network.host("broker"), 3);
    world.broker_network = &network;
    world.start();
    CHECK(world.connect()->ask<wire::ApiVersionsResponse>(wire::ApiVersionsRequest{}, 0).error_code == ErrorCode::none);
    world.stop();
    world.broker_network = nullptr;
    world.start();
}

TEST_CASE("produce goes on while a fetch of the same connection waits, and is answered after it") {
    OneBroker world;
    world.create("t", 2);
    const auto talk = world.connect(), other = world.connect();
    const auto waiting = talk->start<wire::FetchResponse>(fetch_of("t", 0, 0, 60'000), 12);
    const auto produced = talk->start<wire::ProduceResponse>(produce_of("t", 1, batch_of({"x"})), 9);
    world.world.run_for(1s);
    CHECK_FALSE(produced->has_value());
    CHECK(values_in(only_partition(other->ask<wire::FetchResponse>(fetch_of("t", 1, 0), 12))).size() == 1);
    const auto mine = talk->start<wire::ProduceResponse>(produce_of("t", 0, batch_of({"y"})), 9);
    CHECK(values_in(only_partition(talk->await(waiting))).size() == 1);
    CHECK(only_partition(talk->await(produced)).error_code == ErrorCode::none);
    CHECK(only_partition(talk->await(mine)).error_code == ErrorCode::none);
}

TEST_CASE("ApiVersions in an unknown version is answered in version 0") {
    OneBroker world;
    const auto stream = world.connect_raw();
    std::string request(14, '\0');
    base::store_big<std::int16_t>(request.data(), 18);
    base::store_big<std::int16_t>(request.data() + 2, 99);
    base::store_big<std::int32_t>(request.data() + 4, 7);
    base::store_big<std::int16_t>(request.data() + 8, -1);
    base::Chain chain;
    chain.append(base::SharedBytes::own(frame_of(request)));
    REQUIRE(world.client_machine->run(stream->send(std::move(chain))));
    std::string got;
    while (got.size() < 4 || got.size() < 4u + base::load_big<std::uint32_t>(got.data())) {
        char piece[256];
        const auto n = world.client_machine->run(stream->read_some(piece));
        REQUIRE(n.has_value());
        REQUIRE(*n > 0);
        got.append(piece, *n);
    }
    CHECK(base::load_big<std::int32_t>(got.data() + 4) == 7);
    wire::ApiVersionsResponse answer;
    REQUIRE(wire::decode(std::string_view(got).substr(8), 0, answer));
    CHECK(answer.error_code == ErrorCode::unsupported_version);
    REQUIRE(answer.api_keys.size() == 1);
    CHECK(answer.api_keys[0].max_version == 4);
}

TEST_CASE("bytes that are no request end their connection and no other") {
    OneBroker world;
    world.create("t");
    const auto good = world.connect();
    for (const std::string& bytes :
         {std::string("GET / HTTP/1.1\r\n\r\n"), std::string("\x7f\xff\xff\xff", 4) + "xxxxxxxx",
          frame_of(std::string(8, '\x7f')), frame_of("short"),
          frame_of(std::string("\0\3\0\14\0\0\0\1\xff\xff\0\xff\xff\xff\xff\x0f", 16))}) {
        const auto stream = world.connect_raw();
        base::Chain chain;
        chain.append(base::SharedBytes::own(bytes));
        REQUIRE(world.client_machine->run(stream->send(std::move(chain))));
        char piece[16];
        const auto n = world.client_machine->run(stream->read_some(piece));
        CHECK((!n || *n == 0));
    }
    CHECK(only_partition(good->ask<wire::ProduceResponse>(produce_of("t", 0, batch_of({"x"})), 9)).error_code ==
          ErrorCode::none);
}

TEST_CASE("the first bytes of a large request tell whether it may come") {
    OneBroker world;
    const auto closed_after = [&](std::int32_t bytes, std::int16_t api_key, std::int16_t version) {
        std::string head(12, '\0');
        base::store_big(head.data(), bytes);
        base::store_big(head.data() + 4, api_key);
        base::store_big(head.data() + 6, version);
        const auto stream = world.connect_raw();
        base::Chain chain;
        chain.append(base::SharedBytes::own(head));
        REQUIRE(world.client_machine->run(stream->send(std::move(chain))));
        std::optional<bool> closed;
        char piece[16];
        world.on_client([&] { world.asking.spawn(read_until_closed(stream.get(), piece, &closed)); });
        world.world.run_for(1s);
        const bool was = closed.value_or(false);
        world.on_client([&] { stream->close(); });
        world.client_machine->run(world.asking.join());
        return was;
    };
    CHECK_FALSE(closed_after(100 << 20, 0, 9));
    CHECK(closed_after((100 << 20) + 1, 0, 9));
    CHECK(closed_after(100 << 20, 0, 99));
    CHECK(closed_after(100 << 20, 1234, 0));
    CHECK_FALSE(closed_after(1 << 20, 3, 9));
    CHECK(closed_after(100 << 20, 3, 9));
}

TEST_CASE("connections over max.connections.per.ip are closed at once, and a place becomes free again") {
    OneBroker world("max.connections.per.ip=2\n");
    auto one = world.connect();
    const auto two = world.connect();
    one->ask<wire::ApiVersionsResponse>(wire::ApiVersionsRequest{}, 0);
    const auto three = world.connect_raw();
    char piece[16];
    const auto n = world.client_machine->run(three->read_some(piece));
    CHECK((!n || *n == 0));
    one.reset();
    world.world.run_for(1s);
    CHECK(world.connect()->ask<wire::ApiVersionsResponse>(wire::ApiVersionsRequest{}, 0).error_code == ErrorCode::none);
}

TEST_CASE("max.connections.per.ip.overrides has a bound for one address") {
    OneBroker world("max.connections.per.ip=0\nmax.connections.per.ip.overrides=10.0.0.1:0, client:1\n");
    const auto one = world.connect();
    CHECK(one->ask<wire::ApiVersionsResponse>(wire::ApiVersionsRequest{}, 0).error_code == ErrorCode::none);
    const auto two = world.connect_raw();
    char piece[16];
    const auto n = world.client_machine->run(two->read_some(piece));
    CHECK((!n || *n == 0));
}

TEST_CASE("an idle connection is closed, a waiting one is not") {
    OneBroker world("connections.max.idle.ms=5000\n");
    world.create("t");
    const auto idle = world.connect(), waiting = world.connect();
    const auto fetch = waiting->start<wire::FetchResponse>(fetch_of("t", 0, 0, 20'000), 12);
    world.world.run_for(10s);
    CHECK(idle->closed());
    CHECK_FALSE(waiting->closed());
    waiting->await(fetch);
}

TEST_CASE("a stopping broker answers the fetch that waits, and stops soon") {
    OneBroker world;
    world.create("t");
    const auto talk = world.connect();
    const auto waiting = talk->start<wire::FetchResponse>(fetch_of("t", 0, 0, 60'000), 12);
    world.world.run_for(1s);
    const auto before = world.world.now();
    world.stop();
    CHECK(world.world.now() - before < 2s);
    CHECK(only_partition(talk->await(waiting)).records->empty());
}
