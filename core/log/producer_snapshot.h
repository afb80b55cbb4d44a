// SPDX-License-Identifier: Apache-2.0
// The `.snapshot` file of a partition: its producers as of the offset in the file's name, Kafka's format, byte for byte
// (ProducerStateManager): version 1 (2 bytes), CRC-32C of what follows (4), number of entries (4), and for each its id,
// epoch, last sequence, last offset, offset delta, timestamp, coordinator epoch, start of its open transaction. It
// holds one batch of each producer, the last. See docs/format-producer-snapshot.md.
#pragma once

#include <string>
#include <string_view>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/log/producer_state.h"

namespace klog::log {

inline constexpr std::uint64_t producer_snapshot_bytes_max = 128u << 20;

std::string format_snapshot(const ProducerState& state);
/// Fills an empty state. corrupt, unsupported_version.
base::Result<> read_snapshot(std::string_view bytes, base::MonotonicTime now, ProducerState& into);

}  // namespace klog::log
