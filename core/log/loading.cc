// SPDX-License-Identifier: Apache-2.0
// Loading what can be derived from a log: its producers, from a snapshot and what follows, and the aborted transactions
// of a segment. Runs on the pool, or with the log lent.
#include <algorithm>
#include <map>
#include <ranges>
#include <vector>

#include "core/base/log.h"
#include "core/log/log_parts.h"
#include "core/log/producer_snapshot.h"
#include "core/log/transaction_index.h"
#include "core/records/entry.h"

namespace klog::log {

using base::Errc;
using base::Offset;
using base::Result;

namespace {

/// How much of the log in front of a snapshot is looked at for the batches that it has no room for. A producer that is
/// under way has its last five in there; of others nothing is repeated any more.
constexpr std::uint64_t remembered_bytes_max = 4 << 20;

/// The batches in front of a snapshot, of the producers that it knows and in their epochs.
using Earlier = std::map<base::ProducerId, std::vector<BatchMark>>;

/// A piece of a segment to look at, up to its end.
struct Stretch {
    std::size_t segment = 0;
    std::uint64_t from = 0;
};

/// The last stretches of the log in front of an offset, newest first.
Result<std::vector<Stretch>> stretches_before(PartitionLog::Parts& log, Offset offset) {
    std::vector<Stretch> stretches;
    std::uint64_t left = remembered_bytes_max;
    const std::size_t newest = log.segment_of(offset - 1);
    for (std::size_t number = newest + 1; number-- > 0 && left > 0;) {
        const auto& segment = *log.segments[number];
        if (segment.base_offset() >= offset) continue;
        OffsetIndex loaded(segment.base_offset());
        const OffsetIndex* index = &loaded;
        if (segment.indexed()) {
            index = &segment.offsets();
        } else {
            // Good enough to begin somewhere; without it, at the front.
            const auto bytes = os::read_file(log.disk, log.at(segment, FileKind::offset_index), index_bytes_max);
            if (!bytes && bytes.error().code != Errc::not_found) return std::unexpected(bytes.error());
            if (bytes) loaded.load(*bytes, segment.size(), offset);
        }
        const std::uint64_t end = number == newest ? index->floor(offset).position : segment.size();
        const std::uint64_t from = end <= left ? 0 : index->floor_position(end - left).position;
        stretches.push_back({number, from});
        left -= std::min(left, end - from);
    }
    return stretches;
}

Result<Earlier> batches_before(PartitionLog::Parts& log, Offset snapshot) {
    KLOG_TRY(const auto stretches, stretches_before(log, snapshot));
    Earlier earlier;
    for (const auto& [number, from] : std::views::reverse(stretches)) {
        auto& segment = *log.segments[number];
        KLOG_TRY(const auto file, segment.file(log.files, log.path));
        KLOG_TRY(const auto size, file->size());
        EntryScanner scanner(*file, from, size, EntryScanner::Depth::headers);
        for (;;) {
            const auto entry = scanner.next();
            if (!entry && !is_format_error(entry.error())) return std::unexpected(entry.error());
            if (!entry || !*entry || (*entry)->last_offset >= snapshot) break;
            if (!(*entry)->is_batch()) continue;
            const auto header = (*entry)->batch_header();
            const auto* known = log.producers.find(header.producer_id());
            if (header.control() || known == nullptr || known->epoch != header.producer_epoch()) continue;
            auto& marks = earlier[header.producer_id()];
            if (marks.size() == ProducerEntry::batches_max) marks.erase(marks.begin());
            marks.push_back(
                {header.last_sequence(), header.last_offset(), header.last_offset_delta(), header.max_timestamp()});
        }
    }
    return earlier;
}

/// A snapshot holds one batch of each producer; the four before it come back from the log, if they lead up to it.
Result<> remember_earlier(PartitionLog::Parts& log, Offset snapshot) {
    if (log.producers.empty()) return {};
    KLOG_TRY(const auto earlier, batches_before(log, snapshot));
    for (const auto& [id, marks] : earlier) {
        ProducerEntry entry = *log.producers.find(id);
        if (entry.batch_count == 0) continue;
        const BatchMark& last = entry.batches[0];
        if (marks.back().last_offset != last.last_offset || marks.back().last_sequence != last.last_sequence) continue;
        auto first = marks.end() - 1;
        while (first != marks.begin() &&
               records::sequence_plus((first - 1)->last_sequence, 1) == first->first_sequence())
            --first;
        entry.batch_count = 0;
        for (; first != marks.end(); ++first) entry.remember(*first);
        log.producers.put(id, entry);
    }
    return {};
}

}  // namespace

Result<> PartitionLog::Parts::remove_file(const std::string& file) {
    auto removed = disk.remove(file);
    files.forget(file);  // Afterwards: a read on the pool may have opened it until now.
    if (!removed && removed.error().code == Errc::not_found) return {};
    return removed;
}

Result<> PartitionLog::Parts::remove_segment_files(const Segment& segment) {
    // The log first: indexes without a log are swept when the log is opened, a log without indexes is read.
    for (const auto kind : {FileKind::log, FileKind::offset_index, FileKind::time_index, FileKind::transaction_index})
        KLOG_TRY_VOID(remove_file(at(segment, kind)));
    return disk.sync_directory(path);
}

Result<std::optional<CompletedTransaction>> PartitionLog::Parts::apply_producer(EntryScanner& scanner,
                                                                                const ScannedEntry& entry) {
    if (!entry.is_batch() || entry.batch_header().producer_id().value < 0) return std::nullopt;
    std::optional<records::EndTransactionMarker> marker;
    if (entry.batch_header().control()) {
        KLOG_TRY(const auto bytes, scanner.bytes_of(entry));
        KLOG_TRY(const auto batch, records::BatchView::parse(bytes));
        std::string scratch;
        KLOG_TRY(auto reader, records::read_records(batch, scratch, inflated_lookup_bytes_max));
        records::Record record;
        KLOG_TRY(const bool there, reader.next(record));
        if (there)
            if (auto read = records::read_end_transaction(record)) marker = *read;
    }
    return producers.apply(entry.batch_header(), marker, now());
}

Result<> PartitionLog::Parts::load_aborted(Segment& segment, Offset limit) {
    segment.aborted.clear();
    segment.aborted_loaded = true;
    const std::string file = at(segment, FileKind::transaction_index);
    const auto bytes = os::read_file(disk, file, transaction_index_bytes_max);
    if (!bytes && bytes.error().code == Errc::not_found) return {};
    if (!bytes) return std::unexpected(bytes.error());
    // Behind the recovery point it may be torn: entries count as far as they are good.
    for (std::string_view rest = *bytes; rest.size() >= transaction_entry_bytes;
         rest.remove_prefix(transaction_entry_bytes)) {
        const auto one = parse_transactions(rest.substr(0, transaction_entry_bytes));
        if (!one || one->front().last_offset >= limit) break;
        if (!segment.aborted.empty() && one->front().last_offset <= segment.aborted.back().last_offset) break;
        segment.aborted.push_back(one->front());
    }
    any_aborted = any_aborted || !segment.aborted.empty();
    segment.transactions_written = segment.aborted.size();
    segment.aborted_stale = bytes->size() > segment.aborted.size() * transaction_entry_bytes;
    return {};
}

Result<> PartitionLog::Parts::load_all_aborted() {
    for (std::size_t i = 0; i < segments.size(); ++i)
        if (!segments[i]->aborted_loaded) KLOG_TRY_VOID(load_aborted(*segments[i], end_of(i)));
    return {};
}

void PartitionLog::Parts::note_completed(const CompletedTransaction& completed) {
    if (!completed.aborted) return;
    any_aborted = true;
    const auto open = producers.first_open(completed.producer_id);
    const Offset stable = open ? std::min(*open, completed.last_offset + 1) : completed.last_offset + 1;
    auto& segment = *segments[segment_of(completed.last_offset)];
    if (!segment.aborted.empty() && segment.aborted.back().last_offset >= completed.last_offset) return;
    segment.aborted.push_back({completed.producer_id, completed.first_offset, completed.last_offset, stable});
}

Result<> PartitionLog::Parts::load_producers(Offset to) {
    producers.clear();
    Offset from = segments.front()->base_offset();
    for (auto each = snapshots.rbegin(); each != snapshots.rend(); ++each) {
        if (*each > to) continue;
        const std::string file = at(segment_file_name(*each, FileKind::producer_snapshot));
        const auto bytes = os::read_file(disk, file, producer_snapshot_bytes_max);
        if (!bytes && bytes.error().code == Errc::io) return std::unexpected(bytes.error());
        auto read = bytes ? read_snapshot(*bytes, now(), producers) : Result<>(std::unexpected(bytes.error()));
        if (read) {
            from = std::max(from, *each);
            snapshot_at = *each;
            KLOG_TRY_VOID(remember_earlier(*this, *each));
            break;
        }
        base::log_warn("{}: {}; not used", file, read.error().message);
        producers.clear();
    }
    for (std::size_t number = segment_of(from); number < segments.size() && segments[number]->base_offset() < to;
         ++number) {
        auto& segment = *segments[number];
        KLOG_TRY(const auto file, segment.file(files, path));
        KLOG_TRY(const auto size, file->size());
        std::uint64_t position = 0;
        if (segment.indexed() && from > segment.base_offset()) position = segment.offsets().floor(from).position;
        EntryScanner scanner(*file, position, std::min(size, segment.size()), EntryScanner::Depth::headers);
        for (;;) {
            const auto entry = scanner.next();
            if (!entry && !is_format_error(entry.error())) return std::unexpected(entry.error());
            if (!entry || !*entry || (*entry)->first_offset >= to) break;
            if ((*entry)->first_offset < from) continue;
            if (const auto applied = apply_producer(scanner, **entry); !applied)
                return std::unexpected(applied.error());
        }
    }
    return {};
}

}  // namespace klog::log
