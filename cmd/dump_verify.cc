// SPDX-License-Identifier: Apache-2.0
// --verify: one walk over each segment checks its log and, read along, its indexes; then what segments of one directory
// must be to each other.
#include <algorithm>
#include <deque>
#include <limits>
#include <map>

#include <fmt/format.h>

#include "cmd/dump.h"
#include "cmd/dump_index_check.h"
#include "cmd/dump_stream.h"
#include "cmd/text_codec.h"
#include "core/log/checkpoint_file.h"
#include "core/log/file_names.h"
#include "core/log/offset_index.h"
#include "core/log/partition_log.h"
#include "core/log/producer_snapshot.h"
#include "core/log/time_index.h"
#include "core/log/transaction_index.h"
#include "core/records/validate.h"

namespace klog::cmd {
namespace {

using base::Errc;
using base::Result;
using records::EntryView;

constexpr std::size_t inflated_bytes_max = 1u << 30;
constexpr std::uint64_t properties_bytes_max = 1u << 20;

bool about_bytes(const base::Error& error) {
    return error.code == Errc::corrupt || error.code == Errc::truncated || error.code == Errc::unsupported_version;
}

/// What is wrong with one log by itself.
class LogCheck {
public:
    LogCheck(Verdict& verdict, bool deep) : verdict_(verdict), deep_(deep) {
        if (verdict.file.kind == DumpKind::log) base_ = verdict.file.base_offset;
        verdict.next_offset = base_ ? std::optional(base_->value) : std::nullopt;
    }

    void entry(const EntryView& entry, std::uint64_t position) {
        ++verdict_.entries;
        verdict_.bytes = position + entry.size();
        const auto good = entry.is_batch() ? records::check_replicated(entry.batch()) : entry.check_crc();
        if (!good) verdict_.fault(position, good.error().message);
        offsets(entry, position);
        epoch(entry, position);
        const records::HeaderView header(entry.bytes().data());
        verdict_.records += entry.is_batch() ? static_cast<std::uint64_t>(std::max(header.count(), 0)) : 1;
        if (entry.is_batch() && header.count() < header.last_offset_delta() + 1) ++verdict_.gaps;
        if (deep_ && good) records(entry, position);
    }

private:
    void offsets(const EntryView& entry, std::uint64_t position) {
        const std::int64_t first = entry.base_offset().value, last = entry.last_offset().value;
        if (!verdict_.first_offset) {
            verdict_.first_offset = first;
            if (base_ && first < base_->value)
                verdict_.fault(position,
                               fmt::format("offset {} is below the {} of the file's name", first, base_->value));
        } else if (first < *verdict_.next_offset) {
            verdict_.fault(position, fmt::format("offset {} comes after offset {}", first, *verdict_.next_offset - 1));
        } else if (first > *verdict_.next_offset && !(entry.compressed() && !entry.is_batch())) {
            ++verdict_.gaps;
        }
        if (base_ && last - base_->value > std::numeric_limits<std::int32_t>::max())
            verdict_.fault(position, fmt::format("offset {} is too far from the {} of the file's name", last, *base_));
        verdict_.next_offset = std::max(last + 1, verdict_.next_offset.value_or(last + 1));
    }

    void epoch(const EntryView& entry, std::uint64_t position) {
        const auto epoch = entry.partition_leader_epoch();
        if (epoch < epoch_ && epoch != base::no_leader_epoch)
            verdict_.fault(position, fmt::format("leader epoch {} comes after {}", epoch, epoch_));
        epoch_ = std::max(epoch_, epoch);
    }

    /// Every record: they add up, lie within the batch, and none is younger than it says.
    void records(const EntryView& entry, std::uint64_t position) {
        auto reader = records::EntryReader::open(entry, inflated_, inflated_bytes_max);
        if (!reader) return verdict_.fault(position, reader.error().message);
        records::Record record;
        std::int64_t before = entry.is_batch() ? entry.base_offset().value - 1 : -1;
        base::TimestampMs youngest = records::no_timestamp;
        for (;;) {
            const auto more = reader->next(record);
            if (!more) return verdict_.fault(position, more.error().message);
            if (!*more) break;
            if (record.offset.value <= before || record.offset > entry.last_offset())
                return verdict_.fault(position, fmt::format("a record with offset {} in a batch of {} to {}",
                                                            record.offset, entry.base_offset(), entry.last_offset()));
            before = record.offset.value;
            youngest = std::max(youngest, record.timestamp);
        }
        const bool empty = entry.is_batch() && records::HeaderView(entry.bytes().data()).count() == 0;
        if (!empty && entry.is_batch() && youngest != entry.max_timestamp())
            verdict_.fault(position, fmt::format("says a largest timestamp of {}, but its records have {}",
                                                 entry.max_timestamp(), youngest));
    }

    Verdict& verdict_;
    const bool deep_;
    std::optional<base::Offset> base_;
    base::LeaderEpoch epoch_ = base::no_leader_epoch;
    std::string inflated_;
};

/// The files of one segment that are to be judged. The log is walked for its indexes even where it is not.
struct SegmentFiles {
    std::string log_path;  // Empty: there is none.
    Verdict* log = nullptr;
    Verdict* offsets = nullptr;
    Verdict* times = nullptr;
    Verdict* transactions = nullptr;
    std::int64_t base = 0;
};

class SegmentCheck {
public:
    SegmentCheck(os::Disk& disk, SegmentFiles files, bool deep) : disk_(disk), files_(std::move(files)), deep_(deep) {}

    Result<> run() {
        KLOG_TRY_VOID(open_indexes());
        std::optional<std::uint64_t> log_bytes;
        if (!files_.log_path.empty()) {
            KLOG_TRY(log_bytes, walk());
        }
        if (offsets_) KLOG_TRY_VOID(offsets_->end(log_bytes));
        if (times_) KLOG_TRY_VOID(times_->end(log_bytes));
        if (transactions_) KLOG_TRY_VOID(transactions_->end(log_bytes));
        return {};
    }

private:
    Result<> open_indexes() {
        if (files_.offsets != nullptr) {
            KLOG_TRY(auto cursor, IndexCursor::open(disk_, *files_.offsets, log::OffsetIndex::entry_bytes, true));
            offsets_.emplace(std::move(cursor), files_.base);
        }
        if (files_.times != nullptr) {
            KLOG_TRY(auto cursor, IndexCursor::open(disk_, *files_.times, log::TimeIndex::entry_bytes, true));
            times_.emplace(std::move(cursor), files_.base);
        }
        if (files_.transactions != nullptr) {
            KLOG_TRY(auto cursor, IndexCursor::open(disk_, *files_.transactions, log::transaction_entry_bytes, false));
            transactions_.emplace(std::move(cursor));
        }
        return {};
    }

    /// Returns the size of the log when all of it could be walked.
    Result<std::optional<std::uint64_t>> walk() {
        std::optional<LogCheck> check;
        if (files_.log != nullptr) check.emplace(*files_.log, deep_);
        KLOG_TRY(EntryStream stream, EntryStream::open(disk_, files_.log_path));
        for (;;) {
            auto entry = stream.next();
            if (!entry) {
                if (!about_bytes(entry.error())) return std::unexpected(std::move(entry).error());
                if (files_.log != nullptr) files_.log->fault(stream.position(), entry.error().message);
                return std::nullopt;
            }
            if (!*entry) return stream.position();
            if (check) check->entry(**entry, stream.position());
            if (offsets_) KLOG_TRY_VOID(offsets_->batch(**entry, stream.position()));
            if (times_) KLOG_TRY_VOID(times_->batch(**entry, stream.position()));
            if (transactions_) KLOG_TRY_VOID(transactions_->batch(**entry, stream.position()));
        }
    }

    os::Disk& disk_;
    const SegmentFiles files_;
    const bool deep_;
    std::optional<OffsetIndexCheck> offsets_;
    std::optional<TimeIndexCheck> times_;
    std::optional<TransactionIndexCheck> transactions_;
};

// The small files ------------------------------------------------------------------------------------------------

Result<> check_snapshot(os::Disk& disk, Verdict& verdict) {
    KLOG_TRY(const auto bytes, os::read_file(disk, verdict.file.path, log::producer_snapshot_bytes_max));
    verdict.bytes = bytes.size();
    log::ProducerState state;
    if (auto read = log::read_snapshot(bytes, {}, state); !read)
        return verdict.fault(0, read.error().message), Result<>{};
    verdict.entries = state.size();
    for (const auto& [id, entry] : state.sorted()) {
        const auto remembered = entry.remembered();
        if (remembered.empty() || !verdict.file.base_offset) continue;
        if (remembered.back().last_offset >= *verdict.file.base_offset)
            verdict.fault(0, fmt::format("producer {} has offset {}, beyond the {} of the file's name", id,
                                         remembered.back().last_offset, *verdict.file.base_offset));
    }
    return {};
}

Result<> check_small(os::Disk& disk, Verdict& verdict) {
    if (verdict.file.kind == DumpKind::producer_snapshot) return check_snapshot(disk, verdict);
    const bool checkpoint = verdict.file.kind != DumpKind::properties;
    KLOG_TRY(const auto text,
             os::read_file(disk, verdict.file.path, checkpoint ? log::checkpoint_bytes_max : properties_bytes_max));
    verdict.bytes = text.size();
    if (text.empty()) return {};  // Made, and nothing noted yet.
    if (verdict.file.kind == DumpKind::leader_epochs) {
        const auto epochs = log::parse_epochs(text);
        if (epochs)
            verdict.entries = epochs->size();
        else
            verdict.fault(0, epochs.error().message);
    } else if (checkpoint) {
        const auto offsets = log::parse_offsets(text);
        if (offsets)
            verdict.entries = offsets->size();
        else
            verdict.fault(0, offsets.error().message);
    } else {
        verdict.entries = log::parse_properties(text).size();
        if (verdict.file.path.ends_with(log::partition_metadata_name) && !log::parse_partition_metadata(text))
            verdict.fault(0, "no topic id, or another version");
    }
    return {};
}

// All of it --------------------------------------------------------------------------------------------------------

class Verification {
public:
    explicit Verification(DumpRun& run)
        : run_(run), columns_({{"kind", -13}, {"ok", 3}, {"position", 11}, {"fault", 0}}) {}

    void verify(const std::vector<DumpFile>& files) {
        std::vector<std::string> directories;
        std::map<std::string, std::vector<const DumpFile*>> by_directory;
        for (const DumpFile& file : files) {
            auto& there = by_directory[os::parent_of(file.path)];
            if (there.empty()) directories.push_back(os::parent_of(file.path));
            there.push_back(&file);
        }
        for (const std::string& directory : directories) verify_directory(by_directory[directory]);
        if (faulty_files_ > 0)
            fmt::print(run_.words, "klog: {} faults in {} of {} files\n", faults_, faulty_files_, files.size());
    }

private:
    void verify_directory(const std::vector<const DumpFile*>& files) {
        std::deque<Verdict> verdicts;
        std::map<std::int64_t, SegmentFiles> segments;
        for (const DumpFile* file : files) {
            Verdict& verdict = verdicts.emplace_back(*file);
            if (belongs_to_segment(*file))
                join(segments[file->base_offset->value], verdict);
            else if (is_log(file->kind))
                check_segment({file->path, &verdict, nullptr, nullptr, nullptr, 0});
            else
                guard(verdict, check_small(run_.disk, verdict));
        }
        for (auto& [base, segment] : segments) {
            segment.base = base;
            if (segment.log_path.empty()) find_log(segment);
            check_segment(segment);
        }
        check_between(verdicts);
        for (const Verdict& verdict : verdicts) print(verdict);
    }

    static bool belongs_to_segment(const DumpFile& file) {
        if (!file.base_offset) return false;
        return file.kind == DumpKind::log || file.kind == DumpKind::offset_index || file.kind == DumpKind::time_index ||
               file.kind == DumpKind::transaction_index;
    }

    static void join(SegmentFiles& segment, Verdict& verdict) {
        switch (verdict.file.kind) {
            case DumpKind::log:
                segment.log_path = verdict.file.path;
                segment.log = &verdict;
                break;
            case DumpKind::offset_index: segment.offsets = &verdict; break;
            case DumpKind::time_index: segment.times = &verdict; break;
            default: segment.transactions = &verdict; break;
        }
    }

    /// An index alone is checked against the log that lies beside it.
    void find_log(SegmentFiles& segment) {
        const Verdict* any = segment.offsets;
        if (any == nullptr) any = segment.times;
        if (any == nullptr) any = segment.transactions;
        const std::string path =
            log::join(os::parent_of(any->file.path), log::segment_file_name({segment.base}, log::FileKind::log));
        if (run_.disk.info(path)) segment.log_path = path;
    }

    void check_segment(const SegmentFiles& segment) {
        Verdict* any = segment.log;
        for (Verdict* other : {segment.offsets, segment.times, segment.transactions})
            if (any == nullptr) any = other;
        guard(*any, SegmentCheck(run_.disk, segment, run_.wish.records).run());
    }

    /// What kept a file from being judged.
    void guard(Verdict& verdict, const Result<>& result) {
        if (result) return;
        verdict.fault(0, result.error().message);
        run_.fail(verdict.file.path, result.error());
    }

    /// Segments must not overlap; offsets may be missing between them only where offsets are missing inside too, which
    /// is what compaction does.
    static void check_between(std::deque<Verdict>& verdicts) {
        std::vector<Verdict*> logs;
        bool compacted = false;
        for (Verdict& verdict : verdicts) {
            if (verdict.file.kind != DumpKind::log || !verdict.file.base_offset) continue;
            logs.push_back(&verdict);
            compacted = compacted || verdict.gaps > 0;
        }
        std::ranges::sort(logs, {}, [](const Verdict* v) { return *v->file.base_offset; });
        for (std::size_t i = 1; i < logs.size(); ++i) {
            const std::int64_t end = *logs[i - 1]->next_offset, start = logs[i]->file.base_offset->value;
            if (end > start)
                logs[i]->fault(
                    0, fmt::format("starts at offset {}, but the segment before it goes to {}", start, end - 1));
            else if (end < start && !compacted && logs[i - 1]->ok())
                logs[i]->fault(0, fmt::format("offsets {} to {} are missing before it", end, start - 1));
        }
    }

    void print(const Verdict& verdict) {
        if (!verdict.ok()) {
            run_.raise(Exit::corrupt);
            ++faulty_files_;
            faults_ += verdict.fault_count;
        }
        switch (run_.wish.style) {
            case RowStyle::json: print_json(verdict); break;
            case RowStyle::csv: print_csv(verdict); break;
            default: print_text(verdict); break;
        }
        run_.out.maybe_flush();
    }

    void print_text(const Verdict& verdict) {
        auto to = std::back_inserter(run_.out.text());
        for (const auto& fault : verdict.faults)
            fmt::format_to(to, "{}:{}: {}\n", verdict.file.path, fault.position, fault.words);
        if (!verdict.ok()) return;
        if (is_log(verdict.file.kind))
            fmt::format_to(to, "{}: ok, {} batches, {} records{}\n", verdict.file.path, verdict.entries,
                           verdict.records,
                           verdict.gaps > 0 ? fmt::format(", {} gaps in its offsets", verdict.gaps) : "");
        else
            fmt::format_to(to, "{}: ok, {} entries\n", verdict.file.path, verdict.entries);
    }

    void print_json(const Verdict& verdict) {
        std::string& out = run_.out.text();
        out += "{\"file\":";
        append_json_string(out, verdict.file.path);
        auto to = std::back_inserter(out);
        fmt::format_to(to, ",\"kind\":\"{}\",\"ok\":{},\"bytes\":{}", name_of(verdict.file.kind), verdict.ok(),
                       verdict.bytes);
        if (is_log(verdict.file.kind)) {
            fmt::format_to(to, ",\"batches\":{},\"records\":{},\"gaps\":{}", verdict.entries, verdict.records,
                           verdict.gaps);
            if (verdict.first_offset)
                fmt::format_to(to, ",\"first_offset\":{},\"next_offset\":{}", *verdict.first_offset,
                               *verdict.next_offset);
        } else {
            fmt::format_to(to, ",\"entries\":{}", verdict.entries);
        }
        out += ",\"faults\":[";
        for (std::size_t i = 0; i < verdict.faults.size(); ++i) {
            fmt::format_to(to, "{}{{\"position\":{},\"what\":", i > 0 ? "," : "", verdict.faults[i].position);
            append_json_string(out, verdict.faults[i].words);
            out += '}';
        }
        out += "]}\n";
    }

    void print_csv(const Verdict& verdict) {
        if (!table_) table_.emplace(run_.out, RowStyle::csv);
        table_->columns(columns_, verdict.file.path, true);
        const auto row = [&](const Verdict::Fault* fault) {
            table_->text(name_of(verdict.file.kind));
            table_->flag(fault == nullptr);
            fault ? table_->number(static_cast<std::int64_t>(fault->position)) : table_->null();
            fault ? table_->text(fault->words) : table_->null();
            table_->end_row();
        };
        if (verdict.ok()) row(nullptr);
        for (const auto& fault : verdict.faults) row(&fault);
    }

    DumpRun& run_;
    const std::vector<RowColumn> columns_;
    std::optional<DumpTable> table_;
    std::uint64_t faulty_files_ = 0, faults_ = 0;
};

}  // namespace

void dump_verify(DumpRun& run, const std::vector<DumpFile>& files) { Verification(run).verify(files); }

}  // namespace klog::cmd
