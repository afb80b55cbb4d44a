// SPDX-License-Identifier: Apache-2.0
#include "core/log/recovery.h"

#include <array>

#include "core/base/check.h"

namespace klog::log {
namespace {

constexpr std::array<SegmentRow, 5> segment_rows{{
    {"a segment below the log start is removed",
     [](const SegmentFacts& f) { return !f.last && f.next_base <= f.log_start; }, SegmentAction::remove},
    {"after a clean stop nothing is read", [](const SegmentFacts& f) { return f.clean_stop; }, SegmentAction::trust},
    {"a segment below the recovery point is trusted",
     [](const SegmentFacts& f) { return !f.last && f.next_base < f.recovery_point; }, SegmentAction::trust},
    // One that ends at the recovery point may have been closed after it was noted: its time index then lacks its end.
    {"the segment of the recovery point is scanned from there",
     [](const SegmentFacts& f) { return f.base < f.recovery_point && f.recovery_point <= f.next_base; },
     SegmentAction::scan},
    {"a segment behind the recovery point is scanned whole", [](const SegmentFacts&) { return true; },
     SegmentAction::scan_whole},
}};

constexpr std::array<FaultRow, 7> fault_rows{{
    {"a walk without a fault goes on", [](const FaultFacts& f) { return f.fault == Fault::none; }, FaultAction::go_on},
    {"a gap below the recovery point was left by compaction",
     [](const FaultFacts& f) { return f.fault == Fault::gap && f.compacted && f.resumes <= f.recovery_point; },
     FaultAction::go_on},
    {"a torn tail behind the recovery point is cut",
     [](const FaultFacts& f) { return f.fault == Fault::torn && f.expected >= f.recovery_point; }, FaultAction::cut},
    {"garbage behind the recovery point is cut",
     [](const FaultFacts& f) { return f.fault == Fault::garbage && f.expected >= f.recovery_point; }, FaultAction::cut},
    {"offsets that go backwards behind the recovery point are cut",
     [](const FaultFacts& f) { return f.fault == Fault::backwards && f.expected >= f.recovery_point; },
     FaultAction::cut},
    {"a gap behind the recovery point ends the log",
     [](const FaultFacts& f) { return f.fault == Fault::gap && f.expected >= f.recovery_point; }, FaultAction::cut},
    {"any other fault below the recovery point is damage", [](const FaultFacts&) { return true; },
     FaultAction::damaged},
}};

template <class Rows, class Facts>
const auto& first_that_holds(const Rows& rows, const Facts& facts) {
    for (const auto& row : rows)
        if (row.holds(facts)) return row;
    base::check_failed(__FILE__, __LINE__, "a row holds", "the last row of a table always holds");
}

}  // namespace

std::span<const SegmentRow> segment_table() { return segment_rows; }
const SegmentRow& decide(const SegmentFacts& facts) { return first_that_holds(segment_rows, facts); }
std::span<const FaultRow> fault_table() { return fault_rows; }
const FaultRow& decide(const FaultFacts& facts) { return first_that_holds(fault_rows, facts); }

}  // namespace klog::log
