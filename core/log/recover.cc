// SPDX-License-Identifier: Apache-2.0
// Opening a partition's directory: carries out what recovery.h decides. Runs on the pool, alone.
#include "core/log/recovery.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "core/base/log.h"
#include "core/log/checkpoint_file.h"
#include "core/log/log_parts.h"
#include "core/log/segment_walk.h"

namespace klog::log {

using base::Errc;
using base::fail;
using base::Offset;
using base::Result;

namespace {

constexpr Offset beyond_everything{std::numeric_limits<std::int64_t>::max()};

/// What is in a partition's directory.
struct Found {
    std::map<Offset, std::uint64_t> logs;  // Base and size.
    std::set<Offset> transaction_indexes;
    std::vector<std::pair<SegmentFileName, std::string>> others;
    std::vector<Offset> snapshots;
    std::vector<std::pair<Offset, std::string>> swaps;  // Log files of finished cleaning, not yet in place.
};

/// One recovery, from the listing to the log's end.
class Recovery {
public:
    explicit Recovery(PartitionLog::Parts& log) : log_(log), life_(log.directory.last_life(log.name)) {}
    Result<> run();

private:
    Result<Found> list();
    Result<> sweep(Found& found);
    Result<> finish_swap(Found& found, Offset base, const std::string& name);
    Result<> load_epochs();
    Result<> rebuild_epochs(Offset to);
    Result<> make_segments(const Found& found);
    bool believe_end() const;
    Result<> walk();
    Result<> scan(std::size_t number, bool whole);
    Result<std::uint64_t> trusted_start(Segment& segment);
    Result<bool> pass_damage(SegmentWalk& walk, Segment& segment, Offset end);
    Result<> pass_gap(std::size_t number);
    Result<> take_entry(EntryScanner& scanner, Segment& segment, const ScannedEntry& entry);
    Result<> cut(std::size_t number, std::uint64_t position, const std::string& why);
    Result<> begin_at_recovery_point();
    Result<> finish();

    PartitionLog::Parts& log_;
    const LogDirectory::LastLife life_;
    Offset recovery_point_{0};
    Offset checkpointed_start_{0};
    Offset expected_{0};        // Where the walk is.
    Offset producers_from_{0};  // Producer state holds everything below.
    bool clean_ = false;        // The last life ended well, in this log.
    bool walked_ = false;
    std::size_t first_walked_ = 0;
    bool stop_ = false;  // Cut: the walk is over.
    bool epochs_lost_ = false;
};

Result<Found> Recovery::list() {
    KLOG_TRY(const auto entries, log_.disk.list(log_.path));
    Found found;
    for (const auto& entry : entries) {
        if (entry.is_directory) continue;
        if (entry.name.ends_with(".tmp")) {
            (void)log_.disk.remove(log_.at(entry.name));
            continue;
        }
        const auto parsed = parse_segment_file_name(entry.name);
        if (!parsed) continue;  // leader-epoch-checkpoint, partition.metadata, or somebody's notes.
        if (parsed->stage != FileStage::live) {
            if (parsed->stage == FileStage::swap && parsed->kind == FileKind::log)
                found.swaps.emplace_back(parsed->base_offset, entry.name);
            found.others.emplace_back(*parsed, entry.name);
        } else if (parsed->kind == FileKind::log) {
            KLOG_TRY(const auto info, log_.disk.info(log_.at(entry.name)));
            found.logs.emplace(parsed->base_offset, info.size);
        } else if (parsed->kind == FileKind::producer_snapshot) {
            found.snapshots.push_back(parsed->base_offset);
        } else {
            if (parsed->kind == FileKind::transaction_index) found.transaction_indexes.insert(parsed->base_offset);
            found.others.emplace_back(*parsed, entry.name);
        }
    }
    return found;
}

/// A cleaned segment that was about to take the place of what it was made from does so now: what it covers goes first,
/// so that a crash in between finds the swap file still there.
Result<> Recovery::finish_swap(Found& found, Offset base, const std::string& name) {
    KLOG_TRY(const auto file, log_.disk.open(log_.at(name), os::Open::read));
    KLOG_TRY(const auto size, file->size());
    Offset end = base;
    EntryScanner scanner(*file, 0, size, EntryScanner::Depth::headers);
    for (;;) {
        KLOG_TRY(const auto entry, scanner.next());
        if (!entry) break;
        end = entry->last_offset + 1;
    }
    for (auto each = found.logs.lower_bound(base); each != found.logs.end() && each->first < end;) {
        KLOG_TRY_VOID(log_.disk.remove(log_.at(segment_file_name(each->first, FileKind::log))));
        each = found.logs.erase(each);
    }
    KLOG_TRY_VOID(log_.disk.sync_directory(log_.path));
    // Its indexes are made anew when they are needed.
    KLOG_TRY_VOID(log_.disk.rename(log_.at(name), log_.at(segment_file_name(base, FileKind::log))));
    KLOG_TRY_VOID(log_.disk.sync_directory(log_.path));
    found.logs.emplace(base, size);
    base::log_info("{}: the cleaned segment {} was put in place", log_.path, base);
    return {};
}

/// Removes what no log needs: leftovers of removal and cleaning, indexes without a log.
Result<> Recovery::sweep(Found& found) {
    for (const auto& [base, name] : found.swaps) KLOG_TRY_VOID(finish_swap(found, base, name));
    for (const auto& [parsed, name] : found.others) {
        const bool swapped_log = parsed.stage == FileStage::swap && parsed.kind == FileKind::log;
        const bool orphan = parsed.stage == FileStage::live && !found.logs.contains(parsed.base_offset);
        if ((parsed.stage == FileStage::live && !orphan) || swapped_log) continue;
        KLOG_TRY_VOID(log_.disk.remove(log_.at(name)));
    }
    std::ranges::sort(found.snapshots);
    log_.snapshots = found.snapshots;
    return {};
}

Result<> Recovery::load_epochs() {
    const std::string path = log_.at(leader_epoch_name);
    auto text = os::read_file(log_.disk, path, checkpoint_bytes_max);
    if (!text && text.error().code != Errc::not_found) return std::unexpected(std::move(text).error());
    epochs_lost_ = true;
    if (!text) return {};
    auto entries = parse_epochs(*text);
    if (entries) {
        log_.epochs.reset(std::move(*entries));
        epochs_lost_ = false;
    } else {
        base::log_warn("{}: {}; rebuilt from the log", path, entries.error().message);
    }
    return {};
}

/// Where the file is gone, the batches below the walk say it.
Result<> Recovery::rebuild_epochs(Offset to) {
    for (std::size_t i = 0; i < log_.segments.size() && log_.segments[i]->base_offset() < to; ++i) {
        auto& segment = *log_.segments[i];
        KLOG_TRY(const auto file, segment.file(log_.files, log_.path));
        KLOG_TRY(const auto size, file->size());
        EntryScanner scanner(*file, 0, size, EntryScanner::Depth::headers);
        for (;;) {
            const auto entry = scanner.next();
            if (!entry && !is_format_error(entry.error())) return std::unexpected(entry.error());
            if (!entry || !*entry || (*entry)->first_offset >= to) break;
            log_.epochs.assign((*entry)->epoch, (*entry)->first_offset);
        }
    }
    log_.epochs_written = false;
    return {};
}

Result<> Recovery::make_segments(const Found& found) {
    std::vector<std::string> removed;
    for (auto each = found.logs.begin(); each != found.logs.end(); ++each) {
        const auto next = std::next(each);
        SegmentFacts facts;
        facts.last = next == found.logs.end();
        facts.base = each->first;
        facts.next_base = facts.last ? beyond_everything : next->first;
        facts.log_start = checkpointed_start_;
        if (decide(facts).action != SegmentAction::remove) {
            log_.segments.push_back(log_.make_segment(each->first, each->second));
            log_.segments.back()->aborted_loaded = !found.transaction_indexes.contains(each->first);
            continue;
        }
        for (const auto kind : {FileKind::log, FileKind::offset_index, FileKind::time_index,
                                FileKind::transaction_index, FileKind::producer_snapshot})
            removed.push_back(log_.at(segment_file_name(each->first, kind)));
        std::erase(log_.snapshots, each->first);
    }
    // The log start is durable already: the order of removal does not matter. The names of those that stay must be,
    // too.
    if (!removed.empty()) KLOG_TRY_VOID(log_.disk.sync_directory(log_.path));
    for (const auto& path : removed) KLOG_TRY_VOID(log_.remove_file(path));
    return {};
}

bool Recovery::believe_end() const {
    if (!life_.clean || log_.segments.empty()) return false;
    const auto& last = *log_.segments.back();
    return *life_.end >= last.base_offset() && (last.size() > 0) == (*life_.end > last.base_offset());
}

Result<> Recovery::walk() {
    std::size_t number = 0;
    for (; number < log_.segments.size() && !stop_; ++number) {
        auto& segment = *log_.segments[number];
        SegmentFacts facts;
        facts.last = number + 1 == log_.segments.size();
        facts.base = segment.base_offset();
        facts.next_base = facts.last ? beyond_everything : log_.segments[number + 1]->base_offset();
        facts.recovery_point = recovery_point_;
        facts.clean_stop = clean_;
        const auto action = decide(facts).action;
        if (action == SegmentAction::trust) {
            expected_ = facts.last ? *life_.end : facts.next_base;
            continue;
        }
        if (!walked_)
            expected_ = facts.base;
        else if (facts.base > expected_)
            KLOG_TRY_VOID(pass_gap(number));
        if (stop_) break;
        KLOG_TRY_VOID(scan(number, action == SegmentAction::scan_whole));
    }
    if (!clean_ && !stop_ && expected_ < recovery_point_) return begin_at_recovery_point();
    return {};
}

/// Offsets are missing in front of a segment.
Result<> Recovery::pass_gap(std::size_t number) {
    const Offset base = log_.segments[number]->base_offset();
    const std::string words = fmt::format("offsets go from {} to {}", expected_, base);
    const FaultFacts facts{Fault::gap, expected_, base, recovery_point_, log_.config->cleanup_compact};
    const auto action = decide(facts).action;
    if (action == FaultAction::cut) return cut(number, 0, words);
    if (action == FaultAction::damaged)
        log_.note_damage({expected_, base, {Errc::corrupt, log_.path + ": segments are missing: " + words}});
    expected_ = base;
    return {};
}

/// The log ends before the recovery point: what was there is gone. It goes on behind, in a segment of its own.
Result<> Recovery::begin_at_recovery_point() {
    log_.note_damage({expected_,
                      recovery_point_,
                      {Errc::corrupt, fmt::format("{}: ends at offset {}, before the recovery point {}",
                                                  log_.at(log_.active(), FileKind::log), expected_, recovery_point_)}});
    expected_ = recovery_point_;
    return log_.roll(recovery_point_);
}

/// Entries below the recovery point were synced before it moved. The last of them is where a scan may start, if the log
/// says the same.
Result<std::uint64_t> Recovery::trusted_start(Segment& segment) {
    const auto read = [&](FileKind kind) {
        return os::read_file(log_.disk, log_.at(segment, kind), static_cast<std::uint64_t>(1) << 30);
    };
    const auto offsets = read(FileKind::offset_index);
    const auto times = read(FileKind::time_index);
    for (const auto* text : {&offsets, &times})
        if (!*text && text->error().code != Errc::not_found) return std::unexpected(text->error());
    LoadedIndexes loaded{OffsetIndex(segment.base_offset()), TimeIndex(segment.base_offset())};
    if (!offsets || !times) return 0;
    loaded.offsets.load(*offsets, segment.size(), recovery_point_);
    loaded.times.load(*times, recovery_point_);
    const auto last = loaded.offsets.last();
    if (last.position == 0 || loaded.times.entries() == 0) return 0;
    KLOG_TRY(const auto file, segment.file(log_.files, log_.path));
    EntryScanner scanner(*file, last.position, segment.size(), EntryScanner::Depth::headers);
    const auto entry = scanner.next();
    if (!entry && !is_format_error(entry.error())) return std::unexpected(entry.error());
    // Anything else means that the index is not of this log, or that this is damage, which a scan from the front finds.
    if (!entry || !*entry || (*entry)->last_offset != last.offset) return 0;
    expected_ = (*entry)->first_offset;
    segment.set_indexes(std::move(loaded));
    return last.position;
}

Result<> Recovery::scan(std::size_t number, bool whole) {
    auto& segment = *log_.segments[number];
    const std::uint64_t size = segment.size();
    std::uint64_t from = 0;
    if (!whole) {
        KLOG_TRY(from, trusted_start(segment));
    }
    if (!walked_) {
        walked_ = true;
        first_walked_ = number;
        // Of what is below the first segment only a snapshot tells.
        producers_from_ = std::max(std::min(expected_, recovery_point_), log_.segments.front()->base_offset());
        KLOG_TRY_VOID(log_.load_producers(producers_from_));
    }
    if (!segment.aborted_loaded) KLOG_TRY_VOID(log_.load_aborted(segment, producers_from_));
    if (from == 0)
        segment.forget_indexes();
    else
        segment.truncate(segment.offsets().last().offset + 1, from);
    if (from != 0) segment.resume();
    KLOG_TRY(const auto file, segment.file(log_.files, log_.path));
    const bool last = number + 1 == log_.segments.size();
    const Offset end = last ? beyond_everything : log_.segments[number + 1]->base_offset();
    // Behind the recovery point an offset is believed only where it continues the log, unless the topic is compacted.
    const Offset jump_max = log_.config->cleanup_compact ? beyond_everything : recovery_point_;
    SegmentWalk walk(*file, from, size, {expected_, end, jump_max});
    for (;;) {
        KLOG_TRY(const auto entry, walk.next());
        if (entry) {
            KLOG_TRY_VOID(take_entry(walk.scanner(), segment, *entry));
            continue;
        }
        segment.checked().add(from, segment.size());
        if (!walk.fault()) break;
        const WalkFault fault = *walk.fault();
        if (decide(FaultFacts{fault.fault, fault.expected, {}, recovery_point_}).action == FaultAction::cut) {
            KLOG_TRY_VOID(cut(number, fault.position, fault.words));
            break;
        }
        KLOG_TRY(const bool more, pass_damage(walk, segment, end));
        if (!more) break;
        from = walk.position();
    }
    segment.resume();
    if (number + 1 < log_.segments.size()) {
        segment.seal();
        segment.persisted = false;
    }
    return {};
}

/// Goes on behind damage, in the same segment if there is something good; otherwise all up to `end` is gone.
Result<bool> Recovery::pass_damage(SegmentWalk& walk, Segment& segment, Offset end) {
    const WalkFault fault = *walk.fault();
    OffsetIndex index(segment.base_offset());
    const auto bytes = os::read_file(log_.disk, log_.at(segment, FileKind::offset_index), index_bytes_max);
    if (!bytes && bytes.error().code != Errc::not_found) return std::unexpected(bytes.error());
    KLOG_TRY(const auto file, segment.file(log_.files, log_.path));
    KLOG_TRY(const auto size, file->size());
    if (bytes) index.load(*bytes, size, recovery_point_);
    KLOG_TRY(const bool more, walk.pass_fault(index));
    segment.skip_to(more ? walk.position() : size);
    const bool last = end == beyond_everything;
    const Offset to = more ? walk.expected() : last ? recovery_point_ : end;
    log_.note_damage({fault.expected, to, {Errc::corrupt, fault.words}});
    expected_ = more || !last ? to : fault.expected;  // The log then ends there.
    return more;
}

Result<> Recovery::take_entry(EntryScanner& scanner, Segment& segment, const ScannedEntry& entry) {
    if (segment.size() == 0) segment.set_first_timestamp(entry.max_timestamp_ms);
    segment.note_entry(entry.last_offset, entry.size, entry.max_timestamp_ms, log_.config->index_interval_bytes);
    const auto latest = log_.epochs.latest();
    if ((!latest || entry.epoch > latest->epoch) && log_.epochs.assign(entry.epoch, entry.first_offset))
        log_.epochs_written = false;
    if (entry.first_offset >= producers_from_) {
        KLOG_TRY(const auto completed, log_.apply_producer(scanner, entry));
        if (completed) log_.note_completed(*completed);
    }
    expected_ = entry.last_offset + 1;
    return {};
}

/// Segments behind go first, from the last one on, each durably: a crash in between leaves no hole.
Result<> Recovery::cut(std::size_t number, std::uint64_t position, const std::string& why) {
    base::log_warn("{}: cut at offset {} (byte {}): {}", log_.at(*log_.segments[number], FileKind::log), expected_,
                   position, why);
    stop_ = true;
    while (log_.segments.size() > number + 1) {
        KLOG_TRY_VOID(log_.remove_segment_files(*log_.segments.back()));
        log_.segments.pop_back();
    }
    auto& segment = *log_.segments[number];
    if (position == 0 && number > 0 && segment.base_offset() != expected_) {
        KLOG_TRY_VOID(log_.remove_segment_files(segment));
        log_.segments.pop_back();
        log_.active().persisted = true;
        return {};
    }
    segment.persisted = true;  // It is active again.
    KLOG_TRY(const auto file, segment.file(log_.files, log_.path));
    return file->truncate(position);
}

Result<> Recovery::finish() {
    Offset end = expected_;
    Offset flushed = end;
    if (walked_) {
        // What a crash left in the page cache only becomes durable here, before anybody hears of it.
        for (std::size_t i = first_walked_; i < log_.segments.size(); ++i) {
            KLOG_TRY(const auto file, log_.segments[i]->file(log_.files, log_.path));
            KLOG_TRY_VOID(file->sync());
        }
        KLOG_TRY_VOID(log_.disk.sync_directory(log_.path));
    } else {
        flushed = std::min(end, recovery_point_);
    }
    const Offset first = log_.segments.front()->base_offset();
    const Offset start = std::min(std::max(checkpointed_start_, first), end);
    log_.set_offsets(start, end, flushed, std::min(recovery_point_, flushed));
    bool changed = log_.epochs.truncate_end(end);
    changed = log_.epochs.truncate_start(start) || changed;
    if (changed) log_.epochs_written = false;
    log_.forget_damage(start, end);
    // Snapshots beyond the end are of a log that is no more. Durably: they must not be taken for that of what follows.
    const bool beyond = !log_.snapshots.empty() && log_.snapshots.back() > end;
    while (!log_.snapshots.empty() && log_.snapshots.back() > end) {
        KLOG_TRY_VOID(log_.remove_file(log_.at(segment_file_name(log_.snapshots.back(), FileKind::producer_snapshot))));
        log_.snapshots.pop_back();
    }
    if (beyond) KLOG_TRY_VOID(log_.disk.sync_directory(log_.path));
    // After a crash only the one that was read counts.
    if (!walked_ && !log_.snapshots.empty()) log_.snapshot_at = log_.snapshots.back();
    log_.resumed = walked_;
    if (walked_) return log_.load_all_aborted();
    return {};
}

Result<> Recovery::run() {
    checkpointed_start_ = life_.log_start.value_or(Offset{0});
    recovery_point_ = life_.recovery_point.value_or(Offset{0});
    // Nothing below the start is needed: what is missing there is no damage.
    if (recovery_point_ <= checkpointed_start_) recovery_point_ = {0};
    KLOG_TRY(auto found, list());
    KLOG_TRY_VOID(sweep(found));
    KLOG_TRY_VOID(make_segments(found));
    if (log_.segments.empty()) {
        // Nothing there. If something was durable it is damage.
        const Offset at = std::max(checkpointed_start_, recovery_point_);
        log_.segments.push_back(log_.make_segment(at, 0));
        log_.note_damage({checkpointed_start_, at, {Errc::corrupt, log_.path + ": its segments are gone"}});
        KLOG_TRY(const auto file, log_.files.get(log_.at(log_.active(), FileKind::log), os::Open::create));
        log_.active().set_file(file);
        log_.new_names = true;
        log_.first_name_durable = false;
        log_.set_offsets(checkpointed_start_, at, at, at);
        log_.active().resume();
        log_.active().aborted_loaded = true;  // There are none.
        log_.resumed = true;
        return {};
    }
    KLOG_TRY_VOID(load_epochs());
    clean_ = believe_end();
    const Offset trusted = clean_ ? *life_.end : recovery_point_;
    if (epochs_lost_ && trusted > log_.segments.front()->base_offset()) KLOG_TRY_VOID(rebuild_epochs(trusted));
    KLOG_TRY_VOID(walk());
    if (!clean_ && expected_ < checkpointed_start_) {
        KLOG_TRY_VOID(cut(0, 0, fmt::format("it ends before its start {} and begins anew there", checkpointed_start_)));
        auto fresh = log_.make_segment(checkpointed_start_, 0);
        KLOG_TRY(const auto file, log_.files.get(log_.at(*fresh, FileKind::log), os::Open::create));
        fresh->set_file(file);
        fresh->resume();
        fresh->aborted_loaded = true;
        KLOG_TRY_VOID(log_.disk.sync_directory(log_.path));
        KLOG_TRY_VOID(log_.remove_segment_files(log_.active()));
        log_.segments.clear();
        log_.segments.push_back(std::move(fresh));
        log_.producers.clear();
        expected_ = checkpointed_start_;
        recovery_point_ = std::min(recovery_point_, expected_);
    }
    return finish();
}

}  // namespace

Result<> PartitionLog::Parts::recover() { return Recovery(*this).run(); }

/// Makes the directory when it is missing and checks whose it is.
Result<> PartitionLog::Parts::open_directory() {
    const auto info = disk.info(path);
    if (!info && info.error().code != Errc::not_found) return std::unexpected(info.error());
    if (!info) {
        // What checkpoints say of an earlier partition of this name must not count.
        KLOG_TRY_VOID(directory.forget_checkpoints(name));
        KLOG_TRY_VOID(disk.make_directory(path));
        new_names = true;
    }
    const std::string metadata = at(partition_metadata_name);
    const auto text = os::read_file(disk, metadata, partition_metadata_bytes_max);
    if (!text && text.error().code != Errc::not_found) return std::unexpected(text.error());
    const auto found = text ? parse_partition_metadata(*text) : std::nullopt;
    if (found && topic_id.is_zero()) topic_id = *found;
    if (found && *found != topic_id)
        return fail(Errc::exists, "{}: belongs to topic id {}, not {}", path, found->to_string(), topic_id.to_string());
    if (found || topic_id.is_zero()) return {};
    // Not synced: what a crash leaves of it is written again, since the metadata store knows the id.
    KLOG_TRY(const auto file, disk.open(metadata, os::Open::create));
    KLOG_TRY_VOID(file->truncate(0));
    return file->write_at(0, format_partition_metadata(topic_id));
}

}  // namespace klog::log
