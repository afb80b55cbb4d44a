// SPDX-License-Identifier: Apache-2.0
#include "core/os/memory_image.h"

#include <algorithm>

#include "core/base/check.h"

namespace klog::os {

using base::Errc;

namespace {

std::unexpected<Refusal> refuse(Errc code, const char* words) { return std::unexpected(Refusal{code, words}); }

/// Takes the first name off a path; empty at its end. Slashes and "." are nothing.
std::string_view next_name(std::string_view& path) {
    for (;;) {
        path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
        const std::string_view name = path.substr(0, path.find('/'));
        path.remove_prefix(name.size());
        if (name != ".") return name;
    }
}

}  // namespace

MemoryImage::MemoryImage() {
    Inode root;
    root.is_directory = true;
    inodes_.emplace(InodeId::root, std::move(root));
}

Allowed<MemoryImage::Place> MemoryImage::place_of(std::string_view path) const {
    Place place{InodeId::none, "", InodeId::root};
    for (std::string_view name = next_name(path); !name.empty(); name = next_name(path)) {
        if (place.inode == InodeId::none) return refuse(Errc::not_found, "No such file or directory");
        if (!at(place.inode).is_directory) return refuse(Errc::io, "Not a directory");
        if (name == "..") return refuse(Errc::io, "The memory disk knows no ..");
        const Entries& entries = at(place.inode).cached_entries;
        const auto found = entries.find(name);
        place = {place.inode, std::string(name), found == entries.end() ? InodeId::none : found->second.inode};
    }
    return place;
}

Allowed<InodeId> MemoryImage::find(std::string_view path) const {
    const auto place = place_of(path);
    if (!place) return std::unexpected(place.error());
    if (place->inode == InodeId::none) return refuse(Errc::not_found, "No such file or directory");
    return place->inode;
}

std::vector<std::pair<std::string, bool>> MemoryImage::entries(InodeId directory) const {
    std::vector<std::pair<std::string, bool>> result;
    for (const auto& [name, link] : at(directory).cached_entries) result.emplace_back(name, is_directory(link.inode));
    return result;
}

std::size_t MemoryImage::read(InodeId file, std::uint64_t position, std::span<char> into) const {
    return at(file).cached.read(position, into);
}

void MemoryImage::apply(Entries& entries, const EntryOperation& operation) {
    for (const auto& [name, inode] : operation.sets) {
        if (inode == InodeId::none) {
            entries.erase(name);
        } else {
            entries.insert_or_assign(name, Link{inode, operation.sequence});
        }
    }
}

void MemoryImage::change(InodeId directory, std::vector<std::pair<std::string, InodeId>> sets) {
    Inode& changed = at(directory);
    changed.unsynced_entries.push_back({next_sequence_++, std::move(sets), false});
    apply(changed.cached_entries, changed.unsynced_entries.back());
    if (changed.unsynced_entries.size() <= unsynced_operations_max) return;
    const auto half = changed.unsynced_entries.begin() + unsynced_operations_max / 2;
    for (auto it = changed.unsynced_entries.begin(); it != half; ++it)
        if (!it->lost) apply(changed.durable_entries, *it);
    changed.unsynced_entries.erase(changed.unsynced_entries.begin(), half);
}

Allowed<InodeId> MemoryImage::create(std::string_view path, bool directory, std::int64_t now_ms) {
    auto place = place_of(path);
    if (!place) return std::unexpected(place.error());
    if (place->inode != InodeId::none) return refuse(Errc::exists, "File exists");
    const InodeId made{next_inode_++};
    Inode& inode = inodes_[made];
    inode.is_directory = directory;
    inode.modified_ms = now_ms;
    change(place->directory, {{std::move(place->name), made}});
    return made;
}

/// Whether `inode` is `directory` or lies somewhere in it.
bool MemoryImage::below(InodeId inode, InodeId directory) const {
    if (inode == directory) return true;
    for (const auto& [name, link] : at(directory).cached_entries)
        if (is_directory(link.inode) && below(inode, link.inode)) return true;
    return false;
}

Allowed<> MemoryImage::rename(std::string_view from, std::string_view to) {
    auto source = place_of(from);
    if (!source) return std::unexpected(source.error());
    auto target = place_of(to);
    if (!target) return std::unexpected(target.error());
    if (source->inode == InodeId::none) return refuse(Errc::not_found, "No such file or directory");
    if (source->inode == target->inode) return {};
    if (is_directory(source->inode) && below(target->directory, source->inode))
        return refuse(Errc::io, "Invalid argument");
    if (target->inode != InodeId::none) {
        if (is_directory(target->inode) && below(source->directory, target->inode))
            return refuse(Errc::not_empty, "Directory not empty");
        if (is_directory(source->inode) && !is_directory(target->inode)) return refuse(Errc::io, "Not a directory");
        if (!is_directory(source->inode) && is_directory(target->inode)) return refuse(Errc::io, "Is a directory");
        if (!at(target->inode).cached_entries.empty()) return refuse(Errc::not_empty, "Directory not empty");
        unlink(target->inode);
    }
    if (source->directory == target->directory) {
        change(source->directory, {{source->name, InodeId::none}, {target->name, source->inode}});
    } else {
        change(target->directory, {{target->name, source->inode}});
        change(source->directory, {{source->name, InodeId::none}});
    }
    return {};
}

Allowed<> MemoryImage::remove(std::string_view path) {
    auto place = place_of(path);
    if (!place) return std::unexpected(place.error());
    if (place->inode == InodeId::none) return refuse(Errc::not_found, "No such file or directory");
    if (place->inode == InodeId::root) return refuse(Errc::io, "Device or resource busy");
    if (!at(place->inode).cached_entries.empty()) return refuse(Errc::not_empty, "Directory not empty");
    unlink(place->inode);
    change(place->directory, {{std::move(place->name), InodeId::none}});
    return {};
}

void MemoryImage::unlink(InodeId inode) {
    Inode& gone = at(inode);
    gone.linked = false;
    if (gone.open == 0) resized(gone.cached.size(), 0);
}

void MemoryImage::closed(InodeId inode) {
    Inode& file = at(inode);
    --file.open;
    if (file.open == 0 && !file.linked) resized(file.cached.size(), 0);
}

void MemoryImage::remember(Inode& file, DataOperation operation) {
    if (operation.bytes != nullptr) file.unsynced_bytes += operation.bytes->size();
    file.unsynced.push_back(std::move(operation));
    if (file.unsynced_bytes > unsynced_bytes_max || file.unsynced.size() > unsynced_operations_max)
        write_back_oldest(file);
}

namespace {

/// Brings one operation to the platter. Of a write that a failed sync had covered only the size gets there.
template <class Operation>
void settle(MemoryBytes& durable, const Operation& operation) {
    if (operation.bytes == nullptr) {
        durable.resize(operation.position);
    } else if (operation.lost) {
        durable.resize(std::max(durable.size(), operation.position + operation.bytes->size()));
    } else {
        durable.write(operation.position, *operation.bytes);
    }
}

}  // namespace

void MemoryImage::write_back_oldest(Inode& file) {
    const auto half = file.unsynced.begin() + static_cast<std::ptrdiff_t>((file.unsynced.size() + 1) / 2);
    for (auto it = file.unsynced.begin(); it != half; ++it) {
        settle(file.durable, *it);
        if (it->bytes != nullptr) file.unsynced_bytes -= it->bytes->size();
    }
    file.unsynced.erase(file.unsynced.begin(), half);
}

Allowed<> MemoryImage::write(InodeId id, std::uint64_t position, std::string_view bytes, std::int64_t now_ms) {
    if (position > file_bytes_max || bytes.size() > file_bytes_max - position)
        return refuse(Errc::io, "File too large");
    if (bytes.empty()) return {};
    Inode& file = at(id);
    const std::uint64_t before = file.cached.size();
    file.cached.write(position, bytes);
    file.modified_ms = now_ms;
    resized(before, file.cached.size());
    last_write_ = next_sequence_++;
    remember(file, {last_write_, position, std::make_shared<const std::string>(bytes), false});
    return {};
}

Allowed<> MemoryImage::truncate(InodeId id, std::uint64_t size, std::int64_t now_ms) {
    if (size > file_bytes_max) return refuse(Errc::io, "File too large");
    Inode& file = at(id);
    resized(file.cached.size(), size);
    file.cached.resize(size);
    file.modified_ms = now_ms;
    remember(file, {next_sequence_++, size, nullptr, false});
    return {};
}

void MemoryImage::sync(InodeId id, bool succeeds) {
    Inode& inode = at(id);
    if (!succeeds) {
        for (DataOperation& operation : inode.unsynced) operation.lost = operation.bytes != nullptr;
        for (EntryOperation& operation : inode.unsynced_entries) operation.lost = true;
        return;
    }
    for (const DataOperation& operation : inode.unsynced) settle(inode.durable, operation);
    inode.unsynced.clear();
    inode.unsynced_bytes = 0;
    for (const EntryOperation& operation : inode.unsynced_entries)
        if (!operation.lost) apply(inode.durable_entries, operation);
    inode.unsynced_entries.clear();
    if (inode.is_directory && inodes_.size() > 2 * inodes_after_sweep_ + 64) forget_unreachable();
}

void MemoryImage::sync_all(bool succeeds) {
    std::vector<InodeId> all;
    for (const auto& [id, inode] : inodes_)
        if (!inode.unsynced.empty() || !inode.unsynced_entries.empty()) all.push_back(id);
    for (const InodeId id : all)
        if (inodes_.contains(id)) sync(id, succeeds);
}

void MemoryImage::damage(InodeId id, std::uint64_t position, std::string_view bytes) {
    Inode& file = at(id);
    KLOG_CHECK(position + bytes.size() <= std::min(file.cached.size(), file.durable.size()),
               "only what is on the platter can be damaged there");
    file.cached.write(position, bytes);
    file.durable.write(position, bytes);
}

}  // namespace klog::os
