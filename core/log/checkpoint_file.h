// SPDX-License-Identifier: Apache-2.0
// Kafka's small text files of offsets (org.apache.kafka.storage.internals.checkpoint): a version line, a line with the
// number of entries, then one entry a line. A data directory's files have "topic partition offset", a partition's
// leader-epoch-checkpoint has "epoch start-offset". Formats only; who writes them when is log_directory.h's and
// leader_epoch_cache.h's business. See docs/format-checkpoints.md.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/base/types.h"
#include "core/base/uuid.h"
#include "core/log/file_names.h"

namespace klog::log {

struct EpochEntry;

/// Ordered, so that the same state gives the same bytes.
using OffsetMap = std::map<PartitionName, base::Offset>;

/// More than this is not a checkpoint file of ours.
inline constexpr std::uint64_t checkpoint_bytes_max = 256u << 20;

std::string format_offsets(const OffsetMap& offsets);
/// corrupt: another version, a wrong count, a line that does not parse, an offset below zero.
base::Result<OffsetMap> parse_offsets(std::string_view text);

std::string format_epochs(const std::vector<EpochEntry>& entries);
/// corrupt as above; also when epochs or offsets do not rise.
base::Result<std::vector<EpochEntry>> parse_epochs(std::string_view text);

inline constexpr std::uint64_t partition_metadata_bytes_max = 4096;
/// partition.metadata: "version: 0", "topic_id: <uuid>".
std::string format_partition_metadata(const base::Uuid& topic_id);
std::optional<base::Uuid> parse_partition_metadata(std::string_view text);

/// key=value lines of meta.properties; '#' and '!' start comments. Kafka writes ids without characters that need an
/// escape.
std::map<std::string, std::string> parse_properties(std::string_view text);

}  // namespace klog::log
