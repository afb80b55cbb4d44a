// SPDX-License-Identifier: Apache-2.0
// The offset index of one segment (`.index`), Kafka's format: entries of 8 bytes, big-endian, each the offset of the
// last record of a batch relative to the segment's base (4 bytes) and the position of that batch in the log (4 bytes);
// both strictly rise. Sparse: one entry about every index.interval.bytes, none at position 0.
//
// The index of an active segment is in memory and written at a checkpoint or when the segment rolls: on disk it may be
// short, never wrong. That of a closed one is mapped. Owned by its segment. See docs/format-index.md.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/error.h"
#include "core/base/types.h"
#include "core/os/disk.h"

namespace klog::log {

struct OffsetPosition {
    base::Offset offset;  // Of the last record of the batch at that position; the base offset for position 0.
    std::uint32_t position = 0;
};

class OffsetIndex {
public:
    static constexpr std::size_t entry_bytes = 8;

    explicit OffsetIndex(base::Offset base) : base_(base) {}

    /// Takes over the whole content of a closed segment's file. corrupt when the last entry does not fit the segment.
    base::Result<> adopt(std::shared_ptr<os::Mapping> mapping, std::uint64_t log_bytes);
    /// Takes the longest prefix of `bytes` that rises and stays below both limits: what a crash left of an active
    /// index.
    void load(std::string_view bytes, std::uint64_t log_bytes, base::Offset offset_limit);

    std::size_t entries() const { return view().size() / entry_bytes; }
    OffsetPosition entry(std::size_t i) const;
    OffsetPosition last() const;
    /// The last entry that is not beyond the offset, or position 0.
    OffsetPosition floor(base::Offset offset) const;
    /// The last entry whose position is not beyond this one, or position 0.
    OffsetPosition floor_position(std::uint64_t position) const;

    /// The first position that is beyond this one.
    std::optional<std::uint64_t> position_above(std::uint64_t position) const;

    /// Both beyond the last entry's; the index is not mapped.
    void append(base::Offset last_offset, std::uint64_t position);
    /// Drops entries at or beyond the offset or the position.
    void truncate(base::Offset offset, std::uint64_t position);
    void clear() { truncate(base_, 0); }

    std::string_view view() const { return mapping_ ? mapping_->bytes().substr(0, mapped_bytes_) : owned_; }

private:
    void own();

    base::Offset base_;
    std::string owned_;
    std::shared_ptr<os::Mapping> mapping_;
    std::size_t mapped_bytes_ = 0;
};

}  // namespace klog::log
