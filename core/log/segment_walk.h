// SPDX-License-Identifier: Apache-2.0
// Walks a segment with every check there is (length, format, CRC, offsets that continue) and can go on behind damage.
// Cold reads and recovery share it.
//
// The base offset of a batch is not under its CRC: only its neighbours tell whether it is right. One that leaves
// offsets out, as compaction does, must be followed by one that goes on from there.
//
// Belongs to one thread; reads block.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/log/entry_scanner.h"
#include "core/log/offset_index.h"
#include "core/log/recovery.h"

namespace klog::log {

/// Where a walk could not go on.
struct WalkFault {
    Fault fault = Fault::none;
    base::Offset expected;  // The offset that should have come next.
    std::uint64_t position = 0;
    std::string words;
};

class SegmentWalk {
public:
    struct Rules {
        base::Offset expected;  // Offsets go on here or beyond,
        base::Offset end;       // and stay below this.
        base::Offset jump_max;  // What leaves offsets out begins here at the latest.
    };
    /// Walks [from, to), which is in the file.
    SegmentWalk(const os::File& file, std::uint64_t from, std::uint64_t to, Rules rules)
        : file_(file), to_(to), scanner_(file, from, to, EntryScanner::Depth::checked), rules_(rules) {}

    /// The next good entry. None: the end, or a fault. Errors are the disk's.
    base::Result<std::optional<ScannedEntry>> next();
    const std::optional<WalkFault>& fault() const { return fault_; }
    /// After a fault: goes on at the next good entry behind it. That is looked for where the bad one says that it ends,
    /// and where the index knows of one. False: nothing good follows, and the walk is over.
    base::Result<bool> pass_fault(const OffsetIndex& index);

    /// Where the next entry starts, or the bad one.
    std::uint64_t position() const { return scanner_.position(); }
    /// Where offsets go on.
    base::Offset expected() const { return rules_.expected; }
    /// For the bytes of the entry that next() returned last.
    EntryScanner& scanner() { return scanner_; }

private:
    bool continues(const ScannedEntry& entry, base::Offset expected) const;
    base::Result<bool> jumps_too_far(const ScannedEntry& entry);
    base::Result<std::optional<std::uint64_t>> candidate_behind(std::uint64_t position, const OffsetIndex& index) const;

    const os::File& file_;
    const std::uint64_t to_;
    EntryScanner scanner_;
    Rules rules_;
    std::optional<WalkFault> fault_;
};

}  // namespace klog::log
