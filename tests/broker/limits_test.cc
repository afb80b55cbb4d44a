// SPDX-License-Identifier: Apache-2.0
// What bounds connections: budget, answers that nobody takes, numbers of connections.
#include <doctest/doctest.h>

#include <functional>

#include <malloc.h>

#include "core/base/big_endian.h"
#include "core/broker/limits.h"
#include "tests/broker/one_broker.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KLOG_TEST_ADDRESS_SANITIZER
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();
#endif
#endif

using namespace klog;
using namespace klog::broker_test;

namespace {

std::size_t allocated_bytes() {
#ifdef KLOG_TEST_ADDRESS_SANITIZER
    return __sanitizer_get_current_allocated_bytes();
#else
    return mallinfo2().uordblks + mallinfo2().hblkhd;
#endif
}

runtime::Task<void> take(broker::ByteBudget* budget, std::size_t bytes, const void* who, int* taken) {
    co_await budget->take(bytes, who);
    ++*taken;
}

/// Requests for all topics, which nobody waits for.
base::Chain metadata_requests(int count) {
    base::Chain chain;
    for (int i = 0; i < count; ++i)
        chain.append(wire::encode_frame(wire::RequestHeader{3, 1, i, "test"}, wire::MetadataRequest{}));
    return chain;
}

/// The first bytes of a Produce frame that says it is long.
base::Chain part_of_produce(std::size_t bytes, std::int32_t length) {
    std::string frame(bytes, 'x');
    base::store_big<std::int32_t>(frame.data(), length);
    base::store_big<std::int16_t>(frame.data() + 4, 0);
    base::store_big<std::int16_t>(frame.data() + 6, 9);
    base::Chain chain;
    chain.append(base::SharedBytes::own(std::move(frame)));
    return chain;
}

runtime::Task<void> send(net::Stream* stream, base::Chain chain) { (void)co_await stream->send(std::move(chain)); }

runtime::Task<void> read_to_end(net::Stream* stream, bool* ended) {
    std::vector<char> piece(1 << 16);
    for (;;) {
        const auto n = co_await stream->read_some(piece);
        if (!n || *n == 0) break;
    }
    *ended = true;
}

/// Reads what is there until the broker closes. False: it has not within the time.
bool is_closed(OneBroker& world, net::Stream& stream) {
    bool ended = false;
    world.on_client([&] { world.asking.spawn(read_to_end(&stream, &ended)); });
    world.world.run_for(1s);
    const bool closed = ended;
    world.on_client([&] { stream.close(); });
    world.client_machine->run(world.asking.join());
    return closed;
}

}  // namespace

TEST_CASE("a budget lets wait who comes when it is used up, but for one") {
    runtime::SimRuntime sim(1, 1);
    broker::ByteBudget budget(100);
    runtime::Scope scope;
    int a = 0, b = 0, c = 0;
    const auto on_shard = [&](std::function<void()> work) {
        sim.run([](std::function<void()> what) -> runtime::Task<void> {
            what();
            co_return;
        }(std::move(work)));
        sim.run_for(1s);
    };
    const auto run = [&](int* who, std::size_t bytes) {
        on_shard([&, who, bytes] { scope.spawn(take(&budget, bytes, who, who)); });
    };
    run(&a, 90);
    CHECK(a == 1);
    CHECK(budget.overdrawn_by() == nullptr);
    run(&b, 50);  // The one.
    CHECK(b == 1);
    CHECK(budget.overdrawn_by() == &b);
    run(&c, 10);
    run(&b, 10);
    CHECK(c == 0);
    CHECK(b == 2);
    on_shard([&] { budget.give_back(90); });
    CHECK(c == 1);
    on_shard([&] { budget.end_overdraft(&b); });
    CHECK(budget.used() == 70);
    budget.add(50);  // What is there counts, whether there is room or not.
    CHECK_FALSE(budget.has_room(0));
    run(&a, 1);
    CHECK(budget.overdrawn_by() == &a);
    run(&c, 1);
    CHECK(c == 1);
    on_shard([&] { budget.end_overdraft(&a); });
    CHECK(c == 2);
    sim.run(scope.join());
}

TEST_CASE("answers that nobody takes are bounded in memory, and their connections are closed in time") {
    OneBroker world("queued.max.request.bytes=1048576\n");
    world.create("t", 3000);
    std::vector<std::unique_ptr<net::Stream>> streams;
    const auto before = allocated_bytes();
    for (int i = 0; i < 4; ++i) {
        streams.push_back(world.connect_raw());
        world.on_client([&] { world.asking.spawn(send(streams.back().get(), metadata_requests(500))); });
    }
    world.world.run_for(5s);
    // Not bounded they would be 4 * 500 * 100 KB. On each shard one connection may have more than its part.
    CHECK(allocated_bytes() - before < 3 * broker::owed_bytes_max);
    world.world.run_for(4 * (broker::stalled_send_time + 1s));
    for (const auto& stream : streams) CHECK(is_closed(world, *stream));
    CHECK(world.connect()->ask<wire::ApiVersionsResponse>(wire::ApiVersionsRequest{}, 0).error_code == ErrorCode::none);
}

TEST_CASE("a client that takes its answers slowly gets them all") {
    OneBroker world("queued.max.request.bytes=1048576\n");
    world.create("t", 3000);
    const auto talk = world.connect();
    std::vector<Coming<wire::MetadataResponse>> coming;
    for (int i = 0; i < 200; ++i) coming.push_back(talk->start<wire::MetadataResponse>(wire::MetadataRequest{}, 1));
    for (const auto& one : coming) CHECK(talk->await(one).topics.at(0).partitions.size() == 3000);
}

TEST_CASE("a large frame that stops halfway is closed when it holds memory that others wait for, and else is not") {
    for (const char* config : {"queued.max.request.bytes=65536\n", ""}) {
        OneBroker world(config);
        const auto stream = world.connect_raw();
        world.on_client([&] { world.asking.spawn(send(stream.get(), part_of_produce(100'000, 2'000'000))); });
        world.world.run_for(broker::stalled_frame_time + 2s);
        CHECK(is_closed(world, *stream) == (*config != '\0'));
    }
}

TEST_CASE("connections over max.connections are closed at once, and a place becomes free again") {
    OneBroker world("max.connections=2\n");
    auto one = world.connect();
    const auto two = world.connect();
    one->ask<wire::ApiVersionsResponse>(wire::ApiVersionsRequest{}, 0);
    const auto three = world.connect_raw();
    CHECK(is_closed(world, *three));
    one.reset();
    world.world.run_for(1s);
    CHECK(world.connect()->ask<wire::ApiVersionsResponse>(wire::ApiVersionsRequest{}, 0).error_code == ErrorCode::none);
}

TEST_CASE("a client may ask for more answers at once than a connection is owed, and gets all in order") {
    OneBroker world;
    world.create("t");
    const auto talk = world.connect();
    const auto waiting = talk->start<wire::FetchResponse>(fetch_of("t", 0, 0, 5000), 12);
    std::vector<Coming<wire::MetadataResponse>> coming;
    for (std::size_t i = 0; i < 2 * broker::owed_answers_max; ++i)
        coming.push_back(talk->start<wire::MetadataResponse>(wire::MetadataRequest{}, 1));
    world.world.run_for(1s);
    CHECK_FALSE(coming.front()->has_value());
    for (const auto& one : coming) CHECK(talk->await(one).topics.size() == 1);
    CHECK(waiting->has_value());
}
