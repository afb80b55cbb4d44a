// SPDX-License-Identifier: Apache-2.0
#include "core/os/disk.h"

namespace klog::os {

using base::Errc;
using base::fail;
using base::Result;

Result<std::string> read_file(Disk& disk, const std::string& path, std::uint64_t bytes_max) {
    KLOG_TRY(const auto file, disk.open(path, Open::read));
    KLOG_TRY(const auto size, file->size());
    if (size > bytes_max) return fail(Errc::too_large, "{}: {} bytes, at most {} are allowed", path, size, bytes_max);
    std::string bytes(size, '\0');
    KLOG_TRY(const auto got, file->read_at(0, bytes));
    bytes.resize(got);
    return bytes;
}

namespace {

Result<> write_and_rename(Disk& disk, const std::string& path, const std::string& temporary, std::string_view bytes) {
    KLOG_TRY(const auto file, disk.open(temporary, Open::create));
    KLOG_TRY_VOID(file->truncate(0));
    KLOG_TRY_VOID(file->write_at(0, bytes));
    KLOG_TRY_VOID(file->sync());
    return disk.rename(temporary, path);
}

}  // namespace

Result<> replace_file(Disk& disk, const std::string& path, std::string_view bytes) {
    const std::string temporary = path + ".tmp";
    if (auto written = write_and_rename(disk, path, temporary, bytes); !written) {
        (void)disk.remove(temporary);  // Gives its space back; the first error is the one that tells.
        return written;
    }
    return disk.sync_directory(parent_of(path));
}

Result<> make_directory_durable(Disk& disk, const std::string& path) {
    std::string there = path;
    while (there != "/" && there != "." && !disk.info(there)) there = parent_of(there);
    KLOG_TRY_VOID(disk.make_directory(path));
    bool ours = true;
    for (std::string below = path; below != "/" && below != ".";) {
        const std::string parent = parent_of(below);
        auto synced = disk.sync_directory(parent);
        // Further up are directories that were there long before us, and need not be ours to open.
        if (!synced && ours) return synced;
        ours = ours && below != there && parent != there;
        below = parent;
    }
    return {};
}

Result<> remove_tree(Disk& disk, const std::string& path) {
    // Removed before it is listed, so that a link to a directory goes and what it points to stays.
    auto removed = disk.remove(path);
    if (removed || removed.error().code == Errc::not_found) return {};
    if (removed.error().code != Errc::not_empty) return removed;
    KLOG_TRY(const auto entries, disk.list(path));
    for (const Entry& entry : entries) KLOG_TRY_VOID(remove_tree(disk, path + '/' + entry.name));
    return disk.remove(path);
}

std::string parent_of(std::string_view path) {
    while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
    const auto slash = path.find_last_of('/');
    if (slash == std::string_view::npos) return ".";
    path = path.substr(0, slash);
    while (path.ends_with('/')) path.remove_suffix(1);
    return path.empty() ? "/" : std::string(path);
}

}  // namespace klog::os
