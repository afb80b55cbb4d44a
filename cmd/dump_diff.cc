// SPDX-License-Identifier: Apache-2.0
// --diff A B: the records of two logs side by side, by offset. Leader epochs and how records are put into batches do
// not count: replicas may differ in both and hold the same log.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "cmd/dump.h"
#include "cmd/dump_walk.h"
#include "core/records/batch.h"

namespace klog::cmd {
namespace {

using base::Result;
using records::EntryView;

constexpr std::size_t inflated_bytes_max = 1u << 30;

const std::vector<RowColumn> difference_columns = {{"what", -9},   {"first_offset", 12}, {"last_offset", 12},
                                                   {"records", 9}, {"position_a", 11},   {"position_b", 11},
                                                   {"members", 0}};

/// The records of one log, in one or more files, one after the other. Damage is named and passed over.
class Side {
public:
    Side(DumpRun& run, const std::vector<DumpFile>& files) : run_(run), files_(files) {}

    /// Makes a record the current one, unless one is.
    Result<> advance() {
        while (!record_there_) {
            if (reader_) {
                read_on();
                continue;
            }
            KLOG_TRY_VOID(next_batch());
            if (at_end_) return {};
            open_batch();
        }
        return {};
    }
    /// The next batch as a whole; nothing when one has been begun, or at the end.
    Result<std::optional<EntryView>> whole_batch() {
        if (!record_there_ && reader_) read_on();
        if (reader_ || at_end_) return std::nullopt;
        KLOG_TRY_VOID(next_batch());
        return batch_;
    }
    void leave_batch() {
        reader_.reset();
        batch_.reset();
    }

    bool at_end() const { return at_end_ && !record_there_; }
    const records::Record& record() const { return record_; }
    const EntryView& batch() const { return *batch_; }
    std::uint64_t position() const { return position_; }
    void take() { record_there_ = false; }

private:
    const std::string& path() const { return files_[file_].path; }

    Result<> next_batch() {
        while (!batch_ && !at_end_) {
            if (file_ == files_.size()) {
                at_end_ = true;
                return {};
            }
            if (!walk_) {
                KLOG_TRY(walk_, LogWalk::open(run_.disk, path()));
            }
            KLOG_TRY(auto stretch, walk_->next());
            if (!stretch) {
                walk_.reset();
                ++file_;
            } else if (stretch->entry) {
                position_ = stretch->position;
                batch_ = stretch->entry;
            } else {
                run_.fault(path(), stretch->position, stretch->damage);
            }
        }
        return {};
    }

    void open_batch() {
        auto reader = records::EntryReader::open(*batch_, inflated_, inflated_bytes_max);
        if (reader) {
            reader_ = std::move(*reader);
        } else {
            run_.fault(path(), position_, reader.error().message);
            batch_.reset();
        }
    }
    void read_on() {
        const auto more = reader_->next(record_);
        if (!more) run_.fault(path(), position_, more.error().message);
        record_there_ = more.value_or(false);
        if (!record_there_) leave_batch();
    }

    DumpRun& run_;
    const std::vector<DumpFile>& files_;
    std::size_t file_ = 0;
    std::optional<LogWalk> walk_;
    std::optional<EntryView> batch_;
    std::optional<records::EntryReader> reader_;
    records::Record record_;
    std::string inflated_;
    std::uint64_t position_ = 0;
    bool record_there_ = false;
    bool at_end_ = false;
};

/// But for the leader epoch.
bool same_batch(const EntryView& a, const EntryView& b) {
    constexpr std::size_t before_epoch = 12, behind_epoch = 16;
    if (a.size() != b.size() || a.magic() != b.magic()) return false;
    if (!a.is_batch()) return a.bytes() == b.bytes();
    return a.bytes().substr(0, before_epoch) == b.bytes().substr(0, before_epoch) &&
           a.bytes().substr(behind_epoch) == b.bytes().substr(behind_epoch);
}

struct Producer {
    std::int64_t id = -1;
    std::int16_t epoch = -1;
    std::int32_t sequence = -1;
    bool transactional = false, control = false;
    bool operator==(const Producer&) const = default;
};
Producer producer_of(const Side& side) {
    if (!side.batch().is_batch()) return {};
    const records::HeaderView header(side.batch().bytes().data());
    const auto delta = static_cast<std::int32_t>(side.record().offset - header.base_offset());
    return {header.producer_id().value, header.producer_epoch().value,
            header.base_sequence() < 0 ? -1 : records::sequence_plus(header.base_sequence(), delta),
            header.transactional(), header.control()};
}

/// The members in which two records of the same offset differ.
std::string differing(const Side& a, const Side& b) {
    std::string members;
    const auto note = [&](bool same, std::string_view name) {
        if (same) return;
        if (!members.empty()) members += ' ';
        members += name;
    };
    const records::Record &x = a.record(), &y = b.record();
    note(x.timestamp == y.timestamp, "timestamp");
    note(x.key == y.key, "key");
    note(x.value == y.value, "value");
    note(x.headers.size() == y.headers.size() &&
             std::equal(x.headers.begin(), x.headers.end(), y.headers.begin(),
                        [](const auto& p, const auto& q) { return p.key == q.key && p.value == q.value; }),
         "headers");
    note(producer_of(a) == producer_of(b), "producer");
    return members;
}

class Diff {
public:
    Diff(DumpRun& run, const std::vector<DumpFile>& a, const std::vector<DumpFile>& b, DumpTable& table)
        : run_(run), a_(run, a), b_(run, b), table_(table) {
        table_.columns(difference_columns, "", false);
    }

    Result<> run() {
        while (!run_.satisfied()) {
            KLOG_TRY(const auto x, a_.whole_batch());
            KLOG_TRY(const auto y, b_.whole_batch());
            if (x && y && same_batch(*x, *y)) {
                finish();
                a_.leave_batch();
                b_.leave_batch();
                continue;
            }
            KLOG_TRY_VOID(a_.advance());
            KLOG_TRY_VOID(b_.advance());
            if (a_.at_end() && b_.at_end()) break;
            compare();
        }
        finish();
        run_.out.flush();
        if (!first_) return {};
        run_.raise(Exit::item_failed);
        fmt::print(run_.words,
                   "klog: the logs differ from offset {} on: {} records only in A, {} only in B, {} differ\n", *first_,
                   only_a_, only_b_, differ_);
        return {};
    }

private:
    void compare() {
        const bool in_a = !a_.at_end() && (b_.at_end() || a_.record().offset <= b_.record().offset);
        const bool in_b = !b_.at_end() && (a_.at_end() || b_.record().offset <= a_.record().offset);
        if (in_a && in_b) {
            std::string members = differing(a_, b_);
            if (members.empty())
                finish();
            else
                note("differs", a_.record().offset.value, std::move(members)), ++differ_;
        } else if (in_a) {
            note("only_in_a", a_.record().offset.value, {}), ++only_a_;
        } else {
            note("only_in_b", b_.record().offset.value, {}), ++only_b_;
        }
        if (in_a) a_.take();
        if (in_b) b_.take();
    }

    void note(std::string_view what, std::int64_t offset, std::string members) {
        if (!first_) first_ = offset;
        if (row_.records > 0 && row_.what == what && row_.members == members) {
            row_.last = offset;
            ++row_.records;
            return;
        }
        finish();
        row_ = {what, offset, offset, 1, a_.position(), b_.position(), std::move(members)};
    }

    void finish() {
        if (row_.records == 0) return;
        table_.text(row_.what);
        table_.number(row_.first);
        table_.number(row_.last);
        table_.number(row_.records);
        row_.what == "only_in_b" ? table_.null() : table_.number(static_cast<std::int64_t>(row_.position_a));
        row_.what == "only_in_a" ? table_.null() : table_.number(static_cast<std::int64_t>(row_.position_b));
        row_.members.empty() ? table_.null() : table_.text(row_.members);
        table_.end_row();
        run_.counted();
        row_.records = 0;
    }

    struct Row {
        std::string_view what;
        std::int64_t first = 0, last = 0, records = 0;
        std::uint64_t position_a = 0, position_b = 0;  // Of the batch of the first record.
        std::string members;
    };

    DumpRun& run_;
    Side a_, b_;
    DumpTable& table_;
    Row row_;
    std::optional<std::int64_t> first_;
    std::int64_t only_a_ = 0, only_b_ = 0, differ_ = 0;
};

}  // namespace

void dump_diff(DumpRun& run, const std::vector<DumpFile>& a, const std::vector<DumpFile>& b, DumpTable& table) {
    if (auto done = Diff(run, a, b, table).run(); !done) run.fail("--diff", done.error());
}

}  // namespace klog::cmd
