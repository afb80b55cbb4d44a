// SPDX-License-Identifier: Apache-2.0
// What the tests of this room share: a disk of each kind with an empty directory on it.
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "core/os/disk.h"
#include "core/os/memory_disk.h"

namespace klog::os {

/// The machine's disk and a directory of its own, removed at the end.
struct OnPosix {
    OnPosix() {
        const char* const base = std::getenv("TMPDIR");
        std::string pattern = std::string(base != nullptr ? base : "/tmp") + "/klog-os-XXXXXX";
        REQUIRE(::mkdtemp(pattern.data()) != nullptr);
        directory = pattern;
    }
    OnPosix(const OnPosix&) = delete;
    OnPosix& operator=(const OnPosix&) = delete;
    ~OnPosix() { CHECK(remove_tree(disk, directory)); }

    Disk& disk = posix_disk();
    std::string directory;
};

/// A fresh memory disk; its directory is durable.
struct OnMemory {
    OnMemory() {
        REQUIRE(disk.make_directory(directory));
        REQUIRE(disk.sync_filesystem("/"));
    }

    MemoryDisk disk;
    std::string directory = "/data";
};

/// The value of a result that must be good.
template <class T>
T value(base::Result<T> result) {
    REQUIRE_MESSAGE(result.has_value(), result.error().message);
    return *std::move(result);
}

inline void ok(const base::Result<>& result) { REQUIRE_MESSAGE(result.has_value(), result.error().message); }

template <class T>
base::Errc code_of(const base::Result<T>& result) {
    REQUIRE_MESSAGE(!result.has_value(), "an error was expected");
    return result.error().code;
}

inline std::string content(Disk& disk, const std::string& path) { return value(read_file(disk, path, 1 << 20)); }

inline void put(Disk& disk, const std::string& path, std::string_view bytes) {
    const auto file = value(disk.open(path, Open::create));
    ok(file->truncate(0));
    ok(file->write_at(0, bytes));
}

}  // namespace klog::os
