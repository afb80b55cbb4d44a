// SPDX-License-Identifier: Apache-2.0
#include "core/runtime/sim_runtime.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <string>

#include "core/runtime/scope.h"

using namespace klog::runtime;
using namespace std::chrono_literals;

namespace {

Task<int> add_on(Shard* owner, Pool* pool, int x) {
    CHECK(Shard::current() == owner);
    const int more = co_await on_pool(*pool, [x] {
        CHECK(Shard::current() == nullptr);
        return x + 1;
    });
    CHECK(Shard::current() == owner);
    co_return more;
}
Task<void> do_nothing_on(Shard* owner) {
    CHECK(Shard::current() == owner);
    co_return;
}

// Some tasks that hop about, use the pool and sleep; the order of what they do is the result.
Task<void> wander(SimRuntime* sim, int number, std::string* order) {
    for (int round = 0; round < 3; ++round) {
        Shard& owner = sim->shard_of(static_cast<std::uint64_t>(number + round));
        const int next =
            co_await call_on(owner, [&owner, sim, number] { return add_on(&owner, &sim->pool(), number); });
        CHECK(next == number + 1);
        co_await call_on(owner, [&owner] { return do_nothing_on(&owner); });
        *order += static_cast<char>('a' + number);
        co_await sleep_until(sim->clock().now() + std::chrono::milliseconds(number));
    }
}
Task<void> wander_all(SimRuntime* sim, std::string* order) {
    Scope scope;
    for (int i = 0; i < 6; ++i) scope.spawn(wander(sim, i, order));
    co_await scope.join();
}

struct Run {
    std::string order;
    std::uint64_t hash = 0;
    MonotonicTime end;
    bool operator==(const Run&) const = default;
};
Run run_seed(std::uint64_t seed) {
    SimRuntime sim(seed, 3);
    Run run;
    sim.run(wander_all(&sim, &run.order));
    run.hash = sim.world().trace_hash();
    run.end = sim.clock().now();
    return run;
}

}  // namespace

TEST_CASE("the same seed runs the same steps, other seeds run others") {
    std::set<std::string> orders;
    std::set<std::uint64_t> hashes;
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        const Run run = run_seed(seed);
        CHECK(run == run_seed(seed));
        orders.insert(run.order);
        hashes.insert(run.hash);
    }
    CHECK(orders.size() > 40);
    CHECK(hashes.size() == 50);
}

TEST_CASE("jobs from one shard to another stay in order whatever the seed, while different senders mix") {
    std::set<std::string> orders;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        SimRuntime sim(seed, 3);
        std::string order;
        sim.shard(0).post([&] {
            sim.shard(2).post([&] { order += 'a'; });
            sim.shard(2).post([&] { order += 'b'; });
        });
        sim.shard(1).post([&] {
            sim.shard(2).post([&] { order += 'x'; });
            sim.shard(2).post([&] { order += 'y'; });
        });
        sim.run_for(1ms);
        CHECK(order.find('a') < order.find('b'));
        CHECK(order.find('x') < order.find('y'));
        orders.insert(order);
    }
    CHECK(orders.size() == 6);
}

TEST_CASE("the clock moves only when nothing is ready, and run_for ends at its end") {
    SimRuntime sim(7, 1);
    int ran = 0;
    sim.shard(0).post([&] {
        const MonotonicTime now = Shard::current()->now();
        Shard::current()->set_timer(now + 5s, [&] { ++ran; });
        Shard::current()->set_timer(now + 15s, [&] { ++ran; });
        for (int i = 0; i < 1000; ++i) {
            Shard::current()->post([now] { CHECK(Shard::current()->now() == now); });
        }
    });
    sim.run_for(10s);
    CHECK(ran == 1);
    CHECK(sim.clock().now() == MonotonicTime(10s));
    const auto wall_ms = sim.clock().wall_ms();
    sim.jump_wall(-1h);
    CHECK(sim.clock().wall_ms() == wall_ms - 3'600'000);
    CHECK(sim.run_until([&] { return ran == 2; }, 4s) == SimWorld::Ended::time);
    CHECK(sim.run_until([&] { return ran == 2; }, 2s) == SimWorld::Ended::condition);
    CHECK(sim.run_until([&] { return ran == 3; }, 2s) == SimWorld::Ended::idle);
}

TEST_CASE("a due timer that another job cancels does not run") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        SimRuntime sim(seed, 1);
        int first = 0, second = 0;
        sim.shard(0).post([&] {
            Shard& shard = *Shard::current();
            auto id = std::make_shared<TimerId>();
            const MonotonicTime at = shard.now() + 1s;
            shard.set_timer(at, [&, id] { ++first, shard.cancel_timer(*id); });
            *id = shard.set_timer(at, [&] { ++second; });
        });
        sim.run_for(2s);
        CHECK(first == 1);
        CHECK(second == 0);
    }
}

namespace {

struct Tally {
    int destroyed = 0;
    int resumed = 0;
};
struct Guard {  // Uses its owner when it dies, as a permit or a connection does.
    Semaphore* permits;
    Tally* tally;
    ~Guard() {
        permits->release(1);
        ++tally->destroyed;
    }
};
struct Server {
    Semaphore permits{1000};
    Signal never;
    Scope scope;
};
Task<void> serve(Server* server, SimRuntime* sim, int how, Tally* tally) {
    co_await server->permits.acquire(1);
    const Guard guard{&server->permits, tally};
    switch (how) {
        case 0: co_await server->never.wait(); break;
        case 1: co_await server->never.wait(sim->clock().now() + 1h); break;
        case 2: co_await sleep_until(sim->clock().now() + 1h); break;
        case 3: co_await on_pool(sim->pool(), [] { return 1; }); break;
        case 4: co_await hop(sim->shard(1)); break;
        case 5: co_await yield_now(); break;
        default: co_await server->permits.acquire(1000);
    }
    co_await hop(sim->shard(0));
    ++tally->resumed;
}
Task<void> broker_main(SimRuntime* sim, Tally* tally) {
    auto server = std::make_unique<Server>();
    for (int how = 0; how < 7; ++how) server->scope.spawn(serve(server.get(), sim, how, tally));
    co_await server->scope.join();
}

}  // namespace

TEST_CASE("a crash destroys all coroutines of the machine wherever they wait, and resumes none") {
    SimWorld world(3);
    SimRuntime other(world, "other", 1);
    Tally tally;
    int ticks = 0;
    auto broker = std::make_unique<SimRuntime>(world, "broker", 2);
    Scope started_by_test;
    broker->shard(0).post([&] { started_by_test.spawn(broker_main(broker.get(), &tally)); });
    other.shard(0).post([&] { Shard::current()->set_timer(world.now() + 1s, [&] { ++ticks; }); });
    while (started_by_test.running() == 0) world.step();
    Shard& old_shard = broker->shard(0);

    broker->crash();
    CHECK(tally.destroyed == 7);
    CHECK(tally.resumed == 0);
    CHECK(started_by_test.running() == 0);
    old_shard.post([&] { ++tally.resumed; });
    broker = std::make_unique<SimRuntime>(world, "broker", 2);  // It starts again.
    world.run_for(2s);
    CHECK(tally.resumed == 0);
    CHECK(ticks == 1);
}

TEST_CASE("a scope that a younger coroutine owns is torn down with it") {
    SimRuntime sim(3, 1);
    Tally tally;
    static const auto hold = [](std::unique_ptr<Server> server) -> Task<void> { co_await server->never.wait(); };
    static const auto main_of = [](SimRuntime* machine, Tally* count) -> Task<void> {
        auto server = std::make_unique<Server>();
        server->scope.spawn(serve(server.get(), machine, 0, count));
        Scope scope;
        scope.spawn(hold(std::move(server)));
        co_await scope.join();
    };
    Scope outer;
    sim.shard(0).post([&] { outer.spawn(main_of(&sim, &tally)); });
    sim.run_for(1s);
    CHECK(outer.running() == 1);
    sim.crash();
    CHECK(tally.destroyed == 1);
}

TEST_CASE("a task that will never end is a failed check that names the seed") {
    int words[2];
    REQUIRE(::pipe(words) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
        ::signal(SIGABRT, SIG_DFL);  // doctest has its own.
        ::dup2(words[1], STDERR_FILENO);
        SimRuntime sim(4711, 1);
        static const auto wait_for_nobody = []() -> Task<void> {
            Signal signal;
            co_await signal.wait();
        };
        sim.run(wait_for_nobody());
        ::_exit(0);
    }
    ::close(words[1]);
    std::string said(1000, '\0');
    said.resize(static_cast<std::size_t>(std::max<ssize_t>(0, ::read(words[0], said.data(), said.size()))));
    ::close(words[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(WIFSIGNALED(status));
    CHECK(said.find("deadlock") != std::string::npos);
    CHECK(said.find("4711") != std::string::npos);
}
