// SPDX-License-Identifier: Apache-2.0
// The aborted transactions whose markers lie in one segment (`.txnindex`), Kafka's format: entries of 34 bytes,
// big-endian: version 0 (2), producer id, first offset, offset of the marker, last stable offset when it was written
// (8 each). Small: kept in memory once loaded. Format only; the segment owns the file. See docs/format-index.md.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/log/partition_log.h"

namespace klog::log {

inline constexpr std::size_t transaction_entry_bytes = 34;
inline constexpr std::uint64_t transaction_index_bytes_max = 256u << 20;

void format_transaction(std::string& out, const AbortedTransaction& transaction);
/// corrupt: no whole entries, another version, markers that do not rise.
base::Result<std::vector<AbortedTransaction>> parse_transactions(std::string_view bytes);

}  // namespace klog::log
