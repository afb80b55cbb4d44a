// SPDX-License-Identifier: Apache-2.0
#include "core/runtime/asio_runtime.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <latch>
#include <thread>

#include "core/runtime/scope.h"

using namespace klog::runtime;
using namespace std::chrono_literals;

namespace {

Task<std::uint64_t> sum_on(AsioRuntime* runtime, std::uint64_t hops) {
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < hops; ++i) {
        Shard& owner = runtime->shard_of(i);
        static const auto index = [](Shard* expected) -> Task<std::uint64_t> {
            CHECK(Shard::current() == expected);
            co_return Shard::current()->index();
        };
        sum += co_await call_on(owner, [&owner] { return index(&owner); });
    }
    co_return sum;
}

Task<void> hop_many(AsioRuntime* runtime, std::uint64_t hops, std::atomic<std::uint64_t>* total) {
    *total += co_await sum_on(runtime, hops);
}

Task<void> spread(AsioRuntime* runtime, std::atomic<std::uint64_t>* total) {
    Scope scope;
    for (int i = 0; i < 20; ++i) scope.spawn(hop_many(runtime, 300, total));
    co_await scope.join();
}

/// How often the threads of this process but the calling one and `except` went to sleep; whoever polls does so again
/// and again.
std::size_t times_gone_to_sleep(pid_t except) {
    std::size_t times = 0;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
        const pid_t thread = std::stoi(task.path().filename());
        if (thread == except || thread == gettid()) continue;
        std::ifstream status(task.path() / "status");
        for (std::string line; std::getline(status, line);)
            if (constexpr std::string_view name = "voluntary_ctxt_switches:"; line.starts_with(name))
                times += std::stoul(line.substr(name.size()));
    }
    return times;
}

Task<void> sleep_for(Duration duration) { co_await sleep_until(Shard::current()->now() + duration); }

}  // namespace

TEST_CASE("tasks hop between the shards of threads and come back") {
    AsioRuntime runtime({.shards = 3});
    std::atomic<std::uint64_t> total = 0;
    runtime.run(spread(&runtime, &total));
    CHECK(total == 20 * 300);
    CHECK(runtime.run(sum_on(&runtime, 30), 2) == 30);
}

TEST_CASE("jobs of each thread run in order, whatever the others do") {
    AsioRuntime runtime({.shards = 2});
    constexpr int senders = 4, jobs = 5000;
    std::vector<int> last(senders, -1);  // Touched on shard 1 only.
    std::atomic<int> misordered = 0;
    std::latch done(senders);
    std::vector<std::thread> threads;
    for (int sender = 0; sender < senders; ++sender) {
        threads.emplace_back([&, sender] {
            for (int i = 0; i < jobs; ++i) {
                runtime.shard(1).post([&, sender, i] {
                    auto& before = last[static_cast<std::size_t>(sender)];
                    if (before != i - 1) ++misordered;
                    before = i;
                    if (i == jobs - 1) done.count_down();
                });
            }
        });
    }
    for (auto& thread : threads) thread.join();
    done.wait();
    CHECK(misordered == 0);
}

TEST_CASE("the pool runs up to its bound of threads at once and results come home") {
    AsioRuntime runtime({.shards = 1, .pool_threads_max = 3});
    std::atomic<int> at_once = 0, most = 0;
    static const auto one = [](AsioRuntime* on, std::atomic<int>* now, std::atomic<int>* max) -> Task<void> {
        co_await on_pool(on->pool(), [now, max] {
            const int running = ++*now;
            for (int seen = *max; running > seen && !max->compare_exchange_weak(seen, running);) {
            }
            std::this_thread::sleep_for(2ms);  // lint allows sleep: it is the work that blocks
            --*now;
        });
        CHECK(Shard::current() == &on->shard(0));
    };
    const auto body = [](AsioRuntime* on, std::atomic<int>* now, std::atomic<int>* max) -> Task<void> {
        Scope scope;
        for (int i = 0; i < 30; ++i) scope.spawn(one(on, now, max));
        co_await scope.join();
    };
    runtime.run(body(&runtime, &at_once, &most));
    CHECK(most == 3);
}

TEST_CASE("timers wake in order, and a cancelled earlier one does no harm") {
    AsioRuntime runtime({.shards = 1});
    const auto body = []() -> Task<void> {
        Shard& shard = *Shard::current();
        const MonotonicTime began = shard.now();
        std::string order;
        const TimerId gone = shard.set_timer(began + 1ms, [&] { order += 'x'; });
        shard.set_timer(began + 20ms, [&] { order += 'b'; });
        shard.set_timer(began + 10ms, [&] { order += 'a'; });
        shard.cancel_timer(gone);
        co_await sleep_until(began + 30ms);
        CHECK(order == "ab");
        CHECK(shard.now() >= began + 30ms);
        Signal signal;
        CHECK_FALSE(co_await signal.wait(shard.now() + 5ms));
        CHECK_FALSE(co_await signal.wait(shard.now() - 5ms));
    };
    runtime.run(body());
}

TEST_CASE("an idle runtime does not wake up") {
    AsioRuntime runtime({.shards = 4, .pool_threads_max = 4});
    static const auto use_the_pool = [](Pool* pool) -> Task<void> { co_await on_pool(*pool, [] {}); };
    static const auto own_thread = []() -> Task<pid_t> { co_return gettid(); };
    runtime.run(use_the_pool(&runtime.pool()));
    // Shard 0 sleeps in rounds, the three others and the thread of the pool have nothing to do.
    const pid_t busy = runtime.run(own_thread());
    const std::size_t before = times_gone_to_sleep(busy);
    constexpr std::size_t rounds = 50, idle_threads = 4;
    for (std::size_t i = 0; i < rounds; ++i) runtime.run(sleep_for(5ms));
    // Each may have been on its way to sleep when it was counted first.
    CHECK(times_gone_to_sleep(busy) <= before + idle_threads);
}

TEST_CASE("a shard that always has jobs still serves its timers") {
    AsioRuntime runtime({.shards = 1});
    static const auto spin = [](bool* stop) -> Task<void> {
        while (!*stop) co_await yield_now();
    };
    const auto body = []() -> Task<void> {
        bool stop = false;
        Scope scope;
        scope.spawn(spin(&stop));
        co_await sleep_for(5ms);
        stop = true;
        co_await scope.join();
    };
    runtime.run(body());
}

TEST_CASE("a signal becomes a job on shard 0") {
    AsioRuntime runtime({.shards = 2});
    std::latch got(2);
    runtime.on_signals({SIGUSR1}, [&](int signal) {
        CHECK(signal == SIGUSR1);
        CHECK(Shard::current() == &runtime.shard(0));
        got.count_down();
    });
    runtime.run(sleep_for(0ms));
    raise(SIGUSR1);
    runtime.run(sleep_for(5ms));
    raise(SIGUSR1);
    got.wait();
}

TEST_CASE("stop destroys what still runs") {
    auto destroyed = std::make_shared<int>(0);
    struct Guard {
        std::shared_ptr<int> count;
        ~Guard() { ++*count; }
    };
    static const auto wait_forever = [](std::shared_ptr<int> count) -> Task<void> {
        const Guard guard{std::move(count)};
        co_await sleep_until(Shard::current()->now() + 10h);
    };
    Scope scope;
    AsioRuntime runtime({.shards = 2});
    std::latch started(1);
    runtime.shard(1).post([&] {
        scope.spawn(wait_forever(destroyed));
        started.count_down();
    });
    started.wait();
    runtime.stop();
    CHECK(*destroyed == 1);
    CHECK(scope.running() == 0);
}
