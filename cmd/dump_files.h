// SPDX-License-Identifier: Apache-2.0
// Which file is what, by its name, and what a directory holds.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/base/types.h"
#include "core/os/disk.h"

namespace klog::cmd {

enum class DumpKind {
    log,
    kraft_snapshot,  // A log in form: NNN-NNN.checkpoint.
    offset_index,
    time_index,
    transaction_index,
    producer_snapshot,
    leader_epochs,
    offset_checkpoint,
    properties,  // meta.properties, partition.metadata.
};
std::string_view name_of(DumpKind kind);
base::Result<DumpKind> parse_dump_kind(std::string_view name);
inline bool is_log(DumpKind kind) { return kind == DumpKind::log || kind == DumpKind::kraft_snapshot; }

inline constexpr std::string_view standard_input = "-";

struct DumpFile {
    std::string path;
    DumpKind kind = DumpKind::log;
    std::optional<base::Offset> base_offset;  // That its name says.
    std::string topic;                        // From the directory's name; empty when that says none.
    base::PartitionId partition{-1};

    bool is_stdin() const { return path == standard_input; }
};

/// Nothing: no file of ours.
std::optional<DumpFile> recognise(std::string_view path);

enum class Expand {
    logs,        // Of a directory only its logs: what batches and records are in.
    everything,  // All files of ours.
};
/// A file as it is; a partition's directory as its live files, by offset; a data directory as its files and those of
/// its partitions. not_found: it does not exist, or holds nothing of ours. invalid_argument: an unknown kind of file.
base::Result<std::vector<DumpFile>> expand(os::Disk& disk, const std::string& path, std::optional<DumpKind> as,
                                           Expand which);

}  // namespace klog::cmd
