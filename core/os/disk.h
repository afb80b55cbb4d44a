// SPDX-License-Identifier: Apache-2.0
// The disk, as everything above it sees it: the seam between klog and the machine's files. PosixDisk is the real one;
// MemoryDisk (os/memory_disk.h) forgets what was not synced, tears writes, fails the n-th call and fills up.
//
// All calls block. Which of them may run on a shard (writes to the page cache, resident reads) and which belong on the
// pool (open, sync, cold reads) is the caller's business. Implementations are thread-safe per object as POSIX files
// are. Paths are UTF-8 and relative to nothing: callers pass what they were given, joined with '/'.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/chain.h"
#include "core/base/error.h"

namespace klog::os {

class File : public base::ByteSource {
public:
    /// Writes all pieces one after another from `position` on, in one pwritev where possible. On an error some prefix
    /// may have been written; the caller truncates back. no_space and io are told apart.
    virtual base::Result<> write_at(std::uint64_t position, std::span<const std::string_view> pieces) = 0;
    base::Result<> write_at(std::uint64_t position, std::string_view bytes) { return write_at(position, {&bytes, 1}); }
    virtual base::Result<std::uint64_t> size() const = 0;
    virtual base::Result<> truncate(std::uint64_t size) = 0;
    /// fdatasync: the bytes and the size. After an error nothing about the file may be believed, and a second call
    /// proves nothing. A file that was written must stay open until it is synced: what failed to be written back while
    /// nobody had it open may go unreported.
    virtual base::Result<> sync() = 0;
    /// True when every page of the range is in the page cache (cachestat, else mincore); reading it will not block.
    virtual bool resident(std::uint64_t position, std::uint64_t length) const = 0;
    /// The path it was opened under; renames are not followed. For messages.
    virtual const std::string& path() const = 0;
};

/// A read-only view of a whole file as it was when it was mapped. The file must not be cut while the mapping lives
/// (a read beyond the new end would end the process).
class Mapping {
public:
    virtual ~Mapping() = default;
    virtual std::string_view bytes() const = 0;
};

/// Held for as long as the object lives.
class Lock {
public:
    virtual ~Lock() = default;
};

enum class Open {
    read,        // Must exist.
    read_write,  // Must exist.
    create,      // Read and write; made when missing, kept as it is when there.
    create_new,  // Read and write; must not exist.
};

struct Entry {
    std::string name;
    bool is_directory = false;
};

struct FileInfo {
    std::uint64_t size = 0;
    bool is_directory = false;
    std::int64_t modified_ms = 0;
};

struct Space {
    std::uint64_t total_bytes = 0;
    std::uint64_t available_bytes = 0;
};

class Disk {
public:
    virtual ~Disk() = default;

    virtual base::Result<std::shared_ptr<File>> open(const std::string& path, Open how) = 0;
    virtual base::Result<std::unique_ptr<Mapping>> map(const std::string& path) = 0;
    /// Replaces `to` when it is there. Durable only after sync_directory of both parents.
    virtual base::Result<> rename(const std::string& from, const std::string& to) = 0;
    /// A file or an empty directory; not_empty otherwise.
    virtual base::Result<> remove(const std::string& path) = 0;
    /// Makes missing parents too; no error when it is there. Each directory made is durable after sync_directory of the
    /// one that holds it.
    virtual base::Result<> make_directory(const std::string& path) = 0;
    virtual base::Result<> sync_directory(const std::string& path) = 0;
    /// syncfs on the filesystem that holds `path`: everything written to it before the call is durable after it,
    /// directory entries too. It reports the write-back errors since watch_filesystem, or since it was first called.
    virtual base::Result<> sync_filesystem(const std::string& path) = 0;
    /// From here on sync_filesystem of the same path misses no write-back error. Syncs nothing.
    virtual base::Result<> watch_filesystem(const std::string& path) = 0;
    /// Sorted by name; without "." and "..".
    virtual base::Result<std::vector<Entry>> list(const std::string& path) = 0;
    virtual base::Result<FileInfo> info(const std::string& path) = 0;
    virtual base::Result<Space> space(const std::string& path) = 0;
    /// Takes an exclusive lock (flock) on the file, making it when missing. busy: somebody else has it.
    virtual base::Result<std::unique_ptr<Lock>> lock(const std::string& path) = 0;
};

/// The machine's disk. One instance for the life of the process.
Disk& posix_disk();

/// The whole file. too_large when it has more than `bytes_max`.
base::Result<std::string> read_file(Disk& disk, const std::string& path, std::uint64_t bytes_max);
/// Writes `path`.tmp, syncs it, renames it over `path` and syncs the directory: after a crash the file has its old
/// content or the new one, whole.
base::Result<> replace_file(Disk& disk, const std::string& path, std::string_view bytes);
/// Makes the directory with those above it that are missing, and syncs the whole chain: they may have been made just
/// now, or by a life that was killed before it synced them.
base::Result<> make_directory_durable(Disk& disk, const std::string& path);
/// Removes a directory with all that is in it; no error when it is missing.
base::Result<> remove_tree(Disk& disk, const std::string& path);
/// The part before the last '/', or ".".
std::string parent_of(std::string_view path);

}  // namespace klog::os
