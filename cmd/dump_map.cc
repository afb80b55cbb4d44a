// SPDX-License-Identifier: Apache-2.0
// --map: what lies where in a log, gaps in its offsets and damage included. A picture with one letter for each cell of
// the file and a line for each gap and damage; or, for programs, one row for each stretch.
#include <algorithm>

#include <fmt/format.h>

#include "cmd/dump.h"
#include "cmd/dump_walk.h"
#include "cmd/quantity.h"
#include "core/records/batch.h"

namespace klog::cmd {
namespace {

using base::Result;
using records::EntryView;

const std::vector<RowColumn> stretch_columns = {
    {"what", -7},   {"position", 11}, {"size", 11},  {"first_offset", 12}, {"last_offset", 12},
    {"batches", 8}, {"records", 9},   {"codec", -7}, {"flags", -5},        {"damage", 0}};

constexpr std::size_t cells_per_line = 64, lines_max = 16;

std::string_view codec_name(std::uint8_t bits) {
    return bits <= 4 ? records::name_of(static_cast<records::Codec>(bits)) : "unknown";
}

/// A run of batches of one codec and one kind whose offsets follow each other; or a gap; or damage.
struct MapRow {
    std::string_view what = "batches";
    std::uint64_t position = 0, size = 0;
    std::int64_t first = 0, last = -1;
    std::uint64_t batches = 0, records = 0;
    std::uint8_t codec = 0;
    std::string flags;
    std::string damage;

    bool continues(const MapRow& row) const {
        return row.what == what && row.codec == codec && row.flags == flags && row.first == last + 1;
    }
};

MapRow row_of(const EntryView& entry, std::uint64_t position) {
    MapRow row;
    row.position = position;
    row.size = entry.size();
    row.first = entry.base_offset().value;
    row.last = entry.last_offset().value;
    row.batches = 1;
    row.codec = entry.codec_bits();
    if (!entry.is_batch()) {
        row.records = 1;
        row.flags = fmt::format("v{}", entry.magic());
        return row;
    }
    const records::HeaderView header(entry.bytes().data());
    row.records = static_cast<std::uint64_t>(std::max(header.count(), 0));
    if (header.transactional()) row.flags += 'T';
    if (header.control()) row.flags += 'C';
    if (row.flags.empty()) row.flags = "-";
    return row;
}

/// The letter of a cell; where several things lie in it, the one further to the right here is shown.
constexpr std::string_view letters = " .gslzTC0~!";

char letter_of(const MapRow& row) {
    if (row.what == "damage") return row.damage.starts_with("zeros") ? '0' : '!';
    if (row.what == "gap") return '~';
    if (row.flags.find('C') != std::string::npos) return 'C';
    if (row.flags.find('T') != std::string::npos) return 'T';
    constexpr std::string_view codecs = ".gslz";
    return row.codec < codecs.size() ? codecs[row.codec] : '!';
}

class FileMap {
public:
    FileMap(DumpRun& run, const DumpFile& file, DumpTable& table) : run_(run), file_(file), table_(table) {}

    Result<> run() {
        picture_ = run_.wish.style == RowStyle::tabs || run_.wish.style == RowStyle::aligned;
        if (picture_)
            start_picture();
        else
            table_.columns(stretch_columns, file_.path, true);
        KLOG_TRY(LogWalk walk, LogWalk::open(run_.disk, file_.path));
        for (;;) {
            KLOG_TRY(const auto stretch, walk.next());
            if (!stretch) break;
            if (stretch->entry)
                batch(row_of(*stretch->entry, stretch->position));
            else
                damage(*stretch);
        }
        finish(held_);
        if (picture_) print_picture(walk.position());
        return {};
    }

private:
    void start_picture() {
        const auto info = run_.disk.info(file_.path);
        const std::uint64_t bytes = info && !file_.is_stdin() ? info->size : 0;
        cell_bytes_ = 1;
        while (cell_bytes_ * cells_per_line * lines_max < bytes || (bytes == 0 && cell_bytes_ < (1u << 20)))
            cell_bytes_ *= 2;
        // A small log is one line.
        while (cell_bytes_ < 4096 && cell_bytes_ * cells_per_line < bytes) cell_bytes_ *= 2;
    }

    void batch(MapRow row) {
        offset_before(row);
        records_ += row.records;
        batches_ += row.batches;
        if (!first_) first_ = row.first;
        last_ = row.last;
        if (picture_) paint(row);
        if (held_ && held_->continues(row)) {
            held_->size += row.size;
            held_->last = row.last;
            held_->batches += row.batches;
            held_->records += row.records;
            return;
        }
        finish(held_);
        held_ = std::move(row);
    }

    /// Offsets that are left out in front of a batch, or by it. A compressed message of an old format says only its
    /// last offset.
    void offset_before(const MapRow& row) {
        if (!last_ || row.first <= *last_ + 1 || (row.codec != 0 && row.flags.starts_with('v'))) return;
        MapRow gap;
        gap.what = "gap";
        gap.position = row.position;
        gap.first = *last_ + 1;
        gap.last = row.first - 1;
        gap.flags = "-";
        finish(held_);
        if (picture_) paint(gap);
        finish(gap);
    }

    void damage(const LogWalk::Stretch& stretch) {
        finish(held_);
        MapRow row;
        row.what = "damage";
        row.position = stretch.position;
        row.size = stretch.size;
        row.flags = "-";
        row.damage = stretch.damage;
        if (picture_) paint(row);
        finish(row);
        run_.raise(Exit::corrupt);
    }

    void finish(std::optional<MapRow> row) {
        if (!row) return;
        if (picture_)
            note(*row);
        else
            print_row(*row);
        held_.reset();
    }

    void print_row(const MapRow& row) {
        const bool batches = row.what == "batches", damage = row.what == "damage";
        const auto number = [&](bool there, std::int64_t number) { there ? table_.number(number) : table_.null(); };
        table_.text(row.what);
        table_.number(static_cast<std::int64_t>(row.position));
        table_.number(static_cast<std::int64_t>(row.size));
        number(!damage, row.first);
        number(!damage, row.last);
        number(batches, static_cast<std::int64_t>(row.batches));
        number(batches, static_cast<std::int64_t>(row.records));
        batches ? table_.text(codec_name(row.codec)) : table_.null();
        batches ? table_.text(row.flags) : table_.null();
        damage ? table_.text(row.damage) : table_.null();
        table_.end_row();
    }

    /// A line for what the picture only hints at.
    void note(const MapRow& row) {
        if (row.what == "batches") return;
        if (++notes_ > DumpRun::fault_lines_max) return;
        auto to = std::back_inserter(notes_text_);
        if (row.what == "gap")
            fmt::format_to(to, "{:>11}  ~  offsets {} to {} are left out\n", row.position, row.first, row.last);
        else
            fmt::format_to(to, "{:>11}  {}  {} bytes: {}\n", row.position, letter_of(row), row.size, row.damage);
    }

    void paint(const MapRow& row) {
        const char letter = letter_of(row);
        const std::uint64_t end = row.position + std::max<std::uint64_t>(row.size, 1);
        while ((end - 1) / cell_bytes_ >= cells_per_line * lines_max) double_cells();
        cells_.resize(std::max<std::size_t>(cells_.size(), (end - 1) / cell_bytes_ + 1), ' ');
        for (std::uint64_t cell = row.position / cell_bytes_; cell * cell_bytes_ < end; ++cell)
            raise_cell(cells_[cell], letter);
    }

    static void raise_cell(char& cell, char letter) {
        if (letters.find(letter) > letters.find(cell)) cell = letter;
    }

    /// The log is larger than was known: cells become twice as large.
    void double_cells() {
        cell_bytes_ *= 2;
        for (std::size_t i = 0; i < cells_.size(); ++i) {
            const char letter = cells_[i];
            if (i % 2 == 0)
                cells_[i / 2] = letter;
            else
                raise_cell(cells_[i / 2], letter);
        }
        cells_.resize((cells_.size() + 1) / 2);
    }

    void print_picture(std::uint64_t bytes) {
        std::string& out = run_.out.text();
        auto to = std::back_inserter(out);
        fmt::format_to(to, "{}: {}, {} batches, {} records", file_.is_stdin() ? "stdin" : file_.path,
                       human_bytes(static_cast<std::int64_t>(bytes)), batches_, records_);
        if (first_) fmt::format_to(to, ", offsets {} to {}", *first_, *last_);
        fmt::format_to(to, "; a letter is {}\n", human_bytes(static_cast<std::int64_t>(cell_bytes_)));
        for (std::size_t at = 0; at < cells_.size(); at += cells_per_line)
            fmt::format_to(to, "{:>11}  {}\n", at * cell_bytes_, std::string_view(cells_).substr(at, cells_per_line));
        out += notes_text_;
        if (notes_ > DumpRun::fault_lines_max)
            fmt::format_to(to, "{:>11}     {} more are not listed\n", "", notes_ - DumpRun::fault_lines_max);
        run_.out.maybe_flush();
    }

    DumpRun& run_;
    const DumpFile& file_;
    DumpTable& table_;
    bool picture_ = false;
    std::uint64_t cell_bytes_ = 1;
    std::string cells_;
    std::optional<MapRow> held_;
    std::optional<std::int64_t> first_, last_;
    std::uint64_t batches_ = 0, records_ = 0;
    std::uint64_t notes_ = 0;
    std::string notes_text_;
};

}  // namespace

void dump_map(DumpRun& run, const std::vector<DumpFile>& files, DumpTable& table) {
    bool any = false;
    for (const DumpFile& file : files) {
        if (!is_log(file.kind)) continue;
        any = true;
        if (auto done = FileMap(run, file, table).run(); !done) run.fail(file.path, done.error());
    }
    const bool picture = run.wish.style == RowStyle::tabs || run.wish.style == RowStyle::aligned;
    if (any && picture)
        run.out.text() +=
            "             . none  g gzip  s snappy  l lz4  z zstd  T transactional  C control  "
            "~ offsets left out  0 zeros  ! damage\n";
}

}  // namespace klog::cmd
