// SPDX-License-Identifier: Apache-2.0
// klog consume --dir: the records of partition directories, without a broker, as a consumer of that broker would get
// them: committed ones only unless asked, times looked up as a broker does, to the end and then done.
#include <algorithm>
#include <map>

#include "cmd/consume.h"
#include "cmd/dump.h"
#include "cmd/dump_stream.h"
#include "cmd/dump_walk.h"
#include "core/log/entry_scanner.h"
#include "core/log/producer_state.h"

namespace klog::cmd {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using records::EntryView;

constexpr std::size_t inflated_bytes_max = 1u << 30;

using Files = std::vector<DumpFile>;

/// The first offset with a record at or after the time; nothing when all are older.
Result<std::optional<std::int64_t>> offset_at(DumpRun& run, const Files& files, base::TimestampMs time_ms) {
    std::string inflated;
    for (const DumpFile& file : files) {
        KLOG_TRY(EntryStream stream, EntryStream::open(run.disk, file.path));
        for (;;) {
            const auto entry = stream.next();
            if (!entry || !*entry) break;  // What is damaged is said when it is printed.
            if ((*entry)->max_timestamp() < time_ms || !(*entry)->check_crc()) continue;
            auto reader = records::EntryReader::open(**entry, inflated, inflated_bytes_max);
            records::Record record;
            while (reader && reader->next(record).value_or(false))
                if (record.timestamp >= time_ms) return record.offset.value;
        }
    }
    return std::nullopt;
}

/// An offset for a time.
Result<> settle(DumpRun& run, const Files& files, Position& position) {
    if (position.kind != Position::Kind::at_time) return {};
    KLOG_TRY(const auto offset, offset_at(run, files, position.number));
    position.kind = offset ? Position::Kind::at : Position::Kind::end;
    position.number = offset.value_or(0);
    return {};
}

/// Walks all headers for transactions: which were aborted, and where the first that is undecided begins.
Result<HiddenRecords> hidden_records(DumpRun& run, const Files& files) {
    HiddenRecords hidden;
    log::ProducerState producers;
    for (const DumpFile& file : files) {
        KLOG_TRY(const auto disk_file, run.disk.open(file.path, os::Open::read));
        KLOG_TRY(const std::uint64_t size, disk_file->size());
        log::EntryScanner scanner(*disk_file, 0, size, log::EntryScanner::Depth::headers);
        for (;;) {
            const auto entry = scanner.next();
            if (!entry || !*entry) break;
            if (!(*entry)->is_batch() || !(*entry)->batch_header().transactional()) continue;
            const records::HeaderView header = (*entry)->batch_header();
            std::optional<records::EndTransactionMarker> marker;
            if (header.control()) {
                KLOG_TRY(const std::string_view bytes, scanner.bytes_of(**entry));
                const auto view = EntryView::parse(bytes);
                if (view) marker = end_marker_of(*view);
                if (!marker) continue;
            }
            const auto completed = producers.apply(header, marker, {});
            if (completed && completed->aborted)
                hidden.add(completed->producer_id, completed->first_offset.value, completed->last_offset.value);
        }
    }
    if (const auto open = producers.first_open(base::no_producer_id)) hidden.undecided_from = open->value;
    return hidden;
}

class ConsumeDirectory {
public:
    ConsumeDirectory(const ConsumeWish& wish, bool committed, DumpRun& run, DumpTable& table)
        : wish_(wish), committed_(committed), run_(run), table_(table) {}

    Result<> partition(const Files& files) {
        OffsetRange range = wish_.offsets.all;
        for (const auto& [id, each] : wish_.offsets.each)
            if (id == files.front().partition) range = each;
        KLOG_TRY_VOID(settle(run_, files, range.from));
        if (range.until) KLOG_TRY_VOID(settle(run_, files, *range.until));
        run_.window = {};
        KLOG_TRY_VOID(resolve_window(run_, range, files));
        HiddenRecords hidden;
        if (committed_) {
            KLOG_TRY(hidden, hidden_records(run_, files));
            run_.window.hidden = &hidden;
            run_.window.until = std::min(run_.window.until, hidden.undecided_from);
        }
        for (std::size_t i = 0; i < files.size() && !run_.satisfied(); ++i) {
            if (i + 1 < files.size() && files[i + 1].base_offset->value <= run_.window.from) continue;
            if (files[i].base_offset && files[i].base_offset->value >= run_.window.until) break;
            KLOG_TRY_VOID(dump_log(run_, files[i], table_));
        }
        return {};
    }

private:
    const ConsumeWish& wish_;
    const bool committed_;
    DumpRun& run_;
    DumpTable& table_;
};

/// The logs that are wanted, by partition.
Result<std::map<std::pair<std::string, base::PartitionId>, Files>> partitions_of(os::Disk& disk,
                                                                                 const ConsumeWish& wish) {
    KLOG_TRY(const Files files, expand(disk, *wish.directory, {}, Expand::logs));
    const auto selects = selector_of(wish.topics);
    std::map<std::pair<std::string, base::PartitionId>, Files> found;
    for (const DumpFile& file : files) {
        if (!wish.topics.empty() && !selects(file.topic, false)) continue;  // Files do not say what is internal.
        if (!wish.partitions.empty() && std::ranges::find(wish.partitions, file.partition) == wish.partitions.end())
            continue;
        found[{file.topic, file.partition}].push_back(file);
    }
    if (found.empty()) return fail(Errc::not_found, "no log of such a topic and partition is in this directory");
    if (found.size() > 1 && wish.offsets.all.from.kind == Position::Kind::last_in_all)
        return fail(Errc::invalid_argument, "--offset ~N over several partitions needs a broker; -N takes N of each");
    if (wish.offsets.all.from.kind == Position::Kind::stored)
        return fail(Errc::invalid_argument, "files know of no group: --offset stored has no meaning here");
    return found;
}

}  // namespace

ExitCode consume_directory(os::Disk& disk, ConsumeWish& wish, bool committed, int output) {
    DumpWish dump;
    dump.records = true;
    dump.raw = true;
    dump.style = wish.json ? RowStyle::json : RowStyle::tabs;
    if (!wish.json) dump.format = wish.format;
    dump.filter = std::move(wish.filter);
    dump.count = wish.count;
    DumpRun run(disk, dump, output);
    DumpTable table(run.out, dump.style);
    auto partitions = partitions_of(disk, wish);
    if (!partitions) {
        run.fail(*wish.directory, partitions.error());
        return run.exit_code();
    }
    ConsumeDirectory consume(wish, committed, run, table);
    for (const auto& [name, files] : *partitions) {
        if (run.satisfied()) break;
        if (auto done = consume.partition(files); !done) run.fail(os::parent_of(files.front().path), done.error());
    }
    return finish_output(run);
}

}  // namespace klog::cmd
