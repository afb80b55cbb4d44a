// SPDX-License-Identifier: Apache-2.0
// What to do with a log that is found on disk: a table of decisions, pure. docs/recovery.md has it in words, each row
// has a test of its name, recover.cc carries it out.
#pragma once

#include <span>
#include <string_view>

#include "core/base/types.h"

namespace klog::log {

/// What is known of one segment before anything in it is read.
struct SegmentFacts {
    bool clean_stop = false;  // The last life ended well, and the end of the log that it noted lies in this log.
    bool last = false;        // The newest segment.
    base::Offset base;
    base::Offset next_base;       // Base of the next segment; of the last one: beyond everything.
    base::Offset recovery_point;  // All below was on disk when it was noted.
    base::Offset log_start;       // As noted; nothing below it is needed.
};

enum class SegmentAction {
    trust,       // Nothing is read.
    scan,        // Walked and checked from the last index entry below the recovery point.
    scan_whole,  // Walked and checked from its front.
    remove,      // Nothing in it is needed.
};

struct SegmentRow {
    std::string_view name;
    bool (*holds)(const SegmentFacts&);
    SegmentAction action;
};
/// In order: the first row that holds decides. The last one always holds.
std::span<const SegmentRow> segment_table();
const SegmentRow& decide(const SegmentFacts& facts);

/// What a walk met at the first place where it could not go on.
enum class Fault {
    none,       // The segment ended where an entry did.
    torn,       // It ends inside an entry.
    garbage,    // Bytes that are no entry, or a CRC that does not match.
    backwards,  // An entry whose offsets are not beyond those before it.
    gap,        // Offsets are missing between two segments.
    short_log,  // The log ends before the recovery point.
};

struct FaultFacts {
    Fault fault = Fault::none;
    base::Offset expected;  // The offset that should have come next.
    base::Offset resumes;   // Fault::gap: where offsets go on.
    base::Offset recovery_point;
    bool compacted = false;  // Compaction leaves gaps in this topic.
};

enum class FaultAction {
    go_on,
    cut,      // The log ends here: bytes behind and later segments go.
    damaged,  // Something that was on disk is gone. The log goes on behind it.
};

struct FaultRow {
    std::string_view name;
    bool (*holds)(const FaultFacts&);
    FaultAction action;
};
std::span<const FaultRow> fault_table();
const FaultRow& decide(const FaultFacts& facts);

}  // namespace klog::log
