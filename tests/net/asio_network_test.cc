// SPDX-License-Identifier: Apache-2.0
#include "core/net/asio_network.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <string>

#include "core/base/log.h"
#include "core/net/frame.h"
#include "core/os/disk.h"
#include "core/runtime/scope.h"

using namespace klog;
using namespace std::chrono_literals;
using base::Chain;
using base::Errc;
using base::SharedBytes;
using net::Address;
using net::AsioNetwork;
using net::Listener;
using net::Stream;
using runtime::AsioRuntime;
using runtime::Scope;
using runtime::Shard;
using runtime::Task;

namespace {

Chain chain_of(std::string text) {
    Chain chain;
    chain.append(SharedBytes::own(std::move(text)));
    return chain;
}

struct World {
    explicit World(unsigned shards = 1) : runtime({.shards = shards}), network(runtime) {}
    AsioRuntime runtime;
    AsioNetwork network;
};

std::unique_ptr<Listener> listen_here(World* world, Address address = {"127.0.0.1", 0}) {
    auto listener = world->network.listen(std::move(address), [] -> Shard& { return *Shard::current(); });
    REQUIRE(listener);
    return std::move(*listener);
}

Task<std::unique_ptr<Stream>> connect_to(World* world, Address address) {
    auto stream = co_await world->network.connect(std::move(address), Shard::current()->now() + 10s);
    REQUIRE(stream);
    co_return std::move(*stream);
}

struct Pair {
    std::unique_ptr<Stream> client;
    std::unique_ptr<Stream> server;
};
Task<Pair> connected_pair(World* world) {
    auto listener = listen_here(world);
    Pair pair;
    pair.client = co_await connect_to(world, listener->address());
    auto accepted = co_await listener->accept();
    REQUIRE(accepted);
    pair.server = std::move(*accepted);
    co_return pair;
}

Task<std::string> read_exactly(Stream* stream, std::size_t bytes) {
    std::string all;
    std::string part(100'000, '\0');
    while (all.size() < bytes) {
        const auto n = co_await stream->read_some(part);
        REQUIRE(n);
        if (*n == 0) break;
        all.append(part, 0, *n);
    }
    co_return all;
}

Task<void> send_all(Stream* stream, Chain chain, base::Result<>* result) {
    *result = co_await stream->send(std::move(chain));
}

Task<void> echo(std::unique_ptr<Stream> stream) {
    co_await runtime::hop(stream->home());
    std::string buffer(10'000, '\0');
    for (;;) {
        const auto n = co_await stream->read_some(buffer);
        if (!n || *n == 0) co_return;
        Chain answer = chain_of(buffer.substr(0, *n));
        if (!co_await stream->send(std::move(answer))) co_return;
    }
}
Task<void> echo_and_return(std::unique_ptr<Stream> stream, Shard* home) {
    co_await echo(std::move(stream));
    co_await runtime::hop(*home);
}
Task<void> serve_echo(Listener* listener, Scope* connections) {
    for (;;) {
        auto stream = co_await listener->accept();
        if (!stream) co_return;
        connections->spawn(echo_and_return(std::move(*stream), Shard::current()));
    }
}

std::string noise(std::size_t bytes) {
    std::string all(bytes, '\0');
    std::uint64_t x = 88172645463325252;
    for (char& c : all) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        c = static_cast<char>(x);
    }
    return all;
}

struct TemporaryFile {
    TemporaryFile() {
        char name[] = "/tmp/klog-net-test-XXXXXX";
        const int fd = ::mkstemp(name);
        REQUIRE(fd >= 0);
        ::close(fd);
        path = name;
    }
    ~TemporaryFile() { ::unlink(path.c_str()); }
    std::string path;
};

}  // namespace

TEST_CASE("bytes go there and back") {
    World world;
    const auto body = [](World* in) -> Task<void> {
        auto [client, server] = co_await connected_pair(in);
        CHECK(client->peer() == server->local());
        CHECK(server->peer() == client->local());
        Chain hello = chain_of("hello");
        CHECK(co_await client->send(std::move(hello)));
        CHECK(co_await read_exactly(server.get(), 5) == "hello");
        server->close();
        std::string buffer(10, '\0');
        CHECK(co_await client->read_some(buffer) == 0U);
        const auto after_close = co_await server->read_some(buffer);
        CHECK(after_close.error().code == Errc::closed);
    };
    world.runtime.run(body(&world));
}

TEST_CASE("IPv6 and names work, a taken port and a silent one are told apart from others") {
    World world;
    const auto body = [](World* in) -> Task<void> {
        const auto place = [] -> Shard& { return *Shard::current(); };
        auto everywhere = in->network.listen({"", 0}, place);
        REQUIRE(everywhere);
        const std::uint16_t port = (*everywhere)->address().port;
        for (const char* host : {"127.0.0.1", "::1", "localhost"}) {
            auto stream = co_await in->network.connect({host, port}, Shard::current()->now() + 10s);
            CHECK(stream.has_value());
        }
        const auto taken = in->network.listen({"127.0.0.1", port}, place);
        REQUIRE_FALSE(taken);
        CHECK(taken.error().code == Errc::busy);
        CHECK(taken.error().message.find(std::to_string(port)) != std::string::npos);
        (*everywhere)->close();
        everywhere->reset();
        const auto refused = co_await in->network.connect({"127.0.0.1", port}, std::nullopt);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == Errc::connect_failed);
        const auto nowhere = co_await in->network.connect({"no.such.host.invalid", 1}, Shard::current()->now() + 10s);
        REQUIRE_FALSE(nowhere);
        CHECK((nowhere.error().code == Errc::not_found || nowhere.error().code == Errc::timed_out));
    };
    world.runtime.run(body(&world));
    CHECK(Address{"::1", 9092}.to_string() == "[::1]:9092");
}

TEST_CASE("a send larger than the socket's buffers waits for the reader, and pieces keep their order") {
    World world;
    const auto body = [](World* in) -> Task<void> {
        auto [client, server] = co_await connected_pair(in);
        const std::string big = noise(20'000'000);
        Chain chain;
        for (std::size_t at = 0, piece = 1; at < big.size(); at += piece, piece = piece * 3 % 70'001 + 1) {
            chain.append(SharedBytes::own(big.substr(at, piece)));
        }
        Scope scope;
        base::Result<> sent = base::fail(Errc::io, "not yet");
        scope.spawn(send_all(server.get(), std::move(chain), &sent));
        CHECK_FALSE(sent);
        const std::string got = co_await read_exactly(client.get(), big.size());
        CHECK((got == big));
        co_await scope.join();
        CHECK(sent);
    };
    world.runtime.run(body(&world));
}

TEST_CASE("file slices of all sizes arrive intact, by sendfile and gathered") {
    World world;
    TemporaryFile file;
    const auto body = [](World* in, std::string path) -> Task<void> {
        const std::string content = noise(30'000'000);
        auto opened = os::posix_disk().open(path, os::Open::read_write);
        REQUIRE(opened);
        REQUIRE((*opened)->write_at(0, content));
        Chain chain;
        std::string expected;
        const auto add = [&](std::size_t at, std::size_t length) {
            chain.append(SharedBytes::own("<" + std::to_string(length) + ">"));
            chain.append(base::FileSlice{*opened, at, static_cast<std::uint32_t>(length)});
            expected += "<" + std::to_string(length) + ">" + content.substr(at, length);
        };
        for (std::size_t length = 1; length < 200'000; length = length * 5 / 2 + 1) add(length * 3, length);
        for (int i = 0; i < 200; ++i) add(static_cast<std::size_t>(i) * 7, 1000);
        add(17, 29'000'000);
        for (int i = 0; i < 20; ++i) add(static_cast<std::size_t>(i), 16 * 1024);
        auto [client, server] = co_await connected_pair(in);
        Scope scope;
        base::Result<> sent = base::fail(Errc::io, "not yet");
        scope.spawn(send_all(server.get(), std::move(chain), &sent));
        const std::string got = co_await read_exactly(client.get(), expected.size());
        CHECK((got == expected));
        co_await scope.join();
        CHECK(sent);

        for (const std::uint32_t length : {100U, 100'000U}) {  // Gathered, by sendfile: both past the end.
            Chain past_the_end;
            past_the_end.append(base::FileSlice{*opened, content.size() - 10, length});
            const auto result = co_await server->send(std::move(past_the_end));
            REQUIRE_FALSE(result);
            CHECK(result.error().code == Errc::truncated);
        }
    };
    world.runtime.run(body(&world, file.path));
}

TEST_CASE("close ends a read, a send and an accept that wait") {
    World world;
    static const auto expect_closed_read = [](Stream* stream) -> Task<void> {
        std::string buffer(10, '\0');
        const auto n = co_await stream->read_some(buffer);
        REQUIRE_FALSE(n);
        CHECK(n.error().code == Errc::closed);
    };
    static const auto expect_closed_accept = [](Listener* listener) -> Task<void> {
        const auto stream = co_await listener->accept();
        REQUIRE_FALSE(stream);
        CHECK(stream.error().code == Errc::closed);
    };
    const auto body = [](World* in) -> Task<void> {
        auto [client, server] = co_await connected_pair(in);
        auto listener = listen_here(in);
        Scope scope;
        base::Result<> sent;
        scope.spawn(expect_closed_read(client.get()));
        scope.spawn(send_all(client.get(), chain_of(std::string(50'000'000, 'x')), &sent));
        scope.spawn(expect_closed_accept(listener.get()));
        CHECK(scope.running() == 3);
        client->close();
        client->close();
        listener->close();
        co_await scope.join();
        REQUIRE_FALSE(sent);
        CHECK(sent.error().code == Errc::closed);
    };
    world.runtime.run(body(&world));
}

TEST_CASE("sending to a peer that is gone is an error, not a signal") {
    World world;
    TemporaryFile file;
    const auto body = [](World* in, std::string path) -> Task<void> {
        auto opened = os::posix_disk().open(path, os::Open::read_write);
        REQUIRE((*opened)->write_at(0, std::string(100'000, 'x')));
        auto [client, server] = co_await connected_pair(in);
        client->close();
        base::Result<> sent;
        for (int i = 0; i < 100 && sent; ++i) {
            Chain slice;
            slice.append(base::FileSlice{*opened, 0, 100'000});
            sent = co_await server->send(std::move(slice));
        }
        REQUIRE_FALSE(sent);
        CHECK(sent.error().code == Errc::closed);
    };
    world.runtime.run(body(&world, file.path));
}

TEST_CASE("a thousand connections on two shards are opened, used and closed") {
    World world(2);
    static const auto visit = [](World* in, Address address, int number) -> Task<void> {
        auto stream = co_await connect_to(in, address);
        Chain hello = chain_of("hello " + std::to_string(number));
        const std::size_t bytes = hello.size();
        CHECK(co_await stream->send(std::move(hello)));
        CHECK(co_await read_exactly(stream.get(), bytes) == "hello " + std::to_string(number));
    };
    const auto body = [](World* in) -> Task<void> {
        unsigned next = 0;
        auto listener =
            in->network.listen({"127.0.0.1", 0}, [in, &next] -> Shard& { return in->runtime.shard(next++ % 2); });
        REQUIRE(listener);
        Scope accepting, connections, visitors;
        accepting.spawn(serve_echo(listener->get(), &connections));
        for (int i = 0; i < 1000; ++i) {
            visitors.spawn(visit(in, (*listener)->address(), i));
            if (i % 200 == 199) co_await visitors.join();
        }
        co_await visitors.join();
        (*listener)->close();
        co_await accepting.join();
        co_await connections.join();
        CHECK(next == 1000);
    };
    world.runtime.run(body(&world));
}

TEST_CASE("running out of descriptors is waited out, with one line in the log and no spinning") {
    World world;
    int warnings = 0;
    base::set_log_sink([&](base::LogLevel level, std::string_view) { warnings += level == base::LogLevel::warn; });
    const auto body = [](World* in) -> Task<void> {
        auto listener = listen_here(in);
        auto client = co_await connect_to(in, listener->address());
        rlimit before{};
        ::getrlimit(RLIMIT_NOFILE, &before);
        const int lowest_free = ::dup(0);
        ::close(lowest_free);
        const rlimit none{static_cast<rlim_t>(lowest_free), before.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &none);
        rusage start{}, end{};
        ::getrusage(RUSAGE_THREAD, &start);
        Shard::current()->set_timer(Shard::current()->now() + 350ms, [before] { ::setrlimit(RLIMIT_NOFILE, &before); });
        auto stream = co_await listener->accept();
        CHECK(stream.has_value());
        ::getrusage(RUSAGE_THREAD, &end);
        const auto cpu_us = [](const rusage& used) {
            return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1'000'000 + used.ru_utime.tv_usec +
                   used.ru_stime.tv_usec;
        };
        CHECK(cpu_us(end) - cpu_us(start) < 20'000);
    };
    world.runtime.run(body(&world));
    base::set_log_sink({});
    CHECK(warnings == 1);
}

TEST_CASE("frames are cut from a stream, and an end in the middle of one is an error") {
    World world;
    const auto body = [](World* in) -> Task<void> {
        auto [client, server] = co_await connected_pair(in);
        using namespace std::string_literals;
        Chain two = chain_of("\0\0\0\5hello\0\0\0\5world\0\0"s);
        CHECK(co_await client->send(std::move(two)));
        net::FrameReader reader(*server, {});
        const auto frames = co_await reader.next();
        REQUIRE(frames);
        REQUIRE(frames->size() == 2);
        CHECK((*frames)[0].view == "hello");
        CHECK((*frames)[1].view == "world");
        client->close();
        const auto end = co_await reader.next();
        REQUIRE_FALSE(end);
        CHECK(end.error().code == Errc::closed);
    };
    world.runtime.run(body(&world));
}
