// SPDX-License-Identifier: Apache-2.0
// What the tests of the memory disk share.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "core/os/memory_disk.h"
#include "tests/os/disks.h"

namespace klog::os {

/// A disk with a durable directory /d, and short words for what the tests do to it.
struct Fixture {
    MemoryDisk disk;
    base::Random random{42};

    Fixture() {
        ok(disk.make_directory("/d"));
        ok(disk.sync_directory("/"));
    }
    std::shared_ptr<File> file(const std::string& name, Open how = Open::create) {
        return value(disk.open("/d/" + name, how));
    }
    /// A file whose bytes and name are durable.
    std::shared_ptr<File> durable_file(const std::string& name, std::string_view bytes) {
        auto made = file(name);
        ok(made->write_at(0, bytes));
        ok(made->sync());
        ok(disk.sync_directory("/d"));
        return made;
    }
    /// What a copy of the disk holds after a crash: "name=content " for each file of /d.
    std::string after(Crash how) {
        const auto copy = disk.clone();
        copy->crash(how, random);
        return show(*copy);
    }
    static std::string show(MemoryDisk& disk) {
        std::string line;
        for (const Entry& entry : value(disk.list("/d")))
            line += entry.name + (entry.is_directory ? "/" : "=" + content(disk, "/d/" + entry.name)) + " ";
        return line;
    }
    /// All that many crashes of one kind leave.
    std::set<std::string> outcomes(Crash how, int tries = 300) {
        std::set<std::string> found;
        for (int i = 0; i < tries; ++i) found.insert(after(how));
        return found;
    }
};

inline constexpr Crash power_cuts[] = {Crash::drop_unsynced, Crash::lose_entries,    Crash::lose_data, Crash::zero_data,
                                       Crash::keep_some,     Crash::tear_last_write, Crash::scramble};

inline std::string zeros(std::size_t count) { return std::string(count, '\0'); }

}  // namespace klog::os
