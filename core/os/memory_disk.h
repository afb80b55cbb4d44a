// SPDX-License-Identifier: Apache-2.0
// A disk in memory that does to its user what disks do: forgets what was not synced, tears writes, loses names, fails
// the n-th call, fills up. For tests and for simulation; docs/testing-faults.md shows how a test uses it.
//
// Owned by the test. A mutex guards it, so threads may share one disk as they share a POSIX filesystem. A clone shares
// pages with its origin: a disk and its clones are used by one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/os/disk.h"
#include "core/os/memory_image.h"

namespace klog::os {

enum class Call {
    open,
    read,
    write,
    truncate,
    sync,
    map,
    rename,
    remove,
    make_directory,
    sync_directory,
    sync_filesystem,
    list,
    info,
    lock,
};

/// A call to come that fails.
struct Fault {
    Call call;
    std::uint64_t nth = 1;             // Of the matching calls from now on; 1: the next.
    base::Errc code = base::Errc::io;  // Or no_space, limit.
    bool lasting = false;              // All calls after it fail too.
    std::string path_part = {};        // Only calls on paths that contain it.
    std::uint64_t written_bytes = 0;   // Of a write: what gets into the file all the same.
};

/// A change that is about to be made: of files, of directories, or of what is durable.
struct Step {
    std::uint64_t number;  // From 1.
    Call call;
    const std::string& path;
};

enum class Residency { always, never, random };

class MemoryDisk final : public Disk {
public:
    struct Options {
        std::uint64_t capacity_bytes = std::uint64_t{1} << 40;
        const base::Clock* clock = nullptr;  // For times of modification; null: it stands still. Outlives the disk.
        std::uint64_t seed = 1;              // Of random residency.
    };

    MemoryDisk() : MemoryDisk(Options{}) {}
    explicit MemoryDisk(const Options& options);
    ~MemoryDisk() override;

    base::Result<std::shared_ptr<File>> open(const std::string& path, Open how) override;
    base::Result<std::unique_ptr<Mapping>> map(const std::string& path) override;
    base::Result<> rename(const std::string& from, const std::string& to) override;
    base::Result<> remove(const std::string& path) override;
    base::Result<> make_directory(const std::string& path) override;
    base::Result<> sync_directory(const std::string& path) override;
    base::Result<> sync_filesystem(const std::string& path) override;
    base::Result<> watch_filesystem(const std::string& path) override;
    base::Result<std::vector<Entry>> list(const std::string& path) override;
    base::Result<FileInfo> info(const std::string& path) override;
    base::Result<Space> space(const std::string& path) override;
    base::Result<std::unique_ptr<Lock>> lock(const std::string& path) override;

    /// The same files, open or not, in the same state of sync; no handles, locks, faults or hook. Cheap.
    std::unique_ptr<MemoryDisk> clone() const;

    /// From here on every call fails with io, until crash(). For a test (or its hook) that stops a run at a step.
    void power_off();
    /// Ends the life of whoever used the disk: its handles fail with io, its locks and the faults are gone. What is
    /// left depends on `how`. Switches the disk on again.
    void crash(Crash how, base::Random& random);
    /// Crash::tear_last_write, leaving this many bytes of the last write.
    void crash_tearing(std::uint64_t bytes_kept);
    /// How long the last write is when no sync has covered it yet, else 0.
    std::uint64_t torn_bytes_max() const;

    void plan(Fault fault);
    void clear_faults();
    /// Beyond it writes put in what fits and fail with no_space. May be changed at any time.
    void set_capacity(std::uint64_t bytes);
    std::uint64_t used_bytes() const;
    bool watches(const std::string& path) const;  // By watch_filesystem.
    void set_residency(Residency residency);
    /// Flips the bits of `mask` in one byte that is durable, as a failing medium does.
    void damage(const std::string& path, std::uint64_t position, unsigned char mask = 0xff);

    /// Called before each step, outside the lock: it may clone, crash a clone, switch the power off, or block (a slow
    /// disk). Empty: none.
    void before_step(std::function<void(const Step&)> hook);
    std::uint64_t steps() const;
    /// Calls of this kind so far, those that failed included.
    std::uint64_t calls(Call call) const;

private:
    struct State;
    class MemoryFile;
    class MemoryLock;

    std::shared_ptr<State> state_;
};

}  // namespace klog::os
