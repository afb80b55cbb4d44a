// SPDX-License-Identifier: Apache-2.0
// What `klog dump-segment` was asked to do, and what its parts share. Private to cmd/dump*.cc.
//
// dump_files.h recognises files, dump_stream.h reads logs, dump_rows.h prints tables; then one file for each thing that
// is done: dump_log.cc (batches and records), dump_small.cc (indexes, snapshots, checkpoints), dump_verify.cc,
// dump_summary.cc, dump_map.cc, dump_repair.cc, dump_diff.cc, dump_consume.cc, dump_kafka.cc. All of it runs on the
// main thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cmd/command.h"
#include "cmd/dump_files.h"
#include "cmd/dump_rows.h"
#include "cmd/dump_state.h"
#include "cmd/format.h"
#include "cmd/offsets_grammar.h"
#include "cmd/record_filter.h"
#include "core/base/error.h"
#include "core/os/disk.h"

namespace klog::cmd {

struct DumpWish {
    std::vector<std::string> paths;
    std::optional<DumpKind> as;  // Whatever the name says.
    bool records = false;
    bool verify = false;
    bool summary = false;
    bool map = false;
    bool rebuild_index = false;
    bool extract = false;
    bool diff = false;
    std::optional<std::string> to;  // The directory for what --extract and --rebuild-index make.
    bool in_place = false, yes = false, dry_run = false;
    std::int64_t index_interval_bytes = 4096;
    bool control = false;             // Records of control batches too.
    bool kafka = false;               // As Apache Kafka's tool prints it.
    bool deep = false;                // With kafka: records, but not what is in them.
    bool skip_metadata = false;       // With kafka: only what is in records.
    bool raw = false;                 // Do not decode by the topic's name.
    std::optional<StateTopic> state;  // Decode so, whatever the topic.
    RowStyle style = RowStyle::tabs;
    std::optional<Format> format;
    std::optional<OffsetRange> offsets;
    RecordFilter filter;
    std::optional<std::int64_t> count;
};

/// Batches of transactions that were aborted, and from where on nothing is decided.
struct HiddenRecords {
    std::int64_t undecided_from = std::numeric_limits<std::int64_t>::max();
    std::unordered_map<std::int64_t, std::vector<std::pair<std::int64_t, std::int64_t>>> aborted;

    /// In order of the markers.
    void add(base::ProducerId producer, std::int64_t first, std::int64_t marker) {
        aborted[producer.value].emplace_back(first, marker);
    }
    bool hides(base::ProducerId producer, std::int64_t offset) const {
        const auto found = aborted.find(producer.value);
        if (found == aborted.end()) return false;
        const auto next = std::ranges::lower_bound(found->second, offset, {}, [](const auto& t) { return t.second; });
        return next != found->second.end() && next->first <= offset;
    }
};

/// Which offsets and times are wanted, resolved against the files.
struct DumpWindow {
    std::int64_t from = std::numeric_limits<std::int64_t>::min();
    std::int64_t until = std::numeric_limits<std::int64_t>::max();
    std::optional<base::TimestampMs> from_time, until_time;  // Records at or after; before.
    const HiddenRecords* hidden = nullptr;
};

/// One run over all files: output, faults, exit code.
class DumpRun {
public:
    static constexpr std::size_t fault_lines_max = 1000;

    /// `its_words` gets what is not data: faults and what else there is to say.
    DumpRun(os::Disk& its_disk, const DumpWish& its_wish, int output, std::FILE* its_words = stderr)
        : disk(its_disk), wish(its_wish), words(its_words), out(output) {}

    os::Disk& disk;
    const DumpWish& wish;
    std::FILE* words;
    DumpOutput out;
    DumpWindow window;
    bool several_files = false;

    /// Something is wrong with the bytes of a file: a line of words, and exit code 7.
    void fault(std::string_view path, std::uint64_t position, std::string_view what);
    /// This file could not be looked at: a line of words. The worst exit code of all wins.
    void fail(std::string_view path, const base::Error& error);
    void raise(Exit exit);
    ExitCode exit_code() const { return code_of(exit_); }

    /// One more row was printed. False when no more are wanted.
    bool counted() { return ++rows_ < wish.count.value_or(std::numeric_limits<std::int64_t>::max()); }
    bool satisfied() const { return (wish.count && rows_ >= *wish.count) || out.failed(); }
    std::uint64_t rows() const { return static_cast<std::uint64_t>(rows_); }

private:
    Exit exit_ = Exit::done;
    std::int64_t rows_ = 0;
    std::size_t fault_lines_ = 0;
};

/// Batches or records of one log.
base::Result<> dump_log(DumpRun& run, const DumpFile& file, DumpTable& table);
/// Entries of an index, snapshot or checkpoint.
base::Result<> dump_small(DumpRun& run, const DumpFile& file, DumpTable& table);
/// Checks all files, those of a directory against each other.
void dump_verify(DumpRun& run, const std::vector<DumpFile>& files);
/// Prints figures about all logs together.
void dump_summary(DumpRun& run, const std::vector<DumpFile>& files);
/// Prints what lies where in each log.
void dump_map(DumpRun& run, const std::vector<DumpFile>& files, DumpTable& table);
/// --extract and --rebuild-index.
void dump_repair(DumpRun& run, const std::vector<DumpFile>& files, DumpTable& table);
/// Prints where two logs differ, each in one or more files; exit code 1 when they do.
void dump_diff(DumpRun& run, const std::vector<DumpFile>& a, const std::vector<DumpFile>& b, DumpTable& table);
/// As Apache Kafka's tool prints this file.
base::Result<> dump_kafka(DumpRun& run, const DumpFile& file);

/// Sets the run's window. What counts from an end looks into the first and the last of the logs.
base::Result<> resolve_window(DumpRun& run, const OffsetRange& range, const std::vector<DumpFile>& files);
/// Writes what is held; the exit code.
ExitCode finish_output(DumpRun& run);

ExitCode run_dump(os::Disk& disk, const DumpWish& wish, int output, std::FILE* words = stderr);

}  // namespace klog::cmd
