// SPDX-License-Identifier: Apache-2.0
#include "core/log/segment_walk.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/records/entry.h"

namespace klog::log {

using base::Errc;
using base::Offset;
using base::Result;

namespace {

/// Formats 0 and 1 tell only the last offset of an entry.
Offset first_known(const ScannedEntry& entry) { return entry.is_batch() ? entry.first_offset : entry.last_offset; }

}  // namespace

bool SegmentWalk::continues(const ScannedEntry& entry, Offset expected) const {
    return entry.last_offset < rules_.end && first_known(entry) >= expected;
}

/// Whether the entry, which leaves offsets out, is contradicted by the one behind it.
Result<bool> SegmentWalk::jumps_too_far(const ScannedEntry& entry) {
    if (entry.first_offset > std::max(rules_.expected, rules_.jump_max)) return true;
    const auto following = scanner_.next();
    if (!following && !is_format_error(following.error())) return std::unexpected(following.error());
    scanner_.seek(entry.end());
    return following && *following && !continues(**following, entry.last_offset + 1) &&
           continues(**following, rules_.expected);
}

Result<std::optional<ScannedEntry>> SegmentWalk::next() {
    if (fault_) return std::nullopt;
    const auto entry = scanner_.next();
    if (!entry) {
        if (!is_format_error(entry.error())) return std::unexpected(entry.error());
        const auto kind = entry.error().code == Errc::truncated ? Fault::torn : Fault::garbage;
        fault_ = WalkFault{kind, rules_.expected, scanner_.position(), entry.error().message};
        return std::nullopt;
    }
    if (!*entry) return std::nullopt;
    bool wrong = !continues(**entry, rules_.expected);
    if (!wrong && (*entry)->is_batch() && (*entry)->first_offset > rules_.expected) {
        KLOG_TRY(wrong, jumps_too_far(**entry));
    }
    if (wrong) {
        const auto kind = first_known(**entry) < rules_.expected ? Fault::backwards : Fault::garbage;
        scanner_.seek((*entry)->position);
        fault_ = WalkFault{kind, rules_.expected, scanner_.position(),
                           fmt::format("{}: at {}: offset {} does not fit its neighbours, {} should follow",
                                       file_.path(), scanner_.position(), first_known(**entry), rules_.expected)};
        return std::nullopt;
    }
    rules_.expected = (*entry)->last_offset + 1;
    return *entry;
}

/// Where a batch may start again: where this one says that it ends, unless the index knows better.
Result<std::optional<std::uint64_t>> SegmentWalk::candidate_behind(std::uint64_t position,
                                                                   const OffsetIndex& index) const {
    const auto indexed = index.position_above(position);
    std::string prefix(records::entry_prefix_bytes, '\0');
    KLOG_TRY(const auto got, file_.read_at(position, prefix));
    if (got < prefix.size()) return indexed;
    const auto entry = records::read_entry_prefix(prefix, static_cast<std::size_t>(to_ - position));
    if (!entry || (indexed && position + entry->size > *indexed)) return indexed;
    return position + entry->size;
}

Result<bool> SegmentWalk::pass_fault(const OffsetIndex& index) {
    KLOG_TRY(auto at, candidate_behind(fault_->position, index));
    EntryScanner probe(file_, 0, to_, EntryScanner::Depth::checked);
    while (at && *at < to_) {
        probe.seek(*at);
        const auto entry = probe.next();
        if (!entry && !is_format_error(entry.error())) return std::unexpected(entry.error());
        if (entry && continues(**entry, fault_->expected)) {
            rules_.expected = first_known(**entry);
            scanner_.seek(*at);
            fault_.reset();
            return true;
        }
        KLOG_TRY(at, candidate_behind(*at, index));
    }
    return false;
}

}  // namespace klog::log
