// SPDX-License-Identifier: Apache-2.0
// Every name of a file or directory below a data directory, each with its inverse. Names are Kafka's (LogFileUtils,
// UnifiedLog) except the directory of a partition, which klog writes as <topic>_<partition>.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/types.h"
#include "core/base/uuid.h"

namespace klog::log {

/// Which partition a directory holds.
struct PartitionName {
    std::string topic;
    base::PartitionId partition;
    friend auto operator<=>(const PartitionName&, const PartitionName&) = default;
    std::string to_string() const;  // topic-partition, as Kafka prints it.
};

// Below a data directory.
inline constexpr std::string_view meta_properties_name = "meta.properties";
inline constexpr std::string_view lock_name = ".lock";
inline constexpr std::string_view clean_shutdown_name = ".kafka_cleanshutdown";
inline constexpr std::string_view recovery_point_name = "recovery-point-offset-checkpoint";
inline constexpr std::string_view log_start_name = "log-start-offset-checkpoint";
inline constexpr std::string_view high_watermark_name = "replication-offset-checkpoint";
inline constexpr std::string_view cleaner_offset_name = "cleaner-offset-checkpoint";
// Inside a partition's directory.
inline constexpr std::string_view leader_epoch_name = "leader-epoch-checkpoint";
inline constexpr std::string_view partition_metadata_name = "partition.metadata";

/// <topic>_<partition>: what klog makes.
std::string partition_directory_name(const PartitionName& partition);

enum class DirectoryKind {
    partition,        // <topic>_<partition>: the last underscore parts them.
    kafka_partition,  // <topic>-<partition>: made by Kafka, or by klog before.
    deleted,          // <name>.<32 hex digits>-delete: to be removed.
    stray,            // <name>.<32 hex digits>-stray: put aside, it belongs to no topic that there is.
    future,           // <name>.<32 hex digits>-future: Kafka was moving it between directories.
    foreign,          // None of ours.
};
/// Where a broker keeps its embedded metadata store, below the first data directory. No partition can be called so.
inline constexpr std::string_view metadata_directory_name = "__metadata";

struct DirectoryName {
    DirectoryKind kind = DirectoryKind::foreign;
    PartitionName partition;  // Set for partition and kafka_partition only.
};
/// The inverse. A name that ends in digits after both '_' and '-' is parted at whichever comes last.
DirectoryName parse_directory_name(std::string_view name);
/// The name that a partition directory takes when it is deleted; at most 255 bytes, so a long topic is shortened.
std::string deleted_directory_name(std::string_view name, const base::Uuid& id);
/// The name that it takes when it is put aside; likewise.
std::string stray_directory_name(std::string_view name, const base::Uuid& id);

enum class FileKind { log, offset_index, time_index, transaction_index, producer_snapshot };
/// 20 digits and the suffix: 00000000000000000042.log
std::string segment_file_name(base::Offset base_offset, FileKind kind);

/// What else is written behind the name of a segment's file.
enum class FileStage {
    live,
    deleted,  // .deleted: removed once file.delete.delay.ms has passed.
    cleaned,  // .cleaned: the cleaner was writing it; worthless.
    swap,     // .swap: complete, about to take the place of what it was made from.
};
struct SegmentFileName {
    base::Offset base_offset;
    FileKind kind;
    FileStage stage = FileStage::live;
};
std::optional<SegmentFileName> parse_segment_file_name(std::string_view name);
std::string_view suffix_of(FileStage stage);

std::string join(std::string_view directory, std::string_view name);

}  // namespace klog::log
