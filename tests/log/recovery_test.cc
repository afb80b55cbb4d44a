// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <set>
#include <string>

#include "core/log/recovery.h"

using namespace klog::log;
using klog::base::Offset;

namespace {

/// A closed segment [100, 200) of a log that was not stopped cleanly, with this recovery point.
SegmentFacts segment(std::int64_t recovery_point) {
    SegmentFacts facts;
    facts.base = Offset{100};
    facts.next_base = Offset{200};
    facts.recovery_point = Offset{recovery_point};
    facts.log_start = Offset{0};
    return facts;
}

FaultFacts fault(Fault what, std::int64_t expected, std::int64_t recovery_point, std::int64_t resumes = 0) {
    return {what, Offset{expected}, Offset{resumes}, Offset{recovery_point}};
}

}  // namespace

TEST_CASE("each row about segments decides the case it is there for") {
    SegmentFacts below_start = segment(150);
    below_start.log_start = Offset{200};
    CHECK(decide(below_start).action == SegmentAction::remove);
    below_start.last = true;  // The newest one stays whatever the log start.
    CHECK(decide(below_start).action != SegmentAction::remove);

    SegmentFacts clean = segment(0);
    clean.clean_stop = true;
    CHECK(decide(clean).action == SegmentAction::trust);

    CHECK(decide(segment(201)).name == "a segment below the recovery point is trusted");
    CHECK(decide(segment(150)).action == SegmentAction::scan);
    CHECK(decide(segment(200)).action == SegmentAction::scan);  // Closed after the recovery point was noted, perhaps.
    CHECK(decide(segment(100)).action == SegmentAction::scan_whole);
    CHECK(decide(segment(0)).action == SegmentAction::scan_whole);
}

TEST_CASE("each row about faults decides the case it is there for") {
    CHECK(decide(fault(Fault::none, 10, 50)).action == FaultAction::go_on);
    FaultFacts gap = fault(Fault::gap, 10, 50, 50);
    CHECK(decide(gap).action == FaultAction::damaged);
    gap.compacted = true;
    CHECK(decide(gap).action == FaultAction::go_on);
    CHECK(decide(fault(Fault::gap, 50, 50, 60)).action == FaultAction::cut);
    CHECK(decide(fault(Fault::gap, 10, 50, 60)).action == FaultAction::damaged);
    for (const Fault what : {Fault::torn, Fault::garbage, Fault::backwards}) {
        CHECK(decide(fault(what, 50, 50)).action == FaultAction::cut);
        CHECK(decide(fault(what, 51, 50)).action == FaultAction::cut);
        CHECK(decide(fault(what, 49, 50)).action == FaultAction::damaged);
    }
    CHECK(decide(fault(Fault::short_log, 49, 50)).action == FaultAction::damaged);
}

TEST_CASE("no row has the name of another, and the last rows always hold") {
    std::set<std::string> names;
    for (const SegmentRow& row : segment_table()) CHECK(names.insert(std::string(row.name)).second);
    for (const FaultRow& row : fault_table()) CHECK(names.insert(std::string(row.name)).second);
    CHECK(segment_table().back().holds(segment(1)));
    CHECK(fault_table().back().holds(fault(Fault::none, 0, 0)));
}
