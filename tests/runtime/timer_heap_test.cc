// SPDX-License-Identifier: Apache-2.0
#include "core/runtime/timer_heap.h"

#include <doctest/doctest.h>

#include <string>

using namespace klog::runtime;
using namespace std::chrono_literals;

namespace {

MonotonicTime at(int ms) { return MonotonicTime(std::chrono::milliseconds(ms)); }

std::string run_due(TimerHeap& timers, MonotonicTime now) {
    std::string order;
    while (Job job = timers.take_due(now)) job();
    return order;
}

}  // namespace

TEST_CASE("timers run by time, and those of one time as they were set") {
    TimerHeap timers;
    std::string order;
    for (const auto& [ms, name] : {std::pair{5, 'd'}, {3, 'b'}, {5, 'e'}, {1, 'a'}, {3, 'c'}, {9, 'x'}}) {
        timers.set(at(ms), [&order, name] { order += name; });
    }
    CHECK(timers.earliest() == at(1));
    run_due(timers, at(5));
    CHECK(order == "abcde");
    CHECK(timers.size() == 1);
}

TEST_CASE("a cancelled timer does not run, nor does its id harm the one that took its place") {
    TimerHeap timers;
    int ran = 0;
    const TimerId first = timers.set(at(1), [&] { ran += 1; });
    timers.cancel(first);
    timers.cancel(first);
    timers.set(at(1), [&] { ran += 10; });
    timers.cancel(first);
    timers.cancel(TimerId::none);
    run_due(timers, at(1));
    CHECK(ran == 10);
}

TEST_CASE("a million cancelled timers leave no heap behind") {
    TimerHeap timers;
    timers.set(at(1'000'000), [] {});
    for (int i = 0; i < 1'000'000; ++i) timers.cancel(timers.set(at(30'000 + i), [] {}));
    CHECK(timers.size() == 1);
    CHECK(timers.earliest() == at(1'000'000));
}
