// SPDX-License-Identifier: Apache-2.0
// What every disk does, run against each of them.
#include "core/os/disk.h"

#include <unistd.h>

#include <string>
#include <vector>

#include "tests/os/disks.h"

#define ALL_DISKS OnPosix, OnMemory

namespace klog::os {

using base::Errc;

namespace {

std::string names(const std::vector<Entry>& entries) {
    std::string line;
    for (const Entry& entry : entries) line += entry.name + (entry.is_directory ? "/ " : " ");
    return line;
}

bool mentions(const base::Error& error, std::string_view word) { return error.message.find(word) != std::string::npos; }

}  // namespace

TEST_CASE_TEMPLATE("what is written is read back", D, ALL_DISKS) {
    D on;
    const auto file = value(on.disk.open(on.directory + "/a", Open::create_new));
    const std::vector<std::string_view> pieces{"", "hello", "", " ", "world", ""};
    ok(file->write_at(3, pieces));
    CHECK(value(file->size()) == 14);
    std::string got(20, '.');
    CHECK(value(file->read_at(0, got)) == 14);
    CHECK(got == std::string("\0\0\0hello world......", 20));
    CHECK(value(file->read_at(14, got)) == 0);
    CHECK(value(file->read_at(100, got)) == 0);
    CHECK(file->path() == on.directory + "/a");
}

TEST_CASE_TEMPLATE("a write of nothing changes nothing", D, ALL_DISKS) {
    D on;
    const auto file = value(on.disk.open(on.directory + "/a", Open::create));
    ok(file->write_at(100, ""));
    ok(file->write_at(100, std::span<const std::string_view>{}));
    CHECK(value(file->size()) == 0);
}

TEST_CASE_TEMPLATE("more pieces than one system call takes are written in order", D, ALL_DISKS) {
    D on;
    std::string all;
    for (int i = 0; i < 20'000; ++i) all += std::to_string(i);
    std::vector<std::string_view> pieces;
    for (std::size_t at = 0; at < all.size(); at += 7) pieces.push_back(std::string_view(all).substr(at, 7));
    const auto file = value(on.disk.open(on.directory + "/a", Open::create));
    ok(file->write_at(0, pieces));
    CHECK(content(on.disk, on.directory + "/a") == all);
}

TEST_CASE_TEMPLATE("cutting drops the end and growing adds zeros", D, ALL_DISKS) {
    D on;
    const auto file = value(on.disk.open(on.directory + "/a", Open::create));
    ok(file->write_at(0, "abcdef"));
    ok(file->truncate(2));
    ok(file->truncate(4));
    CHECK(content(on.disk, on.directory + "/a") == std::string("ab\0\0", 4));
    ok(file->write_at(6, "x"));
    CHECK(content(on.disk, on.directory + "/a") == std::string("ab\0\0\0\0x", 7));
    ok(file->sync());
}

TEST_CASE_TEMPLATE("opening says what is missing and what is there", D, ALL_DISKS) {
    D on;
    const std::string path = on.directory + "/a";
    CHECK(code_of(on.disk.open(path, Open::read)) == Errc::not_found);
    CHECK(code_of(on.disk.open(path, Open::read_write)) == Errc::not_found);
    CHECK(code_of(on.disk.open(on.directory + "/no/a", Open::create)) == Errc::not_found);
    put(on.disk, path, "kept");
    CHECK(code_of(on.disk.open(path, Open::create_new)) == Errc::exists);
    CHECK(value(value(on.disk.open(path, Open::create))->size()) == 4);
    CHECK(value(value(on.disk.open(path, Open::read_write))->size()) == 4);
    CHECK(code_of(on.disk.open(path + "/b", Open::create)) == Errc::io);  // Below a file.
}

TEST_CASE_TEMPLATE("a file opened for reading is not written", D, ALL_DISKS) {
    D on;
    put(on.disk, on.directory + "/a", "kept");
    const auto file = value(on.disk.open(on.directory + "/a", Open::read));
    CHECK(code_of(file->write_at(0, "x")) == Errc::io);
    CHECK(code_of(file->truncate(0)) == Errc::io);
    CHECK(content(on.disk, on.directory + "/a") == "kept");
}

TEST_CASE_TEMPLATE("a removed file stays readable through what has it open", D, ALL_DISKS) {
    D on;
    put(on.disk, on.directory + "/a", "still here");
    const auto file = value(on.disk.open(on.directory + "/a", Open::read));
    const auto mapping = value(on.disk.map(on.directory + "/a"));
    ok(on.disk.remove(on.directory + "/a"));
    CHECK(code_of(on.disk.info(on.directory + "/a")) == Errc::not_found);
    std::string got(10, '.');
    CHECK(value(file->read_at(0, got)) == 10);
    CHECK(got == "still here");
    CHECK(mapping->bytes() == "still here");
}

TEST_CASE_TEMPLATE("a mapping shows the whole file", D, ALL_DISKS) {
    D on;
    put(on.disk, on.directory + "/empty", "");
    put(on.disk, on.directory + "/full", "some bytes");
    CHECK(value(on.disk.map(on.directory + "/empty"))->bytes().empty());
    CHECK(value(on.disk.map(on.directory + "/full"))->bytes() == "some bytes");
    CHECK(code_of(on.disk.map(on.directory + "/none")) == Errc::not_found);
}

TEST_CASE_TEMPLATE("renaming replaces what is there", D, ALL_DISKS) {
    D on;
    put(on.disk, on.directory + "/a", "new");
    put(on.disk, on.directory + "/b", "old");
    const auto old = value(on.disk.open(on.directory + "/b", Open::read));
    ok(on.disk.rename(on.directory + "/a", on.directory + "/b"));
    CHECK(content(on.disk, on.directory + "/b") == "new");
    CHECK(names(value(on.disk.list(on.directory))) == "b ");
    std::string got(3, '.');
    CHECK(value(old->read_at(0, got)) == 3);
    CHECK(got == "old");
    ok(on.disk.rename(on.directory + "/b", on.directory + "/b"));
    const auto missing = on.disk.rename(on.directory + "/none", on.directory + "/b");
    CHECK(code_of(missing) == Errc::not_found);
    CHECK(mentions(missing.error(), "/none"));
    CHECK(mentions(missing.error(), "rename"));
}

TEST_CASE_TEMPLATE("a directory is renamed with all that is in it", D, ALL_DISKS) {
    D on;
    ok(on.disk.make_directory(on.directory + "/t_0/x"));
    put(on.disk, on.directory + "/t_0/x/log", "bytes");
    ok(on.disk.make_directory(on.directory + "/empty"));
    ok(on.disk.make_directory(on.directory + "/full/of"));
    ok(on.disk.rename(on.directory + "/t_0", on.directory + "/empty"));
    CHECK(content(on.disk, on.directory + "/empty/x/log") == "bytes");
    CHECK(code_of(on.disk.rename(on.directory + "/empty", on.directory + "/full")) == Errc::not_empty);
    put(on.disk, on.directory + "/file", "");
    CHECK(code_of(on.disk.rename(on.directory + "/empty", on.directory + "/file")) == Errc::io);
    CHECK(code_of(on.disk.rename(on.directory + "/file", on.directory + "/empty")) == Errc::io);
    CHECK(code_of(on.disk.rename(on.directory + "/empty", on.directory + "/empty/x/inside")) == Errc::io);
    CHECK(names(value(on.disk.list(on.directory))) == "empty/ file full/ ");
}

TEST_CASE_TEMPLATE("directories are made with their parents, listed by name and removed when empty", D, ALL_DISKS) {
    D on;
    ok(on.disk.make_directory(on.directory + "/x/y/z"));
    ok(on.disk.make_directory(on.directory + "/x/y"));
    for (const char* name : {"c", "a", "b"}) put(on.disk, on.directory + "/x/" + name, "1");
    CHECK(names(value(on.disk.list(on.directory + "/x"))) == "a b c y/ ");
    CHECK(names(value(on.disk.list(on.directory + "/x/y/z"))) == "");
    CHECK(code_of(on.disk.list(on.directory + "/none")) == Errc::not_found);
    CHECK(code_of(on.disk.make_directory(on.directory + "/x/a")) == Errc::io);
    CHECK(code_of(on.disk.make_directory(on.directory + "/x/a/b")) == Errc::io);
    CHECK(code_of(on.disk.remove(on.directory + "/x")) == Errc::not_empty);
    CHECK(code_of(on.disk.remove(on.directory + "/none")) == Errc::not_found);
    ok(on.disk.remove(on.directory + "/x/y/z"));
    CHECK(value(on.disk.info(on.directory + "/x")).is_directory);
    CHECK(!value(on.disk.info(on.directory + "/x/a")).is_directory);
    CHECK(value(on.disk.info(on.directory + "/x/a")).size == 1);
    CHECK(value(on.disk.info(on.directory + "/x/a")).modified_ms > 1'600'000'000'000);
    ok(on.disk.sync_directory(on.directory + "/x"));
    CHECK(code_of(on.disk.sync_directory(on.directory + "/none")) == Errc::not_found);
    ok(on.disk.watch_filesystem(on.directory));
    ok(on.disk.sync_filesystem(on.directory));
    ok(on.disk.sync_filesystem(on.directory));
}

TEST_CASE_TEMPLATE("a lock is held by one and given back", D, ALL_DISKS) {
    D on;
    const std::string path = on.directory + "/.lock";
    auto held = value(on.disk.lock(path));
    const auto second = on.disk.lock(path);
    CHECK(code_of(second) == Errc::busy);
    CHECK(mentions(second.error(), path));
    held.reset();
    CHECK(on.disk.lock(path).has_value());
    CHECK(code_of(on.disk.lock(on.directory + "/none/.lock")) == Errc::not_found);
}

TEST_CASE_TEMPLATE("the space of a disk is known", D, ALL_DISKS) {
    D on;
    const Space space = value(on.disk.space(on.directory));
    CHECK(space.total_bytes > 0);
    CHECK(space.available_bytes <= space.total_bytes);
}

TEST_CASE_TEMPLATE("what was just written is resident", D, ALL_DISKS) {
    D on;
    const auto file = value(on.disk.open(on.directory + "/a", Open::create));
    ok(file->write_at(0, std::string(10'000, 'x')));
    CHECK(file->resident(0, 10'000));
    CHECK(file->resident(4'095, 2));
    CHECK(file->resident(9'999, 1));
    CHECK(file->resident(5, 0));
}

TEST_CASE_TEMPLATE("a file is read whole, up to a limit", D, ALL_DISKS) {
    D on;
    put(on.disk, on.directory + "/a", "12345");
    CHECK(value(read_file(on.disk, on.directory + "/a", 5)) == "12345");
    CHECK(code_of(read_file(on.disk, on.directory + "/a", 4)) == Errc::too_large);
    CHECK(code_of(read_file(on.disk, on.directory + "/none", 4)) == Errc::not_found);
}

TEST_CASE_TEMPLATE("a file is replaced whole and no temporary file stays", D, ALL_DISKS) {
    D on;
    put(on.disk, on.directory + "/a.tmp", "left over by a crash, longer than the new one");
    ok(replace_file(on.disk, on.directory + "/a", "first"));
    ok(replace_file(on.disk, on.directory + "/a", "2nd"));
    CHECK(content(on.disk, on.directory + "/a") == "2nd");
    CHECK(names(value(on.disk.list(on.directory))) == "a ");
    ok(on.disk.make_directory(on.directory + "/taken"));
    CHECK(code_of(replace_file(on.disk, on.directory + "/taken", "x")) == Errc::io);
    CHECK(names(value(on.disk.list(on.directory))) == "a taken/ ");
}

TEST_CASE_TEMPLATE("a tree is removed with all that is in it", D, ALL_DISKS) {
    D on;
    ok(on.disk.make_directory(on.directory + "/x/y/z"));
    put(on.disk, on.directory + "/x/y/z/a", "1");
    put(on.disk, on.directory + "/x/b", "1");
    ok(remove_tree(on.disk, on.directory + "/x"));
    CHECK(names(value(on.disk.list(on.directory))) == "");
    ok(remove_tree(on.disk, on.directory + "/x"));
}

TEST_CASE("the parent of a path is what stands before its last slash") {
    CHECK(parent_of("/a/b") == "/a");
    CHECK(parent_of("/a/b/") == "/a");
    CHECK(parent_of("/a//b") == "/a");
    CHECK(parent_of("a/b") == "a");
    CHECK(parent_of("/a") == "/");
    CHECK(parent_of("/") == "/");
    CHECK(parent_of("a") == ".");
}

TEST_CASE("a tree is removed without following links out of it") {
    OnPosix on;
    ok(on.disk.make_directory(on.directory + "/outside"));
    ok(on.disk.make_directory(on.directory + "/x"));
    put(on.disk, on.directory + "/outside/a", "kept");
    REQUIRE(::symlink((on.directory + "/outside").c_str(), (on.directory + "/x/link").c_str()) == 0);
    CHECK(names(value(on.disk.list(on.directory + "/x"))) == "link/ ");
    ok(remove_tree(on.disk, on.directory + "/x"));
    CHECK(content(on.disk, on.directory + "/outside/a") == "kept");
}

TEST_CASE("an error of the machine's disk names the path, the system call and the reason") {
    OnPosix on;
    const auto missing = on.disk.open(on.directory + "/none", Open::read);
    REQUIRE(!missing.has_value());
    CHECK(missing.error().message == on.directory + "/none: open: No such file or directory");
    const auto full = value(on.disk.open("/dev/full", Open::read_write))->write_at(0, "x");
    REQUIRE(!full.has_value());
    CHECK(full.error().code == Errc::no_space);
    CHECK(full.error().message == "/dev/full: pwritev: No space left on device");
}

TEST_CASE("a range that reaches behind the file is not resident") {
    OnPosix on;
    put(on.disk, on.directory + "/a", "x");
    CHECK(!value(on.disk.open(on.directory + "/a", Open::read))->resident(0, 100'000));
}

}  // namespace klog::os
