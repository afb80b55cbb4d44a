// SPDX-License-Identifier: Apache-2.0
#include "cmd/dump_files.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <iterator>
#include <tuple>

#include "cmd/nearest.h"
#include "core/log/file_names.h"

namespace klog::cmd {
namespace {

using base::Errc;
using base::fail;
using base::Result;

struct KindName {
    std::string_view name;
    DumpKind kind;
};
constexpr KindName kind_names[] = {{"log", DumpKind::log},
                                   {"kraft-snapshot", DumpKind::kraft_snapshot},
                                   {"index", DumpKind::offset_index},
                                   {"timeindex", DumpKind::time_index},
                                   {"txnindex", DumpKind::transaction_index},
                                   {"snapshot", DumpKind::producer_snapshot},
                                   {"leader-epochs", DumpKind::leader_epochs},
                                   {"checkpoint", DumpKind::offset_checkpoint},
                                   {"properties", DumpKind::properties}};

struct WholeName {
    std::string_view name;
    DumpKind kind;
};
constexpr WholeName whole_names[] = {
    {log::leader_epoch_name, DumpKind::leader_epochs},       {log::recovery_point_name, DumpKind::offset_checkpoint},
    {log::log_start_name, DumpKind::offset_checkpoint},      {log::high_watermark_name, DumpKind::offset_checkpoint},
    {log::cleaner_offset_name, DumpKind::offset_checkpoint}, {log::meta_properties_name, DumpKind::properties},
    {log::partition_metadata_name, DumpKind::properties}};

DumpKind kind_of(log::FileKind kind) {
    switch (kind) {
        case log::FileKind::log: return DumpKind::log;
        case log::FileKind::offset_index: return DumpKind::offset_index;
        case log::FileKind::time_index: return DumpKind::time_index;
        case log::FileKind::transaction_index: return DumpKind::transaction_index;
        case log::FileKind::producer_snapshot: return DumpKind::producer_snapshot;
    }
    return DumpKind::log;
}

std::string_view last_part(std::string_view path) {
    while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
    return path.substr(path.rfind('/') + 1);
}

/// Topic and partition from the name of the directory that the file lies in, wherever the command was started.
void name_partition(DumpFile& file) {
    std::string directory = os::parent_of(file.path);
    if (directory == "." || directory.ends_with("..") || directory.ends_with("/.")) {
        char* whole = ::realpath(directory.c_str(), nullptr);
        if (whole == nullptr) return;
        directory = whole;
        std::free(whole);
    }
    const log::DirectoryName name = log::parse_directory_name(last_part(directory));
    if (name.kind != log::DirectoryKind::partition && name.kind != log::DirectoryKind::kafka_partition) return;
    file.topic = name.partition.topic;
    file.partition = name.partition.partition;
}

/// "00000000000000000042.log" and whatever else starts so: the number.
std::optional<base::Offset> leading_offset(std::string_view name) {
    base::Offset offset;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), offset.value);
    if (error != std::errc{} || end == name.data() + name.size() || (*end != '.' && *end != '-')) return std::nullopt;
    return offset;
}

}  // namespace

std::string_view name_of(DumpKind kind) {
    for (const auto& row : kind_names)
        if (row.kind == kind) return row.name;
    return "";
}

Result<DumpKind> parse_dump_kind(std::string_view name) {
    std::vector<std::string_view> names;
    for (const auto& row : kind_names) {
        if (row.name == name) return row.kind;
        names.push_back(row.name);
    }
    return fail(Errc::invalid_argument, "there is no kind of file '{}'{}", name, did_you_mean(name, names));
}

std::optional<DumpFile> recognise(std::string_view path) {
    DumpFile file;
    file.path = path;
    if (file.is_stdin()) return file;
    const std::string_view name = last_part(path);
    for (const auto& row : whole_names) {
        if (row.name != name) continue;
        file.kind = row.kind;
        name_partition(file);
        return file;
    }
    if (const auto segment = log::parse_segment_file_name(name)) {
        file.kind = kind_of(segment->kind);
        file.base_offset = segment->base_offset;
        name_partition(file);
        return file;
    }
    if (name.ends_with(".checkpoint")) {
        file.kind = DumpKind::kraft_snapshot;
        return file;
    }
    // A copy that somebody renamed still says what it is.
    const KindName suffixes[] = {{".log", DumpKind::log},
                                 {".index", DumpKind::offset_index},
                                 {".timeindex", DumpKind::time_index},
                                 {".txnindex", DumpKind::transaction_index},
                                 {".snapshot", DumpKind::producer_snapshot},
                                 {"-offset-checkpoint", DumpKind::offset_checkpoint},
                                 {".properties", DumpKind::properties}};
    for (const auto& row : suffixes) {
        if (!name.ends_with(row.name)) continue;
        file.kind = row.kind;
        file.base_offset = leading_offset(name);
        return file;
    }
    return std::nullopt;
}

namespace {

/// The files of ours in one directory that belong to a living log, by offset and kind.
void files_of(const std::string& directory, const std::vector<os::Entry>& entries, Expand which,
              std::vector<DumpFile>& into) {
    const std::size_t first = into.size();
    for (const os::Entry& entry : entries) {
        if (entry.is_directory) continue;
        const auto segment = log::parse_segment_file_name(entry.name);
        if (segment && segment->stage != log::FileStage::live) continue;
        auto file = recognise(log::join(directory, entry.name));
        if (!file || (which == Expand::logs && file->kind != DumpKind::log)) continue;
        if (!segment && file->base_offset) continue;
        into.push_back(std::move(*file));
    }
    std::sort(into.begin() + static_cast<std::ptrdiff_t>(first), into.end(), [](const auto& a, const auto& b) {
        const auto key = [](const DumpFile& f) { return f.base_offset.value_or(base::Offset{-1}); };
        return std::tuple(key(a), a.kind, std::string_view(a.path)) <
               std::tuple(key(b), b.kind, std::string_view(b.path));
    });
}

}  // namespace

Result<std::vector<DumpFile>> expand(os::Disk& disk, const std::string& path, std::optional<DumpKind> as,
                                     Expand which) {
    std::vector<DumpFile> files;
    if (path == standard_input) {
        files.push_back(DumpFile{path, as.value_or(DumpKind::log), {}, {}, {}});
        return files;
    }
    KLOG_TRY(const os::FileInfo info, disk.info(path));
    if (!info.is_directory) {
        auto file = recognise(path);
        if (!file && !as)
            return fail(Errc::invalid_argument,
                        "not the name of a file of Kafka's or klog's; --as log (or index, ...) says what is in it");
        if (!file) file = DumpFile{path, *as, leading_offset(last_part(path)), {}, {}};
        file->kind = as.value_or(file->kind);
        files.push_back(std::move(*file));
        return files;
    }
    std::string directory = path;
    while (directory.size() > 1 && directory.ends_with('/')) directory.pop_back();
    KLOG_TRY(const auto entries, disk.list(directory));
    files_of(directory, entries, which, files);
    for (const os::Entry& entry : entries) {
        const log::DirectoryKind kind = log::parse_directory_name(entry.name).kind;
        if (!entry.is_directory ||
            (kind != log::DirectoryKind::partition && kind != log::DirectoryKind::kafka_partition))
            continue;
        const std::string below = log::join(directory, entry.name);
        KLOG_TRY(const auto inside, disk.list(below));
        files_of(below, inside, which, files);
    }
    if (files.empty()) return fail(Errc::not_found, "there are no log files in this directory");
    return files;
}

}  // namespace klog::cmd
