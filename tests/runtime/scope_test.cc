// SPDX-License-Identifier: Apache-2.0
#include "core/runtime/scope.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "core/runtime/sim_runtime.h"

using namespace klog::runtime;
using namespace std::chrono_literals;

namespace {

Task<void> nothing() { co_return; }
Task<void> append(std::string* to, char what) {
    *to += what;
    co_return;
}
Task<void> wait_then_append(Signal* signal, std::string* to, char what) {
    const bool notified = co_await signal->wait();
    *to += notified ? what : '-';
}
Task<void> spawn_another(Scope* scope, int* left) {
    co_await yield_now();
    if (--*left > 0) scope->spawn(spawn_another(scope, left));
}
Task<void> sleep_for(Duration duration) { co_await sleep_until(Shard::current()->now() + duration); }

}  // namespace

TEST_CASE("a scope joins tasks that end at once and tasks that take their time") {
    SimRuntime sim(1, 1);
    const auto body = [](SimRuntime* world) -> Task<Duration> {
        Scope scope;
        const MonotonicTime began = world->clock().now();
        scope.spawn(nothing());
        CHECK(scope.running() == 0);
        scope.spawn(sleep_for(3s));
        scope.spawn(sleep_for(2s));
        CHECK(scope.running() == 2);
        co_await scope.join();
        co_await scope.join();
        co_return world->clock().now() - began;
    };
    CHECK(sim.run(body(&sim)) == 3s);
}

TEST_CASE("what is spawned while a join waits is joined too") {
    SimRuntime sim(1, 1);
    int left = 50;
    const auto body = [](int* more) -> Task<void> {
        Scope scope;
        scope.spawn(spawn_another(&scope, more));
        co_await scope.join();
    };
    sim.run(body(&left));
    CHECK(left == 0);
}

TEST_CASE("notify_all wakes in the order of arrival, after the notifier has gone on") {
    SimRuntime sim(1, 1);
    std::string order;
    const auto body = [](std::string* to) -> Task<void> {
        Signal signal;
        Scope scope;
        for (const char c : {'1', '2', '3'}) scope.spawn(wait_then_append(&signal, to, c));
        CHECK(signal.waiting() == 3);
        signal.notify_all();
        CHECK(signal.waiting() == 0);
        scope.spawn(append(to, '0'));
        co_await scope.join();
    };
    sim.run(body(&order));
    CHECK(order == "0123");
}

TEST_CASE("who waits again while being notified waits for the next notification") {
    SimRuntime sim(1, 1);
    static const auto twice = [](Signal* signal, int* times) -> Task<void> {
        co_await signal->wait();
        ++*times;
        co_await signal->wait();
        ++*times;
    };
    const auto body = []() -> Task<void> {
        Signal signal;
        Scope scope;
        int times = 0;
        scope.spawn(twice(&signal, &times));
        signal.notify_all();
        signal.notify_all();  // Nobody waits: not remembered.
        co_await yield_now();
        CHECK(times == 1);
        signal.notify_all();
        co_await scope.join();
        CHECK(times == 2);
    };
    sim.run(body());
}

TEST_CASE("a wait with a deadline ends by the signal or by the time, whichever is first, and leaves no timer") {
    SimRuntime sim(1, 1);
    static const auto notify_later = [](Signal* signal, Duration after) -> Task<void> {
        co_await sleep_for(after);
        signal->notify_all();
    };
    const auto body = [](SimRuntime* world) -> Task<void> {
        Signal signal;
        Scope scope;
        const MonotonicTime began = world->clock().now();
        CHECK_FALSE(co_await signal.wait(began + 1s));
        CHECK(world->clock().now() == began + 1s);
        scope.spawn(notify_later(&signal, 1s));
        CHECK(co_await signal.wait(began + 10h));
        CHECK(world->clock().now() == began + 2s);
        co_await scope.join();
        CHECK_FALSE(co_await signal.wait(began));  // Long past: still from the queue, at once.
    };
    sim.run(body(&sim));
    CHECK(sim.run_until([] { return false; }) == SimWorld::Ended::idle);
    CHECK(sim.clock().now() == MonotonicTime(2s));
}

TEST_CASE("the last waiter may destroy the signal") {
    SimRuntime sim(1, 1);
    static const auto last_destroys = [](std::unique_ptr<Signal>* signal, int* left) -> Task<void> {
        co_await (*signal)->wait();
        if (--*left == 0) signal->reset();
    };
    const auto body = []() -> Task<void> {
        auto signal = std::make_unique<Signal>();
        int left = 3;
        Scope scope;
        for (int i = 0; i < 3; ++i) scope.spawn(last_destroys(&signal, &left));
        signal->notify_all();
        co_await scope.join();
        CHECK(!signal);
    };
    sim.run(body());
}

TEST_CASE("a semaphore serves in order of arrival and lets nobody overtake") {
    SimRuntime sim(1, 1);
    std::string order;
    static const auto take = [](Semaphore* permits, std::size_t n, std::string* to, char what) -> Task<void> {
        co_await permits->acquire(n);
        *to += what;
        co_await yield_now();
        permits->release(n);
    };
    const auto body = [](std::string* to) -> Task<void> {
        Semaphore permits(3);
        Scope scope;
        scope.spawn(take(&permits, 2, to, 'a'));
        scope.spawn(take(&permits, 3, to, 'b'));  // Waits for all three,
        scope.spawn(take(&permits, 1, to, 'c'));  // and this one waits behind it although one is free.
        CHECK(*to == "a");
        CHECK_FALSE(permits.try_acquire(1));
        co_await scope.join();
        CHECK(permits.free() == 3);
        CHECK(permits.try_acquire(3));
        permits.release(3);
    };
    sim.run(body(&order));
    CHECK(order == "abc");
}

TEST_CASE("an object that its coroutine keeps alive may own the scope it runs in") {
    struct Session {
        Scope scope;
        int* destroyed;
        ~Session() { ++*destroyed; }
    };
    SimRuntime sim(1, 1);
    static const auto live = [](std::shared_ptr<Session> self) -> Task<void> {
        co_await yield_now();
        co_await yield_now();
        CHECK(self.use_count() == 1);
    };
    int destroyed = 0;
    const auto body = [](int* count) -> Task<void> {
        auto session = std::make_shared<Session>();
        session->destroyed = count;
        session->scope.spawn(live(session));
        session.reset();
        while (*count == 0) co_await yield_now();
    };
    sim.run(body(&destroyed));
    CHECK(destroyed == 1);
}
