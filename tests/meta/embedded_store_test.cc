// SPDX-License-Identifier: Apache-2.0
// The embedded store and its files under crashes, failing disks and damage.
#include "core/meta/embedded_store.h"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "core/base/log.h"
#include "core/base/random.h"
#include "core/os/memory_disk.h"
#include "core/runtime/scope.h"
#include "core/runtime/sim_runtime.h"
#include "tests/meta/store_suite.h"

namespace klog::meta::testing {

using os::Call;
using os::Crash;
using os::MemoryDisk;
using runtime::SimRuntime;

namespace {

const std::string directory = "/data/metadata";
constexpr Crash every_crash[] = {Crash::process,   Crash::drop_unsynced, Crash::lose_entries,    Crash::lose_data,
                                 Crash::zero_data, Crash::keep_some,     Crash::tear_last_write, Crash::scramble};

struct Quiet {
    Quiet() {
        base::set_log_sink([](base::LogLevel, std::string_view) {});
    }
    ~Quiet() { base::set_log_sink({}); }
};

std::string dump(const Tree& tree) {
    std::string text;
    for (const auto& [path, node] : tree.nodes()) {
        text += fmt::format("{} '{}' {} {} {} {} {}\n", path, *node.data, node.czxid, node.mzxid, node.version,
                            node.children_made, node.ephemeral_owner);
    }
    return text;
}

Journal::Options small_journal(std::uint64_t bytes = 700) {
    return {.directory = directory, .bytes_before_checkpoint = bytes};
}

/// Transactions over a few names, some of which fail: creations, writes, removals, alone and together.
std::vector<Operations> script(std::uint64_t seed, int count) {
    base::Random random(seed);
    std::vector<Operations> all{{Create{"/t"}}};
    const auto name = [&] { return fmt::format("/t/{}", random.below(4)); };
    const auto operation = [&]() -> Operation {
        switch (random.below(5)) {
            case 0: return Create{name(), std::string(random.below(90), 'c')};
            case 1: return Set{name(), std::string(random.below(90), 's')};
            case 2: return Remove{name()};
            case 3: return Create{"/t/seq-", "q", Lifetime::persistent, true};
            default: return Set{"/t", std::to_string(random.below(1000))};
        }
    };
    while (std::ssize(all) < count) {
        Operations operations;
        for (auto n = random.between(1, 3); n > 0; --n) operations.push_back(operation());
        all.push_back(std::move(operations));
    }
    return all;
}

/// The tree before the first and after each transaction of the script.
std::vector<std::string> expected_states(const std::vector<Operations>& all) {
    Tree tree;
    std::int64_t zxid = 1;
    std::vector<std::string> states{dump(tree)};
    for (const auto& operations : all) {
        std::vector<NodeChange> changes;
        if (tree.apply(operations, 1, zxid, &changes)) zxid += std::ssize(changes);
        tree.keep();
        states.push_back(dump(tree));
    }
    return states;
}

/// A run of a script on a store, several transactions at a time.
struct Run {
    std::vector<Operations> all;
    MemoryDisk* disk;
    std::size_t started = 0;
    std::size_t answered = 0;  // Of the first `started`, in order.
    bool failed = false;
    std::uint64_t rounds = 0;
};

Task<void> one(EmbeddedStore* store, Run* run, std::size_t index) {
    const auto outcome = co_await store->multi(run->all[index]);
    const bool refused = !outcome && (outcome.error().code == Errc::io || outcome.error().code == Errc::no_space);
    if (refused)
        run->failed = true;
    else if (!run->failed)
        CHECK(run->answered++ == index);
    else
        CHECK_MESSAGE(false, "an answer after a failed disk");
}

Task<void> play(SimRuntime* sim, Run* run) {
    auto opened = co_await EmbeddedStore::open(*run->disk, *sim, small_journal());
    if (!opened) {
        run->failed = true;
        co_return;
    }
    const auto store = *std::move(opened);
    while (run->started < run->all.size()) {
        runtime::Scope scope;
        for (std::size_t n = 1 + run->started % 3; n > 0 && run->started < run->all.size(); --n) {
            scope.spawn(one(store.get(), run, run->started++));
        }
        co_await scope.join();
    }
    run->rounds = store->rounds_written();
    co_await store->close();
}

/// What the next start finds: the number of transactions that it has, or an error.
Result<std::size_t> recovered(MemoryDisk& disk, const std::vector<std::string>& states, std::size_t least) {
    Tree tree;
    KLOG_TRY(const auto journal, Journal::open(disk, small_journal(), tree));
    const std::string found = dump(tree);
    for (std::size_t i = least; i < states.size(); ++i) {
        if (states[i] == found) return i;
    }
    return base::fail(Errc::corrupt, "no such state, at least {} expected:\n{}", least, found);
}

}  // namespace

TEST_CASE("the embedded store, crashed at every step in every way, has all that it answered and nothing else") {
    const Quiet quiet;
    MemoryDisk disk;
    SimRuntime sim(1, 1);
    Run run{script(7, 40), &disk};
    const auto states = expected_states(run.all);
    base::Random random(3);
    int crashes = 0;
    disk.before_step([&](const os::Step&) {
        for (const Crash how : every_crash) {
            const auto copy = disk.clone();
            copy->crash(how, random);
            const auto found = recovered(*copy, states, run.answered);
            REQUIRE_MESSAGE(found.has_value(), found.error().message);
            // And a start after a start finds the same.
            copy->crash(Crash::drop_unsynced, random);
            const auto again = recovered(*copy, states, *found);
            REQUIRE_MESSAGE(again.has_value(), again.error().message);
            CHECK(states[*again] == states[*found]);
            ++crashes;
        }
    });
    sim.run(play(&sim, &run));
    disk.before_step({});
    CHECK(run.answered == run.all.size());
    CHECK(run.rounds < run.all.size());
    CHECK(crashes > 500);
    MESSAGE(crashes << " crashes, " << run.rounds << " rounds for " << run.all.size() << " transactions");
}

TEST_CASE("the embedded store, torn at every byte of a write, has all that it answered") {
    const Quiet quiet;
    MemoryDisk disk;
    SimRuntime sim(1, 1);
    Run run{script(9, 12), &disk};
    const auto states = expected_states(run.all);
    disk.before_step([&](const os::Step& step) {
        if (step.call != Call::sync) return;
        for (std::uint64_t kept = 0; kept < disk.torn_bytes_max(); ++kept) {
            const auto copy = disk.clone();
            copy->crash_tearing(kept);
            const auto found = recovered(*copy, states, run.answered);
            REQUIRE_MESSAGE(found.has_value(), found.error().message);
        }
    });
    sim.run(play(&sim, &run));
    disk.before_step({});
}

TEST_CASE("after the n-th call of any kind fails, nothing more is answered and nothing answered is lost") {
    const Quiet quiet;
    const auto all = script(11, 25);
    const auto states = expected_states(all);
    for (const Call call : {Call::open, Call::write, Call::sync, Call::truncate, Call::rename, Call::remove, Call::list,
                            Call::read, Call::sync_directory, Call::make_directory, Call::info}) {
        int failures = 0;
        for (std::uint64_t nth = 1;; ++nth) {
            MemoryDisk disk;
            SimRuntime sim(nth, 1);
            Run run{all, &disk};
            disk.plan({.call = call, .nth = nth});
            sim.run(play(&sim, &run));
            const bool hit = disk.calls(call) >= nth;
            if (!hit) break;
            failures += run.failed ? 1 : 0;
            disk.clear_faults();
            base::Random random(nth);
            disk.crash(Crash::drop_unsynced, random);
            const auto found = recovered(disk, states, run.answered);
            REQUIRE_MESSAGE(found.has_value(), found.error().message);
            REQUIRE(nth < 1000);
        }
        if (call == Call::write || call == Call::sync) CHECK(failures > 10);
    }
}

namespace {

Task<void> fill_up(SimRuntime* sim, MemoryDisk* disk) {
    const auto store = good(co_await EmbeddedStore::open(*disk, *sim, small_journal(100'000)));
    co_await make(store.get(), "/a", "first");
    const auto used = disk->used_bytes();
    disk->set_capacity(used + 50);
    Names seen;
    good(co_await store->get("/a", note(&seen)));
    Set larger{"/a", std::string(500, 'x'), any_version};
    CHECK(code(co_await store->set(larger)) == "no_space");
    CHECK(co_await read(store.get(), "/a") == "first");
    CHECK((co_await stat_of(store.get(), "/a")).version == 0);
    CHECK(store->session_state() == SessionState::connected);
    disk->set_capacity(used + 100'000);
    good(co_await store->set(larger));
    CHECK((co_await read(store.get(), "/a")).size() == 500);
    co_await store->close();
}

Task<void> leave_ephemerals(SimRuntime* sim, MemoryDisk* disk) {
    const auto store = good(co_await EmbeddedStore::open(*disk, *sim, small_journal()));
    co_await make(store.get(), "/p");
    co_await make(store.get(), "/e", "", Lifetime::ephemeral);
    // The process dies: its store is not closed.
}
Task<void> find_none(SimRuntime* sim, MemoryDisk* disk) {
    const auto store = good(co_await EmbeddedStore::open(*disk, *sim, small_journal()));
    CHECK(co_await is_there(store.get(), "/p"));
    CHECK_FALSE(co_await is_there(store.get(), "/e"));
    const auto made = co_await make(store.get(), "/e", "", Lifetime::ephemeral);
    CHECK(made.stat.czxid > (co_await stat_of(store.get(), "/p")).czxid + 1);
    co_await store->close();
}

Task<void> write_much(SimRuntime* sim, MemoryDisk* disk, int times) {
    const auto store = good(co_await EmbeddedStore::open(*disk, *sim, small_journal(10'000)));
    co_await make(store.get(), "/a");
    for (int i = 0; i < times; ++i)
        co_await write(store.get(), "/a", std::string(200, static_cast<char>('a' + i % 26)));
    co_await store->close();
}

}  // namespace

TEST_CASE("a full disk refuses a write as if it had never been, and takes writes again") {
    MemoryDisk disk;
    SimRuntime sim(1, 1);
    sim.run(fill_up(&sim, &disk));
    Tree tree;
    const auto journal = good(Journal::open(disk, small_journal(100'000), tree));
    CHECK(tree.get("/a")->data.size() == 500);
}

TEST_CASE("the ephemeral nodes of an earlier life are gone, and czxids go on") {
    MemoryDisk disk;
    {
        SimRuntime sim(1, 1);
        sim.run(leave_ephemerals(&sim, &disk));
    }
    SimRuntime sim(2, 1);
    sim.run(find_none(&sim, &disk));
}

TEST_CASE("the journal stays bounded by checkpoints") {
    MemoryDisk disk;
    SimRuntime sim(1, 1);
    sim.run(write_much(&sim, &disk, 2000));
    std::uint64_t bytes = 0;
    const auto entries = good(disk.list(directory));
    CHECK(entries.size() == 2);
    for (const auto& entry : entries) bytes += good(disk.info(directory + "/" + entry.name)).size;
    CHECK(bytes < 12'000);
}

TEST_CASE("damage to what had been durable is an error that names the file, not a shorter history") {
    const Quiet quiet;
    MemoryDisk disk;
    SimRuntime sim(1, 1);
    sim.run(write_much(&sim, &disk, 8));
    const std::string journal = directory + "/00000000000000000000.log";
    const auto size = good(disk.info(journal)).size;
    int refused = 0;
    for (std::uint64_t at = 0; at < size; at += 7) {
        const auto copy = disk.clone();
        copy->damage(journal, at);
        Tree tree;
        const auto opened = Journal::open(*copy, small_journal(10'000), tree);
        if (opened) continue;
        CHECK(opened.error().code == Errc::corrupt);
        CHECK(opened.error().message.find(journal) != std::string::npos);
        ++refused;
    }
    // Only in the last transaction damage cannot be told from a torn write, and in two fields that no CRC covers.
    CHECK(refused > static_cast<int>(size / 7 * 3 / 4));
}

TEST_CASE("a damaged checkpoint is an error that names the file") {
    const Quiet quiet;
    MemoryDisk disk;
    SimRuntime sim(1, 1);
    sim.run(write_much(&sim, &disk, 100));
    std::string checkpoint;
    for (const auto& entry : good(disk.list(directory))) {
        if (entry.name.ends_with(".checkpoint")) checkpoint = directory + "/" + entry.name;
    }
    REQUIRE(!checkpoint.empty());
    for (std::uint64_t at = 20; at < good(disk.info(checkpoint)).size; at += 11) {
        const auto copy = disk.clone();
        copy->damage(checkpoint, at);
        Tree tree;
        const auto opened = Journal::open(*copy, small_journal(10'000), tree);
        REQUIRE_FALSE(opened.has_value());
        CHECK(opened.error().message.find(checkpoint) != std::string::npos);
    }
}

}  // namespace klog::meta::testing
