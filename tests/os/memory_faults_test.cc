// SPDX-License-Identifier: Apache-2.0
// The faults of the memory disk, and what a test does with it: hooks, clones, residency, damage.
#include "core/os/memory_disk.h"

#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/os/memory_fixture.h"

namespace klog::os {

using base::Errc;

TEST_CASE("after a failed sync the bytes are readable, the next sync succeeds, and a power cut takes them") {
    Fixture on;
    const auto file = on.durable_file("a", "1");
    ok(file->write_at(1, "2"));
    on.disk.plan({.call = Call::sync});
    CHECK(code_of(file->sync()) == Errc::io);
    CHECK(Fixture::show(on.disk) == "a=12 ");
    ok(file->sync());
    ok(file->write_at(2, "3"));
    ok(file->sync());
    CHECK(Fixture::show(on.disk) == "a=123 ");
    CHECK(on.after(Crash::drop_unsynced) == "a=1" + zeros(1) + "3 ");
    CHECK(on.after(Crash::process) == "a=123 ");
}

TEST_CASE("after a failed sync of a directory or of the filesystem a power cut takes what it covered") {
    Fixture on;
    on.file("a");
    on.disk.plan({.call = Call::sync_directory});
    CHECK(code_of(on.disk.sync_directory("/d")) == Errc::io);
    ok(on.disk.sync_directory("/d"));
    ok(on.file("b")->write_at(0, "x"));
    on.disk.plan({.call = Call::sync_filesystem});
    CHECK(code_of(on.disk.sync_filesystem("/d")) == Errc::io);
    ok(on.disk.sync_filesystem("/d"));
    CHECK(Fixture::show(on.disk) == "a= b=x ");
    CHECK(on.after(Crash::drop_unsynced) == "");
}

TEST_CASE("handles of an earlier life fail, and locks are gone") {
    Fixture on;
    const auto file = on.durable_file("a", "x");
    const auto held = value(on.disk.lock("/d/.lock"));
    on.disk.crash(Crash::process, on.random);
    char byte = 0;
    CHECK(code_of(file->read_at(0, {&byte, 1})) == Errc::io);
    CHECK(code_of(file->write_at(0, "y")) == Errc::io);
    CHECK(code_of(file->sync()) == Errc::io);
    CHECK(code_of(file->size()) == Errc::io);
    CHECK(!file->resident(0, 1));
    const auto again = value(on.disk.lock("/d/.lock"));
    CHECK(code_of(on.disk.lock("/d/.lock")) == Errc::busy);
    CHECK(content(on.disk, "/d/a") == "x");
}

TEST_CASE("the n-th call of a kind fails once, or from then on") {
    Fixture on;
    const auto file = on.file("a");
    on.disk.plan({.call = Call::write, .nth = 2});
    ok(file->write_at(0, "1"));
    const auto failure = file->write_at(1, "2");
    CHECK(code_of(failure) == Errc::io);
    CHECK(failure.error().message == "/d/a: pwritev: Input/output error");
    ok(file->write_at(1, "3"));
    on.disk.plan({.call = Call::write, .nth = 2, .code = Errc::no_space, .lasting = true});
    ok(file->write_at(2, "4"));
    CHECK(code_of(file->write_at(3, "5")) == Errc::no_space);
    CHECK(code_of(file->write_at(3, "6")) == Errc::no_space);
    on.disk.clear_faults();
    ok(file->write_at(3, "7"));
    CHECK(Fixture::show(on.disk) == "a=1347 ");
}

TEST_CASE("a call of every kind can fail and leaves no trace") {
    Fixture on;
    const auto file = on.durable_file("a", "kept");
    const std::pair<Call, std::function<bool()>> attempts[] = {
        {Call::open, [&] { return on.disk.open("/d/new", Open::create).has_value(); }},
        {Call::read, [&] { return read_file(on.disk, "/d/a", 10).has_value(); }},
        {Call::write, [&] { return file->write_at(0, "xx").has_value(); }},
        {Call::truncate, [&] { return file->truncate(0).has_value(); }},
        {Call::sync, [&] { return file->sync().has_value(); }},
        {Call::map, [&] { return on.disk.map("/d/a").has_value(); }},
        {Call::rename, [&] { return on.disk.rename("/d/a", "/d/b").has_value(); }},
        {Call::remove, [&] { return on.disk.remove("/d/a").has_value(); }},
        {Call::make_directory, [&] { return on.disk.make_directory("/d/x/y").has_value(); }},
        {Call::sync_directory, [&] { return on.disk.sync_directory("/d").has_value(); }},
        {Call::sync_filesystem, [&] { return on.disk.sync_filesystem("/d").has_value(); }},
        {Call::list, [&] { return on.disk.list("/d").has_value(); }},
        {Call::info, [&] { return on.disk.info("/d/a").has_value(); }},
        {Call::lock, [&] { return on.disk.lock("/d/.lock").has_value(); }},
    };
    for (const auto& [call, attempt] : attempts) {
        on.disk.plan({.call = call});
        CHECK(!attempt());
        CHECK(Fixture::show(on.disk) == "a=kept ");
        CHECK(on.after(Crash::drop_unsynced) == "a=kept ");
    }
}

TEST_CASE("a fault waits for the path that it names") {
    Fixture on;
    on.disk.plan({.call = Call::sync, .path_part = ".log"});
    ok(on.file("a.index")->sync());
    CHECK(code_of(on.file("a.log")->sync()) == Errc::io);
    ok(on.file("a.log")->sync());
}

TEST_CASE("a write that fails may have put in a part") {
    Fixture on;
    on.disk.plan({.call = Call::write, .written_bytes = 2});
    CHECK(code_of(on.file("a")->write_at(0, "12345")) == Errc::io);
    CHECK(Fixture::show(on.disk) == "a=12 ");
}

TEST_CASE("a full disk takes what fits and refuses the rest until space is back") {
    Fixture on;
    on.disk.set_capacity(10);
    const auto file = on.file("a");
    ok(file->write_at(0, "12345678"));
    CHECK(value(on.disk.space("/d")).available_bytes == 2);
    const auto failure = file->write_at(8, "9abc");
    CHECK(code_of(failure) == Errc::no_space);
    CHECK(failure.error().message == "/d/a: pwritev: No space left on device");
    CHECK(Fixture::show(on.disk) == "a=123456789a ");
    CHECK(code_of(on.file("b")->write_at(0, "x")) == Errc::no_space);
    ok(file->write_at(0, "1"));  // What is overwritten needs no space.
    ok(file->truncate(8));
    ok(on.file("b")->write_at(0, "x"));
    on.disk.set_capacity(100);
    ok(on.file("b")->write_at(0, std::string(50, 'x')));
    CHECK(on.disk.used_bytes() == 58);
}

TEST_CASE("space is free when a file has neither a name nor a handle") {
    Fixture on;
    auto file = on.durable_file("a", "12345");
    const auto other = on.durable_file("b", "123");
    ok(on.disk.remove("/d/a"));
    CHECK(on.disk.used_bytes() == 8);
    file.reset();
    CHECK(on.disk.used_bytes() == 3);
    put(on.disk, "/d/c", "1234567");
    ok(on.disk.rename("/d/c", "/d/b"));
    CHECK(on.disk.used_bytes() == 10);
    CHECK(on.disk.clone()->used_bytes() == 7);
    on.disk.crash(Crash::drop_unsynced, on.random);
    CHECK(on.disk.used_bytes() == 8);
    CHECK(Fixture::show(on.disk) == "a=12345 b=123 ");
}

TEST_CASE("the hook is told of every step before it is made") {
    Fixture on;
    std::vector<std::string> told;
    on.disk.before_step([&](const Step& step) {
        told.push_back(std::to_string(step.number) + step.path + " " + Fixture::show(on.disk));
    });
    const auto file = on.file("a");
    ok(file->write_at(0, "x"));
    ok(file->sync());
    on.file("a");  // Opening what is there changes nothing.
    ok(on.disk.make_directory("/d/p/q"));
    ok(on.disk.rename("/d/a", "/d/b"));
    CHECK(told == std::vector<std::string>{"3/d/a ", "4/d/a a= ", "5/d/a a=x ", "6/d/p a=x ", "7/d/p/q a=x p/ ",
                                           "8/d/a a=x p/ "});
    CHECK(on.disk.steps() == 8);
    CHECK(on.disk.calls(Call::rename) == 1);
}

TEST_CASE("a run can be stopped at any step by switching the power off") {
    for (std::uint64_t stop = 3;; ++stop) {
        Fixture on;
        on.disk.before_step([&](const Step& step) {
            if (step.number == stop) on.disk.power_off();
        });
        const bool done = replace_file(on.disk, "/d/a", "new").has_value();
        CHECK(on.disk.list("/d").has_value() == done);
        on.disk.crash(Crash::process, on.random);
        const std::string left = Fixture::show(on.disk);
        CHECK((left == "" || left.starts_with("a.tmp=") || left == "a=new "));
        if (done) break;
    }
}

TEST_CASE("a file replaced is old or new, whole, at every step and in every way to crash") {
    Fixture on;
    on.durable_file("a", "old");
    int crashes = 0;
    on.disk.before_step([&](const Step&) {
        for (const Crash how : power_cuts) {
            for (int i = 0; i < 20; ++i, ++crashes) {
                const auto copy = on.disk.clone();
                copy->crash(how, on.random);
                const std::string left = content(*copy, "/d/a");
                CHECK((left == "old" || left == "a new and longer text"));
            }
        }
    });
    ok(replace_file(on.disk, "/d/a", "a new and longer text"));
    CHECK(crashes == 6 * 7 * 20);
    on.disk.before_step({});
    for (const Crash how : power_cuts) CHECK(on.after(how) == "a=a new and longer text ");
}

TEST_CASE("a clone and its origin go their own ways") {
    Fixture on;
    const auto file = on.durable_file("a", std::string(10'000, 'x'));
    const auto copy = on.disk.clone();
    ok(value(copy->open("/d/a", Open::read_write))->write_at(5'000, "copy"));
    ok(file->write_at(0, "origin"));
    CHECK(content(on.disk, "/d/a") == "origin" + std::string(9'994, 'x'));
    CHECK(content(*copy, "/d/a") == std::string(5'000, 'x') + "copy" + std::string(4'996, 'x'));
    copy->crash(Crash::drop_unsynced, on.random);
    CHECK(content(*copy, "/d/a") == std::string(10'000, 'x'));
}

TEST_CASE("the same seed gives the same crash") {
    const auto run = [] {
        Fixture on;
        std::string all;
        for (int i = 0; i < 50; ++i) {
            ok(on.file(std::to_string(i % 7))->write_at(static_cast<std::uint64_t>(i) * 100, std::string(700, 'x')));
            if (i % 5 == 0) ok(on.disk.sync_directory("/d"));
            all += on.after(Crash::scramble);
        }
        return all;
    };
    CHECK(run() == run());
}

TEST_CASE("residency is as the test says") {
    Fixture on;
    const auto file = on.durable_file("a", "12345");
    on.disk.set_residency(Residency::never);
    CHECK(!file->resident(0, 5));
    on.disk.set_residency(Residency::random);
    int resident = 0;
    for (int i = 0; i < 1'000; ++i) resident += file->resident(0, 5) ? 1 : 0;
    CHECK(resident > 400);
    CHECK(resident < 600);
}

TEST_CASE("damage is there at once and after every crash") {
    Fixture on;
    on.durable_file("a", "abc");
    on.disk.damage("/d/a", 1, 0x01);
    CHECK(Fixture::show(on.disk) == "a=acc ");
    CHECK(on.after(Crash::drop_unsynced) == "a=acc ");
}

TEST_CASE("what stays unsynced for long is written back in part, so that memory stays bounded") {
    Fixture on;
    const auto file = on.durable_file("a", "");
    const std::string megabyte(1 << 20, 'x');
    for (std::uint64_t i = 0; i < 8; ++i) ok(file->write_at(i << 20, megabyte));
    const auto copy = on.disk.clone();
    copy->crash(Crash::drop_unsynced, on.random);
    const std::uint64_t left = value(copy->info("/d/a")).size;
    CHECK(left >= (std::uint64_t{8} << 20) - MemoryImage::unsynced_bytes_max);
    CHECK(left < std::uint64_t{8} << 20);
}

TEST_CASE("threads may share a memory disk") {
    Fixture on;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&on, t] {
            const std::string path = "/d/" + std::to_string(t);
            for (int i = 0; i < 200; ++i) {
                auto file = on.disk.open(path, Open::create);
                if (file) (void)(*file)->write_at(static_cast<std::uint64_t>(i), "x");
                if (file) (void)(*file)->sync();
                if (i % 10 == 0) (void)on.disk.sync_directory("/d");
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    const std::string x(200, 'x');
    CHECK(on.after(Crash::drop_unsynced) == "0=" + x + " 1=" + x + " 2=" + x + " 3=" + x + " ");
}

}  // namespace klog::os
