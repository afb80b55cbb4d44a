// SPDX-License-Identifier: Apache-2.0
// What a power cut makes of a MemoryImage.
#include <algorithm>
#include <deque>

#include "core/os/memory_image.h"

namespace klog::os {

namespace {

constexpr std::uint64_t sector_bytes = 512;

/// How much of an unsynced sector got to the platter.
struct Sector {
    std::size_t operations;   // It holds what it held after so many of the file's unsynced operations.
    std::uint64_t low, high;  // The bytes of it that unsynced writes touched.
};

Sector draw_sector(std::size_t operations, base::Random& random) {
    switch (random.below(3)) {
        case 0: return {0, ~std::uint64_t{0}, 0};
        case 1: return {operations, ~std::uint64_t{0}, 0};
        default: return {random.below(operations + 1), ~std::uint64_t{0}, 0};
    }
}

void fill_with_garbage(MemoryBytes& bytes, std::uint64_t low, std::uint64_t high, base::Random& random) {
    std::string garbage;
    for (std::uint64_t at = low; at < high; ++at) garbage += static_cast<char>(random.next());
    bytes.write(low, garbage);
}

}  // namespace

/// Each sector and the size stop at a moment of their own. What a durable truncation cut never comes back, whatever
/// the sectors say.
MemoryBytes MemoryImage::some_of(const Inode& file, bool scramble, base::Random& random) {
    const std::size_t count = file.unsynced.size();
    const std::uint64_t grain = random.one_in(2) ? sector_bytes : MemoryBytes::page_bytes;
    const std::size_t size_after = random.below(count + 1);  // The size is that after so many operations.
    std::map<std::uint64_t, Sector> sectors;
    MemoryBytes result = file.durable;
    std::uint64_t size = result.size();
    for (std::size_t i = 0; i < count; ++i) {
        const DataOperation& operation = file.unsynced[i];
        if (operation.bytes == nullptr) {
            if (i < size_after) result.resize(size = operation.position);
            for (const auto& [index, sector] : sectors) {
                const std::uint64_t low = std::max(index * grain, operation.position);
                const std::uint64_t high = std::min((index + 1) * grain, result.size());
                if (i < sector.operations && low < high) result.write(low, std::string(high - low, '\0'));
            }
            continue;
        }
        std::uint64_t at = operation.position;
        const std::uint64_t end = at + operation.bytes->size();
        if (i < size_after) size = std::max(size, end);
        while (!operation.lost && at < end) {
            const std::uint64_t index = at / grain;
            const std::uint64_t next = std::min(end, (index + 1) * grain);
            auto found = sectors.find(index);
            if (found == sectors.end()) found = sectors.emplace(index, draw_sector(count, random)).first;
            Sector& sector = found->second;
            sector.low = std::min(sector.low, at);
            sector.high = std::max(sector.high, next);
            if (i < sector.operations)
                result.write(at, std::string_view(*operation.bytes).substr(at - operation.position, next - at));
            at = next;
        }
    }
    result.resize(size);
    for (const auto& [index, sector] : sectors) {
        if (!scramble || sector.operations == count || !random.one_in(4)) continue;
        if (sector.low < size) fill_with_garbage(result, sector.low, std::min(sector.high, size), random);
    }
    return result;
}

MemoryBytes MemoryImage::bytes_after(const Inode& file, Crash how, base::Random& random,
                                     std::uint64_t torn_bytes_kept) const {
    if (file.unsynced.empty() || how == Crash::drop_unsynced || how == Crash::lose_data) return file.durable;
    const bool some = how == Crash::keep_some || how == Crash::scramble;
    const std::uint64_t fate = some ? random.below(4) : 0;
    if (some && fate == 0) return file.durable;
    if (some && fate != 1) return some_of(file, how == Crash::scramble, random);
    MemoryBytes result = file.durable;
    for (const DataOperation& operation : file.unsynced) {
        if (operation.bytes == nullptr) {
            result.resize(operation.position);
            continue;
        }
        std::string_view kept = *operation.bytes;
        if (how == Crash::tear_last_write && operation.sequence == last_write_) kept = kept.substr(0, torn_bytes_kept);
        if (how == Crash::zero_data || operation.lost) {
            result.resize(std::max(result.size(), operation.position + kept.size()));
        } else {
            result.write(operation.position, kept);
        }
    }
    return result;
}

MemoryImage::Entries MemoryImage::entries_after(const Inode& directory, Crash how, base::Random& random) {
    Entries result = directory.durable_entries;
    if (how == Crash::drop_unsynced || how == Crash::lose_entries) return result;
    const std::size_t count = directory.unsynced_entries.size();
    const bool some = count > 0 && (how == Crash::keep_some || how == Crash::scramble);
    const std::uint64_t fate = some ? random.below(3) : 0;  // All of them, the first few, or each on its own.
    const std::size_t first = fate == 1 ? random.below(count + 1) : count;
    for (std::size_t i = 0; i < first; ++i) {
        const EntryOperation& operation = directory.unsynced_entries[i];
        if (!operation.lost && (fate != 2 || random.one_in(2))) apply(result, operation);
    }
    return result;
}

std::uint64_t MemoryImage::torn_bytes_max() const {
    for (const auto& [id, inode] : inodes_)
        for (const DataOperation& operation : inode.unsynced)
            if (operation.sequence == last_write_ && !operation.lost) return operation.bytes->size();
    return 0;
}

void MemoryImage::crash(Crash how, base::Random& random, std::uint64_t torn_bytes_kept) {
    for (auto& [id, inode] : inodes_) {
        inode.open = 0;
        if (how == Crash::process) continue;
        inode.durable = bytes_after(inode, how, random, torn_bytes_kept);
        inode.cached = inode.durable;
        inode.unsynced.clear();
        inode.unsynced_bytes = 0;
        if (inode.is_directory) inode.cached_entries = entries_after(inode, how, random);
        inode.unsynced_entries.clear();
    }
    if (how != Crash::process) {
        keep_one_name_each();
        for (auto& [id, inode] : inodes_) inode.durable_entries = inode.cached_entries;
    }
    forget_unreachable();
    used_bytes_ = 0;
    for (auto& [id, inode] : inodes_)
        if (inode.linked) used_bytes_ += inode.cached.size();
}

/// A subset of renames may leave a file with two names; the younger one counts. Sets which inodes have a name at all.
void MemoryImage::keep_one_name_each() {
    struct Name {
        std::uint64_t sequence;
        InodeId directory;
        std::string name;
    };
    std::map<InodeId, Name> best;
    std::deque<InodeId> ahead{InodeId::root};
    while (!ahead.empty()) {
        const InodeId directory = ahead.front();
        ahead.pop_front();
        Entries& entries = at(directory).cached_entries;
        for (auto it = entries.begin(); it != entries.end();) {
            const auto [name, link] = *it;
            const auto [found, is_new] = best.try_emplace(link.inode, Name{link.sequence, directory, name});
            if (is_new) {
                if (is_directory(link.inode)) ahead.push_back(link.inode);
            } else if (found->second.sequence < link.sequence) {
                at(found->second.directory).cached_entries.erase(found->second.name);
                found->second = {link.sequence, directory, name};
            } else {
                it = entries.erase(it);
                continue;
            }
            ++it;
        }
    }
    for (auto& [id, inode] : inodes_) inode.linked = id == InodeId::root || best.contains(id);
}

std::set<InodeId> MemoryImage::reachable() const {
    std::set<InodeId> found{InodeId::root};
    for (const auto& [id, inode] : inodes_)
        if (inode.open > 0) found.insert(id);
    std::deque<InodeId> ahead(found.begin(), found.end());
    const auto see = [&](InodeId id) {
        if (id != InodeId::none && found.insert(id).second) ahead.push_back(id);
    };
    while (!ahead.empty()) {
        const Inode& inode = at(ahead.front());
        ahead.pop_front();
        for (const auto& [name, link] : inode.cached_entries) see(link.inode);
        for (const auto& [name, link] : inode.durable_entries) see(link.inode);
        for (const EntryOperation& operation : inode.unsynced_entries)
            for (const auto& [name, id] : operation.sets) see(id);
    }
    return found;
}

void MemoryImage::forget_unreachable() {
    const std::set<InodeId> kept = reachable();
    std::erase_if(inodes_, [&](const auto& entry) { return !kept.contains(entry.first); });
    inodes_after_sweep_ = inodes_.size();
}

}  // namespace klog::os
