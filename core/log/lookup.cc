// SPDX-License-Identifier: Apache-2.0
// Offsets by time: ListOffsets with a timestamp, and with the largest one.
#include <algorithm>

#include "core/base/check.h"
#include "core/log/log_parts.h"
#include "core/records/entry.h"

namespace klog::log {

using base::Errc;
using base::Offset;
using base::Result;
using base::TimestampMs;

namespace {

/// One segment as a look-up needs it. What is in memory was looked at on the shard.
struct Place {
    Offset base, end;
    std::uint64_t bytes = 0;
    std::optional<TimestampMs> largest_ms;      // None: not known yet.
    std::optional<std::uint64_t> position;      // Where to begin to walk; none: the index is not loaded.
    std::optional<std::uint64_t> largest_from;  // The bound lies in here: largest_ms counts what is before this place.
};

class Lookup final : public TimestampLookup {
public:
    Lookup(PartitionLog::Parts& log, std::optional<TimestampMs> wanted_ms, Offset upper_bound)
        : disk_(log.disk),
          files_(log.files),
          directory_(log.path),
          interval_bytes_(log.config->index_interval_bytes),
          inflated_bytes_max_(std::max(inflated_lookup_bytes_max, log.config->batch_rules().inflated_bytes_max())),
          start_(log.log_start()),
          upper_bound_(std::min(upper_bound, log.log_end())),
          wanted_ms_(wanted_ms) {
        for (std::size_t i = log.segment_of(start_); i < log.segments.size(); ++i) {
            const auto& segment = *log.segments[i];
            if (segment.base_offset() >= upper_bound_ || segment.size() == 0) break;
            Place place{segment.base_offset(), log.end_of(i), segment.size(), {}, {}, {}};
            if (segment.indexed() && segment.largest_known())
                describe(place, segment.offsets(), segment.times(), segment.largest().timestamp_ms);
            places_.push_back(place);
        }
    }

    /// By the indexes, in memory or just loaded.
    void describe(Place& place, const OffsetIndex& offsets, const TimeIndex& times, TimestampMs largest_ms) const {
        place.largest_ms = largest_ms;
        if (!wanted_ms_ && place.end > upper_bound_) {
            const auto below = times.before(upper_bound_);
            place.largest_ms = below.timestamp_ms;
            place.largest_from = offsets.floor(below.offset).position;
        }
        place.position = offsets.floor(times.floor(wanted_ms_.value_or(*place.largest_ms)).offset).position;
    }

    Result<std::optional<TimestampOffset>> run() override {
        if (wanted_ms_) return first_at_or_after(*wanted_ms_);
        TimestampMs largest_ms = -1;
        for (auto& place : places_) {
            KLOG_TRY_VOID(load(place));
            if (place.largest_from) KLOG_TRY_VOID(raise_largest(place));
            largest_ms = std::max(largest_ms, *place.largest_ms);
        }
        if (largest_ms < 0) return std::nullopt;
        return first_at_or_after(largest_ms);
    }

private:
    Result<> load(Place& place) {
        if (place.largest_ms && place.position) return {};
        KLOG_TRY(const auto loaded,
                 load_indexes(disk_, files_, directory_, place.base, place.bytes, place.end, interval_bytes_));
        describe(place, loaded.offsets, loaded.times, loaded.times.last().timestamp_ms);
        return {};
    }

    /// Where a segment cannot be walked any further, it ends: what is damaged is not found.
    static Result<std::optional<ScannedEntry>> next_readable(EntryScanner& scanner) {
        auto entry = scanner.next();
        if (!entry && is_format_error(entry.error())) return std::nullopt;
        return entry;
    }

    /// What lies between the last index entry below the bound and the bound.
    Result<> raise_largest(Place& place) {
        KLOG_TRY(const auto file, files_.get(join(directory_, segment_file_name(place.base, FileKind::log))));
        EntryScanner scanner(*file, *place.largest_from, place.bytes, EntryScanner::Depth::headers);
        for (;;) {
            KLOG_TRY(const auto entry, next_readable(scanner));
            if (!entry || entry->last_offset >= upper_bound_) return {};
            place.largest_ms = std::max(*place.largest_ms, entry->max_timestamp_ms);
        }
    }

    Result<std::optional<TimestampOffset>> first_at_or_after(TimestampMs wanted_ms) {
        for (auto& place : places_) {
            KLOG_TRY_VOID(load(place));
            if (*place.largest_ms < wanted_ms) continue;
            KLOG_TRY(const auto found, search(place, wanted_ms));
            if (found) return found;
        }
        return std::nullopt;
    }

    Result<std::optional<TimestampOffset>> search(const Place& place, TimestampMs wanted_ms) {
        auto file = files_.get(join(directory_, segment_file_name(place.base, FileKind::log)));
        if (!file && file.error().code == Errc::not_found) return std::nullopt;  // Retention was faster.
        if (!file) return std::unexpected(std::move(file).error());
        EntryScanner scanner(**file, *place.position, place.bytes, EntryScanner::Depth::headers);
        for (;;) {
            KLOG_TRY(const auto entry, next_readable(scanner));
            if (!entry || entry->first_offset >= upper_bound_) return std::nullopt;
            if (entry->max_timestamp_ms < wanted_ms || entry->last_offset < start_) continue;
            auto found = search_entry(scanner, *entry, wanted_ms);
            if (!found && is_format_error(found.error())) continue;  // Damage: a read there says so.
            if (!found || *found) return found;
        }
    }

    Result<std::optional<TimestampOffset>> search_entry(EntryScanner& scanner, const ScannedEntry& entry,
                                                        TimestampMs wanted_ms) {
        KLOG_TRY_VOID(scanner.check(entry));  // Before so many bytes are taken into memory: the length may be rotten.
        KLOG_TRY(const auto bytes, scanner.bytes_of(entry, entry.size));
        KLOG_TRY(const auto view, records::EntryView::parse(bytes));
        std::string scratch;
        KLOG_TRY(auto reader, records::EntryReader::open(view, scratch, inflated_bytes_max_));
        records::Record record;
        for (;;) {
            KLOG_TRY(const bool there, reader.next(record));
            if (!there) return std::nullopt;
            if (record.timestamp >= wanted_ms && record.offset >= start_ && record.offset < upper_bound_)
                return TimestampOffset{record.timestamp, record.offset, entry.epoch};
        }
    }

    os::Disk& disk_;
    DescriptorCache& files_;
    const std::string directory_;
    const std::int32_t interval_bytes_;
    const std::size_t inflated_bytes_max_;
    const Offset start_, upper_bound_;
    const std::optional<TimestampMs> wanted_ms_;  // None: the largest.
    std::vector<Place> places_;
};

}  // namespace

std::shared_ptr<TimestampLookup> PartitionLog::lookup_timestamp(TimestampMs from, Offset upper_bound) {
    KLOG_CHECK(!parts_->lent, "the log is lent");
    return std::make_shared<Lookup>(*parts_, from, upper_bound);
}

std::shared_ptr<TimestampLookup> PartitionLog::lookup_max_timestamp(Offset upper_bound) {
    KLOG_CHECK(!parts_->lent, "the log is lent");
    return std::make_shared<Lookup>(*parts_, std::nullopt, upper_bound);
}

}  // namespace klog::log
