// SPDX-License-Identifier: Apache-2.0
// A filesystem as two pictures: what processes see (the page cache) and what a power cut leaves (the platter), with the
// operations that lie between them. A value: copying it copies the disk, cheaply. No locks, no faults, no handles:
// those are MemoryDisk's (os/memory_disk.h), its one user.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/base/random.h"
#include "core/os/memory_bytes.h"

namespace klog::os {

/// What happens to a memory disk, and what is left. Each but `process` is a power cut.
enum class Crash {
    process,          // kill -9: the machine lives on. Nothing is lost, and nothing becomes durable by it.
    drop_unsynced,    // Only what was synced is there.
    lose_entries,     // All bytes are there, but creations, renames and removals in unsynced directories are not.
    lose_data,        // Creations, renames and removals are there, but no unsynced byte, and the old sizes.
    zero_data,        // As lose_data, but sizes are there: files end in zeros.
    tear_last_write,  // All is there but the end of the last write, cut at any byte.
    keep_some,        // Any part: sectors of writes, sizes, and operations on directories, each or not.
    scramble,         // As keep_some, and some of the sectors that were under way hold garbage.
};

enum class InodeId : std::uint64_t { none = 0, root = 1 };

/// Why an operation is refused, in the words of strerror.
struct Refusal {
    base::Errc code;
    const char* words;
};
template <class T = void>
using Allowed = std::expected<T, Refusal>;

class MemoryImage {
public:
    /// Per file, what may be unsynced; beyond it the oldest is written back, as a kernel does.
    static constexpr std::uint64_t unsynced_bytes_max = 4 << 20;
    static constexpr std::size_t unsynced_operations_max = 10'000;
    static constexpr std::uint64_t file_bytes_max = std::uint64_t{1} << 40;

    MemoryImage();

    Allowed<InodeId> find(std::string_view path) const;
    bool is_directory(InodeId inode) const { return at(inode).is_directory; }
    std::uint64_t size(InodeId inode) const { return at(inode).cached.size(); }
    std::int64_t modified_ms(InodeId inode) const { return at(inode).modified_ms; }
    /// Name and whether it is a directory, by name.
    std::vector<std::pair<std::string, bool>> entries(InodeId directory) const;
    std::size_t read(InodeId file, std::uint64_t position, std::span<char> into) const;

    /// Makes a file or a directory; its parent must be there, it must not.
    Allowed<InodeId> create(std::string_view path, bool directory, std::int64_t now_ms);
    Allowed<> rename(std::string_view from, std::string_view to);
    Allowed<> remove(std::string_view path);
    Allowed<> write(InodeId file, std::uint64_t position, std::string_view bytes, std::int64_t now_ms);
    Allowed<> truncate(InodeId file, std::uint64_t size, std::int64_t now_ms);

    /// Success makes the unsynced operations of the file or directory durable. A failed sync marks them clean all the
    /// same: processes go on seeing them, but no later sync writes them, and a power cut takes them.
    void sync(InodeId inode, bool succeeds);
    void sync_all(bool succeeds);

    /// Changes bytes on the platter and in the cache alike: silent damage.
    void damage(InodeId file, std::uint64_t position, std::string_view bytes);

    /// A file that is open lives on after it was removed. Not part of what is copied to a new machine: crash resets it.
    void opened(InodeId inode) { ++at(inode).open; }
    void closed(InodeId inode);

    /// Length of the last write when no sync has covered it yet, else 0: what tear_last_write can tear.
    std::uint64_t torn_bytes_max() const;
    /// `torn_bytes_kept`: for tear_last_write, how many bytes of the last write stay.
    void crash(Crash how, base::Random& random, std::uint64_t torn_bytes_kept);

    /// Bytes of all files that have a name or are open.
    std::uint64_t used_bytes() const { return used_bytes_; }

private:
    struct DataOperation {
        std::uint64_t sequence;
        std::uint64_t position;                    // Of a write; of a truncation: the new size.
        std::shared_ptr<const std::string> bytes;  // Null: a truncation.
        bool lost;                                 // A sync that failed covered it.
    };
    struct Link {
        InodeId inode;
        std::uint64_t sequence;  // Of the operation that made it.
    };
    using Entries = std::map<std::string, Link, std::less<>>;
    struct EntryOperation {
        std::uint64_t sequence;
        std::vector<std::pair<std::string, InodeId>> sets;  // Together or not at all; none: the name goes.
        bool lost;
    };
    struct Inode {
        bool is_directory = false;
        bool linked = true;
        std::uint32_t open = 0;
        std::int64_t modified_ms = 0;
        MemoryBytes cached, durable;
        std::vector<DataOperation> unsynced;
        std::uint64_t unsynced_bytes = 0;
        Entries cached_entries, durable_entries;
        std::vector<EntryOperation> unsynced_entries;
    };
    struct Place {
        InodeId directory;
        std::string name;
        InodeId inode;  // none: there is no such name in the directory.
    };

    Inode& at(InodeId inode) { return inodes_.find(inode)->second; }
    const Inode& at(InodeId inode) const { return inodes_.find(inode)->second; }
    Allowed<Place> place_of(std::string_view path) const;
    bool below(InodeId inode, InodeId directory) const;
    void change(InodeId directory, std::vector<std::pair<std::string, InodeId>> sets);
    void remember(Inode& file, DataOperation operation);
    void unlink(InodeId inode);
    void resized(std::uint64_t before, std::uint64_t after) { used_bytes_ = used_bytes_ - before + after; }

    static void apply(Entries& entries, const EntryOperation& operation);
    static void write_back_oldest(Inode& file);
    MemoryBytes bytes_after(const Inode& file, Crash how, base::Random& random, std::uint64_t torn_bytes_kept) const;
    static MemoryBytes some_of(const Inode& file, bool scramble, base::Random& random);
    static Entries entries_after(const Inode& directory, Crash how, base::Random& random);
    std::set<InodeId> reachable() const;
    void keep_one_name_each();
    void forget_unreachable();

    std::map<InodeId, Inode> inodes_;
    std::uint64_t next_inode_ = 2;
    std::uint64_t next_sequence_ = 1;
    std::uint64_t last_write_ = 0;  // The sequence of the last write.
    std::uint64_t used_bytes_ = 0;
    std::size_t inodes_after_sweep_ = 0;
};

}  // namespace klog::os
