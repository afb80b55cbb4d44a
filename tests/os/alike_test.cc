// SPDX-License-Identifier: Apache-2.0
// The memory disk is judged by the machine's: whatever is asked, both answer the same.
#include <map>
#include <memory>
#include <string>

#include "core/base/random.h"
#include "tests/os/disks.h"

namespace klog::os {

namespace {

/// Few names, so that operations meet each other's files and directories.
std::string any_path(base::Random& random) {
    static constexpr const char* paths[] = {"/a",   "/b",        "/c",        "/a/x",     "/a/y",
                                            "/b/x", "/b/x/deep", "/c/x/deep", "/a/x/deep"};
    return paths[random.below(std::size(paths))];
}

template <class T>
std::string said(const base::Result<T>& result) {
    return result ? "ok" : std::string(name_of(result.error().code));
}

/// One side of the comparison: a disk, and the files that the run has opened on it.
struct Side {
    Disk& disk;
    std::string directory;
    std::map<std::uint64_t, std::shared_ptr<File>> files = {};

    std::string open(std::uint64_t slot, const std::string& path, Open how) {
        files.erase(slot);
        auto opened = disk.open(directory + path, how);
        if (opened && disk.info(directory + path)->is_directory) return "io";  // POSIX opens a directory for reading.
        if (opened) files[slot] = *opened;
        return said(opened);
    }
    std::string with_file(std::uint64_t slot, std::uint64_t what, std::uint64_t position, const std::string& bytes) {
        const auto found = files.find(slot);
        if (found == files.end()) return "not open";
        File& file = *found->second;
        if (what == 0) return said(file.write_at(position, bytes));
        if (what == 1) return said(file.truncate(position));
        if (what == 2) return said(file.sync());
        std::string got(bytes.size(), '.');
        const auto count = file.read_at(position, got);
        return said(count) + " " + std::to_string(count.value_or(0)) + got + std::to_string(file.size().value_or(0));
    }
    std::string with_path(std::uint64_t what, const std::string& path, const std::string& other) {
        const std::string full = directory + path;
        if (what == 0) return said(disk.rename(full, directory + other));
        if (what == 1) return said(disk.remove(full));
        if (what == 2) return said(disk.make_directory(full));
        if (what == 3) return said(remove_tree(disk, full));
        if (what == 4) return said(replace_file(disk, full, other));
        if (what == 5) {
            const auto info = disk.info(full);
            if (!info) return said(info);
            return info->is_directory ? "directory" : std::to_string(info->size);
        }
        const auto entries = disk.list(full);
        std::string line = said(entries);
        if (entries)
            for (const Entry& entry : *entries) line += " " + entry.name + (entry.is_directory ? "/" : "");
        return line;
    }
};

}  // namespace

TEST_CASE("both disks give the same answer to whatever is asked") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        OnPosix on_posix;
        OnMemory on_memory;
        base::Random random(seed);
        Side sides[] = {{on_posix.disk, on_posix.directory}, {on_memory.disk, on_memory.directory}};
        for (int i = 0; i < 500; ++i) {
            const std::uint64_t kind = random.below(10), slot = random.below(3), position = random.below(10'000);
            const std::string path = any_path(random), other = any_path(random);
            const std::string bytes(random.below(6'000), static_cast<char>('a' + random.below(26)));
            const auto how = static_cast<Open>(random.below(4));
            const std::uint64_t what = random.below(kind < 7 ? 4 : 7);
            std::string answers[2];
            for (int side = 0; side < 2; ++side) {
                Side& on = sides[side];
                answers[side] = kind < 3   ? on.open(slot, path, how)
                                : kind < 7 ? on.with_file(slot, what, position, bytes)
                                           : on.with_path(what, path, other);
            }
            CAPTURE(i);
            CAPTURE(kind);
            CAPTURE(what);
            CAPTURE(path);
            CAPTURE(other);
            REQUIRE(answers[0] == answers[1]);
        }
    }
}

}  // namespace klog::os
