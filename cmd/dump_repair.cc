// SPDX-License-Identifier: Apache-2.0
// --extract: the good batches of logs in new files, with new indexes. --rebuild-index: new indexes for logs as they
// are. Both go to another directory, or, with --in-place --yes, in the place of the old files: each new file is whole
// and on disk before it takes a name, and the old indexes of a log that changes are gone before it changes, since a
// broker makes missing indexes anew but believes those that are there.
#include <algorithm>
#include <limits>
#include <map>

#include <fmt/format.h>

#include "cmd/dump.h"
#include "cmd/dump_walk.h"
#include "core/log/file_names.h"
#include "core/log/producer_snapshot.h"
#include "core/log/segment.h"
#include "core/log/transaction_index.h"
#include "core/records/batch.h"

namespace klog::cmd {
namespace {

using base::Errc;
using base::fail;
using base::Offset;
using base::Result;
using log::FileKind;
using records::EntryView;

constexpr std::size_t write_bytes = 1u << 20;

const std::vector<RowColumn> written_columns = {
    {"written", -60}, {"bytes", 11}, {"entries", 9}, {"left_out_bytes", 14}};

/// A file that gets its name when it is whole.
class NewFile {
public:
    static Result<NewFile> open(os::Disk& disk, std::string path) {
        NewFile made(disk, std::move(path));
        KLOG_TRY(made.file_, disk.open(made.temporary(), os::Open::create));
        KLOG_TRY_VOID(made.file_->truncate(0));
        return made;
    }

    Result<> append(std::string_view bytes) {
        held_ += bytes;
        return held_.size() < write_bytes ? Result<>{} : flush();
    }
    /// All of it is on disk under its temporary name.
    Result<> sync() {
        KLOG_TRY_VOID(flush());
        return file_->sync();
    }
    Result<> take_name() {
        KLOG_TRY_VOID(disk_->rename(temporary(), path_));
        return disk_->sync_directory(os::parent_of(path_));
    }
    void give_up() { (void)disk_->remove(temporary()); }

private:
    NewFile(os::Disk& disk, std::string path) : disk_(&disk), path_(std::move(path)) {}
    std::string temporary() const { return path_ + ".tmp"; }
    Result<> flush() {
        KLOG_TRY_VOID(file_->write_at(written_, std::string_view(held_)));
        written_ += held_.size();
        held_.clear();
        return {};
    }

    os::Disk* disk_;
    std::string path_;
    std::shared_ptr<os::File> file_;
    std::string held_;
    std::uint64_t written_ = 0;
};

/// What a walk over one log gave.
struct Indexed {
    explicit Indexed(Offset base) : segment(base, 0, 0, 0) {}
    log::Segment segment;
    std::vector<log::AbortedTransaction> aborted;
    std::uint64_t batches = 0, kept_bytes = 0, left_out_bytes = 0;
};

class Repair {
public:
    Repair(DumpRun& run, DumpTable& table) : run_(run), table_(table) {}

    Result<> directory(const std::vector<const DumpFile*>& files, const std::string& target) {
        std::unique_ptr<os::Lock> lock;
        if (run_.wish.in_place && !planning()) {
            KLOG_TRY(lock, lock_out_broker(os::parent_of(files.front()->path)));
        }
        if (!planning() && !run_.wish.in_place) KLOG_TRY_VOID(run_.disk.make_directory(target));
        producers_.clear();
        KLOG_TRY_VOID(load_producers(*files.front()));
        for (const DumpFile* file : files)
            if (auto done = log(*file, target); !done) run_.fail(file->path, done.error());
        return {};
    }

private:
    bool planning() const { return run_.wish.dry_run || (run_.wish.in_place && !run_.wish.yes); }

    /// A broker that uses the data directory holds its lock.
    Result<std::unique_ptr<os::Lock>> lock_out_broker(const std::string& partition) {
        const std::string path = log::join(os::parent_of(partition), log::lock_name);
        if (!run_.disk.info(path)) return std::unique_ptr<os::Lock>();
        auto lock = run_.disk.lock(path);
        if (!lock && lock.error().code == Errc::busy)
            return fail(Errc::busy, "a broker is using this data directory; stop it first");
        return lock;
    }

    /// Transactions that began before the first log are known from the snapshot at its base.
    Result<> load_producers(const DumpFile& first) {
        if (!first.base_offset) return {};
        const std::string path = log::join(os::parent_of(first.path),
                                           log::segment_file_name(*first.base_offset, FileKind::producer_snapshot));
        const auto bytes = os::read_file(run_.disk, path, log::producer_snapshot_bytes_max);
        if (!bytes) return bytes.error().code == Errc::not_found ? Result<>{} : std::unexpected(bytes.error());
        if (auto read = log::read_snapshot(*bytes, {}, producers_); !read) {
            producers_.clear();
            run_.fault(path, 0, read.error().message);
        }
        return {};
    }

    Result<> log(const DumpFile& file, const std::string& target) {
        if (file.is_stdin() && run_.wish.in_place)
            return fail(Errc::invalid_argument, "standard input has no place; --to DIR says where");
        const Offset base = file.base_offset.value_or(Offset{0});
        const std::string name =
            file.is_stdin() ? log::segment_file_name(base, FileKind::log) : file.path.substr(file.path.rfind('/') + 1);
        const std::string path = run_.wish.in_place ? file.path : log::join(target, name);
        std::optional<NewFile> made;
        if (run_.wish.extract && !planning()) {
            KLOG_TRY_VOID(must_be_free(path));
            KLOG_TRY(made, NewFile::open(run_.disk, path));
        }
        Indexed indexed(base);
        const auto done = walk(file, indexed, made ? &*made : nullptr);
        if (!done) {
            if (made) made->give_up();
            return done;
        }
        if (run_.wish.extract) KLOG_TRY_VOID(put_log(made, path, indexed));
        return put_indexes(path, indexed);
    }

    Result<> must_be_free(const std::string& path) {
        if (run_.wish.in_place || !run_.disk.info(path)) return {};
        return fail(Errc::exists, "{} is there already; nothing is written over it", path);
    }

    Result<> walk(const DumpFile& file, Indexed& indexed, NewFile* made) {
        KLOG_TRY(LogWalk walk, LogWalk::open(run_.disk, file.path));
        for (;;) {
            KLOG_TRY(auto stretch, walk.next());
            if (!stretch) return {};
            if (stretch->entry && !fits(*stretch->entry, indexed.segment, stretch->damage)) stretch->entry.reset();
            if (!stretch->entry) {
                run_.fault(file.path, stretch->position, stretch->damage);
                indexed.left_out_bytes += stretch->size;
                // Positions in a log that stays as it is count what is damaged too.
                if (!run_.wish.extract) indexed.segment.skip_to(indexed.segment.size() + stretch->size);
                continue;
            }
            const EntryView& entry = *stretch->entry;
            ++indexed.batches;
            indexed.kept_bytes += entry.size();
            indexed.segment.note_entry(entry.last_offset(), static_cast<std::uint32_t>(entry.size()),
                                       entry.max_timestamp(),
                                       static_cast<std::int32_t>(run_.wish.index_interval_bytes));
            note_producer(entry, indexed);
            if (made != nullptr) KLOG_TRY_VOID(made->append(entry.bytes()));
        }
    }

    /// Indexes count offsets and positions from the segment's base, in 31 bits.
    static bool fits(const EntryView& entry, const log::Segment& segment, std::string& why) {
        constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
        const std::int64_t base = segment.base_offset().value;
        if (entry.base_offset().value < base || entry.last_offset().value - base > most)
            why = fmt::format("offsets {} to {} do not belong to a segment of offset {}", entry.base_offset(),
                              entry.last_offset(), base);
        else if (segment.size() + entry.size() > static_cast<std::uint64_t>(most))
            why = "a segment has no room beyond 2 GiB";
        return why.empty();
    }

    void note_producer(const EntryView& entry, Indexed& indexed) {
        if (!entry.is_batch()) return;
        const records::HeaderView header(entry.bytes().data());
        if (header.producer_id().value < 0) return;
        const auto marker = end_marker_of(entry);
        if (header.control() && !marker) return;
        const auto completed = producers_.apply(header, marker, {});
        if (!completed || !completed->aborted) return;
        const auto open = producers_.first_open(completed->producer_id);
        const Offset stable = open ? std::min(*open, completed->last_offset + 1) : completed->last_offset + 1;
        indexed.aborted.push_back({completed->producer_id, completed->first_offset, completed->last_offset, stable});
    }

    Result<> put_log(std::optional<NewFile>& made, const std::string& path, const Indexed& indexed) {
        if (made && run_.wish.in_place && indexed.left_out_bytes == 0) {
            made->give_up();
        } else if (made) {
            KLOG_TRY_VOID(made->sync());
            if (run_.wish.in_place) KLOG_TRY_VOID(drop_indexes(path));
            KLOG_TRY_VOID(made->take_name());
        }
        row(path, indexed.kept_bytes, indexed.batches, indexed.left_out_bytes);
        return {};
    }

    static std::string beside(const std::string& log_path, std::string_view suffix) {
        const bool named = log_path.ends_with(".log");
        return log_path.substr(0, log_path.size() - (named ? 4 : 0)) + std::string(suffix);
    }

    Result<> drop_indexes(const std::string& log_path) {
        for (const std::string_view suffix : {".index", ".timeindex", ".txnindex"})
            if (auto gone = run_.disk.remove(beside(log_path, suffix)); !gone && gone.error().code != Errc::not_found)
                return gone;
        return run_.disk.sync_directory(os::parent_of(log_path));
    }

    Result<> put_indexes(const std::string& log_path, Indexed& indexed) {
        indexed.segment.seal();
        std::string transactions;
        for (const auto& each : indexed.aborted)  // order does not show: a vector
            log::format_transaction(transactions, each);
        KLOG_TRY_VOID(put(beside(log_path, ".index"), indexed.segment.offsets().view(), log::OffsetIndex::entry_bytes));
        KLOG_TRY_VOID(put(beside(log_path, ".timeindex"), indexed.segment.times().view(), log::TimeIndex::entry_bytes));
        const std::string path = beside(log_path, ".txnindex");
        if (!transactions.empty()) return put(path, transactions, log::transaction_entry_bytes);
        if (!run_.wish.in_place || !run_.disk.info(path)) return {};
        return put(path, "", log::transaction_entry_bytes);
    }

    Result<> put(const std::string& path, std::string_view bytes, std::size_t entry_bytes) {
        if (!planning()) {
            KLOG_TRY_VOID(must_be_free(path));
            KLOG_TRY_VOID(os::replace_file(run_.disk, path, bytes));
        }
        row(path, bytes.size(), bytes.size() / entry_bytes, 0);
        return {};
    }

    void row(const std::string& path, std::uint64_t bytes, std::uint64_t entries, std::uint64_t left_out) {
        table_.columns(written_columns, "", false);
        table_.text(path);
        table_.number(static_cast<std::int64_t>(bytes));
        table_.number(static_cast<std::int64_t>(entries));
        table_.number(static_cast<std::int64_t>(left_out));
        table_.end_row();
    }

    DumpRun& run_;
    DumpTable& table_;
    log::ProducerState producers_;
};

}  // namespace

void dump_repair(DumpRun& run, const std::vector<DumpFile>& files, DumpTable& table) {
    std::map<std::string, std::vector<const DumpFile*>> by_directory;
    for (const DumpFile& file : files)
        if (file.kind == DumpKind::log) by_directory[os::parent_of(file.path)].push_back(&file);
    Repair repair(run, table);
    for (auto& [directory, logs] : by_directory) {
        std::ranges::sort(logs, {}, [](const DumpFile* f) { return f->base_offset.value_or(Offset{0}); });
        std::string target = run.wish.to.value_or("");
        // Files of several partitions would have the same names.
        if (by_directory.size() > 1) target = log::join(target, directory.substr(directory.rfind('/') + 1));
        if (auto done = repair.directory(logs, target); !done) run.fail(directory, done.error());
    }
    if (run.wish.in_place && !run.wish.yes && !run.wish.dry_run) {
        run.out.flush();
        fmt::print(run.words, "klog: nothing was changed; with --yes these files take the place of the old ones\n");
        run.raise(Exit::usage);
    }
}

}  // namespace klog::cmd
