// SPDX-License-Identifier: Apache-2.0
// The time index of one segment (`.timeindex`), Kafka's format: entries of 12 bytes, big-endian: a timestamp (8 bytes)
// and an offset relative to the segment's base (4 bytes). An entry (t, o) says: no record of this segment up to offset
// o is younger than t. Timestamps strictly rise, offsets do not fall. The last entry of a closed segment holds its
// largest timestamp.
//
// Memory, mapping and ownership as the offset index. See docs/format-index.md.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/error.h"
#include "core/base/types.h"
#include "core/os/disk.h"

namespace klog::log {

struct TimestampedOffset {
    base::TimestampMs timestamp_ms = -1;
    base::Offset offset;
};

class TimeIndex {
public:
    static constexpr std::size_t entry_bytes = 12;

    explicit TimeIndex(base::Offset base) : base_(base) {}

    /// As OffsetIndex.
    base::Result<> adopt(std::shared_ptr<os::Mapping> mapping);
    void load(std::string_view bytes, base::Offset offset_limit);

    std::size_t entries() const { return view().size() / entry_bytes; }
    TimestampedOffset entry(std::size_t i) const;
    /// (-1, base) when there is none.
    TimestampedOffset last() const;
    /// The last entry that is not younger than the timestamp, or (-1, base).
    TimestampedOffset floor(base::TimestampMs timestamp_ms) const;

    /// The last entry whose offset is below this one, or (-1, base).
    TimestampedOffset before(base::Offset offset) const;

    /// No effect when the timestamp is not beyond the last entry's. The index is not mapped.
    void maybe_append(base::TimestampMs timestamp_ms, base::Offset offset);
    /// Drops entries at or beyond the offset.
    void truncate(base::Offset offset);
    void clear() { truncate(base_); }

    std::string_view view() const { return mapping_ ? mapping_->bytes() : owned_; }

private:
    void own();

    base::Offset base_;
    std::string owned_;
    std::shared_ptr<os::Mapping> mapping_;
};

}  // namespace klog::log
