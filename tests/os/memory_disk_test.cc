// SPDX-License-Identifier: Apache-2.0
// What the memory disk leaves after each way to crash.
#include "core/os/memory_disk.h"

#include <algorithm>
#include <set>
#include <string>

#include "tests/os/memory_fixture.h"

namespace klog::os {

TEST_CASE("what was synced, bytes and name, survives every crash") {
    Fixture on;
    on.durable_file("a", "kept");
    for (const Crash how : power_cuts) CHECK(on.after(how) == "a=kept ");
    CHECK(on.after(Crash::process) == "a=kept ");
}

TEST_CASE("kill -9 loses nothing, and makes nothing durable") {
    Fixture on;
    const auto file = on.file("a");
    ok(file->write_at(0, "in the page cache"));
    on.disk.crash(Crash::process, on.random);
    CHECK(Fixture::show(on.disk) == "a=in the page cache ");
    CHECK(on.after(Crash::drop_unsynced) == "");
}

TEST_CASE("unsynced bytes are dropped and the file gets its synced size back") {
    Fixture on;
    const auto file = on.durable_file("a", "12345");
    ok(file->write_at(3, "xyz"));
    ok(file->truncate(100));
    CHECK(on.after(Crash::drop_unsynced) == "a=12345 ");
    ok(file->truncate(2));
    CHECK(on.after(Crash::drop_unsynced) == "a=12345 ");
    ok(file->sync());
    CHECK(on.after(Crash::drop_unsynced) == "a=12 ");
}

TEST_CASE("a synced file whose directory was not synced is not there") {
    Fixture on;
    const auto file = on.file("a");
    ok(file->write_at(0, "synced"));
    ok(file->sync());
    CHECK(on.after(Crash::drop_unsynced) == "");
    CHECK(on.after(Crash::lose_entries) == "");
    CHECK(on.after(Crash::lose_data) == "a=synced ");
    CHECK(on.outcomes(Crash::keep_some) == std::set<std::string>{"", "a=synced "});
}

TEST_CASE("a name whose bytes were not synced is an empty file, or one of zeros") {
    Fixture on;
    const auto file = on.file("a");
    ok(file->write_at(0, "xyz"));
    ok(on.disk.sync_directory("/d"));
    CHECK(on.after(Crash::drop_unsynced) == "a= ");
    CHECK(on.after(Crash::lose_data) == "a= ");
    CHECK(on.after(Crash::zero_data) == "a=" + zeros(3) + " ");
    CHECK(on.after(Crash::lose_entries) == "a=xyz ");
    CHECK(on.outcomes(Crash::keep_some) == std::set<std::string>{"a= ", "a=" + zeros(3) + " ", "a=xyz "});
}

TEST_CASE("an unsynced rename is done or not, never half") {
    Fixture on;
    on.durable_file("a", "new");
    on.durable_file("b", "old");
    ok(on.disk.rename("/d/a", "/d/b"));
    CHECK(on.after(Crash::lose_entries) == "a=new b=old ");
    CHECK(on.outcomes(Crash::keep_some) == std::set<std::string>{"a=new b=old ", "b=new "});
    ok(on.disk.sync_directory("/d"));
    for (const Crash how : power_cuts) CHECK(on.after(how) == "b=new ");
}

TEST_CASE("a rename before the bytes are synced may leave the new name empty") {
    Fixture on;
    on.durable_file("b", "old");
    ok(on.file("a")->write_at(0, "new"));
    ok(on.disk.rename("/d/a", "/d/b"));
    ok(on.disk.sync_directory("/d"));
    CHECK(on.after(Crash::drop_unsynced) == "b= ");
}

TEST_CASE("a file keeps one name, whichever of its renames survive") {
    Fixture on;
    on.durable_file("a", "x");
    ok(on.disk.rename("/d/a", "/d/b"));
    ok(on.disk.rename("/d/b", "/d/c"));
    CHECK(on.outcomes(Crash::keep_some) == std::set<std::string>{"a=x ", "b=x ", "c=x "});
}

TEST_CASE("an unsynced removal may come back") {
    Fixture on;
    on.durable_file("a", "x");
    ok(on.disk.remove("/d/a"));
    CHECK(on.after(Crash::drop_unsynced) == "a=x ");
    CHECK(on.after(Crash::lose_data) == "");
    CHECK(on.outcomes(Crash::keep_some) == std::set<std::string>{"", "a=x "});
    ok(on.disk.sync_directory("/d"));
    CHECK(on.after(Crash::drop_unsynced) == "");
}

TEST_CASE("a directory that was not synced into its parent is lost with all that was synced in it") {
    Fixture on;
    ok(on.disk.make_directory("/d/sub"));
    put(on.disk, "/d/sub/a", "x");
    ok(value(on.disk.open("/d/sub/a", Open::read_write))->sync());
    ok(on.disk.sync_directory("/d/sub"));
    CHECK(on.after(Crash::drop_unsynced) == "");
    ok(on.disk.sync_directory("/d"));
    const auto copy = on.disk.clone();
    copy->crash(Crash::drop_unsynced, on.random);
    CHECK(content(*copy, "/d/sub/a") == "x");
}

TEST_CASE("a rename into another directory is durable when both are synced") {
    Fixture on;
    ok(on.disk.make_directory("/e"));
    ok(on.disk.sync_directory("/"));
    on.durable_file("a", "x");
    ok(on.disk.rename("/d/a", "/e/a"));
    CHECK(on.after(Crash::drop_unsynced) == "a=x ");
    ok(on.disk.sync_directory("/e"));
    ok(on.disk.sync_directory("/d"));
    const auto copy = on.disk.clone();
    copy->crash(Crash::drop_unsynced, on.random);
    CHECK(content(*copy, "/e/a") == "x");
    CHECK(Fixture::show(*copy) == "");
}

TEST_CASE("syncing the filesystem makes all of it durable") {
    Fixture on;
    ok(on.disk.make_directory("/d/sub"));
    ok(on.file("a")->write_at(0, "x"));
    ok(on.file("b")->write_at(0, "y"));
    ok(on.disk.rename("/d/b", "/d/c"));
    ok(on.disk.sync_filesystem("/d"));
    for (const Crash how : power_cuts) CHECK(on.after(how) == "a=x c=y sub/ ");
}

TEST_CASE("the last write is torn at any byte, and only it") {
    Fixture on;
    const auto file = on.durable_file("a", "ab");
    ok(file->write_at(2, "cd"));
    ok(file->write_at(4, "efg"));
    CHECK(on.disk.torn_bytes_max() == 3);
    CHECK(on.outcomes(Crash::tear_last_write) == std::set<std::string>{"a=abcd ", "a=abcde ", "a=abcdef "});
    const auto copy = on.disk.clone();
    copy->crash_tearing(1);
    CHECK(Fixture::show(*copy) == "a=abcde ");
    ok(file->sync());
    CHECK(on.disk.torn_bytes_max() == 0);
    CHECK(on.after(Crash::tear_last_write) == "a=abcdefg ");
}

TEST_CASE("sectors of unsynced writes get to the disk each on its own") {
    Fixture on;
    on.durable_file("a", "");
    const auto file = on.file("a");
    const std::string a(512, 'a'), b(512, 'b'), c(512, 'c');
    ok(file->write_at(0, a + b + c));
    std::set<std::string> seen;
    for (const std::string& outcome : on.outcomes(Crash::keep_some, 2'000)) seen.insert(outcome.substr(2));
    CHECK(seen.contains(a + b + c + " "));
    CHECK(seen.contains(a + zeros(512) + c + " "));
    CHECK(seen.contains(zeros(512) + b + zeros(512) + " "));
    CHECK(seen.contains(zeros(1536) + " "));
    CHECK(seen.contains(" "));
    CHECK(seen.size() == 9);  // The size or not; with it, each of three sectors or not.
}

TEST_CASE("a sector that was written twice may hold what it held between") {
    Fixture on;
    const auto file = on.durable_file("a", "");
    ok(file->write_at(0, "one"));
    ok(file->write_at(3, "two"));
    const auto seen = on.outcomes(Crash::keep_some, 2'000);
    CHECK(seen.contains("a=one" + zeros(3) + " "));
    CHECK(seen.contains("a=one "));
    CHECK(seen.contains("a=onetwo "));
    CHECK(!seen.contains("a=" + zeros(3) + "two "));
}

TEST_CASE("what a durable truncation cut never comes back") {
    Fixture on;
    const auto file = on.durable_file("a", "old old old");
    ok(file->truncate(3));
    ok(file->write_at(3, "++++"));
    for (const std::string& outcome : on.outcomes(Crash::keep_some, 1'000)) {
        const bool is_old_size = outcome.size() == std::string("a=old old old ").size();
        if (!is_old_size) CHECK(outcome.find("old old") == std::string::npos);
    }
}

TEST_CASE("scrambled sectors hold garbage only where unsynced bytes were under way") {
    Fixture on;
    const auto file = on.durable_file("a", "synced");
    ok(file->write_at(6, std::string(2'000, 'x')));
    bool saw_garbage = false;
    for (const std::string& outcome : on.outcomes(Crash::scramble, 200)) {
        CHECK(outcome.starts_with("a=synced"));
        saw_garbage = saw_garbage || std::ranges::count(outcome, 'q') > 0;
    }
    CHECK(saw_garbage);
}

}  // namespace klog::os
