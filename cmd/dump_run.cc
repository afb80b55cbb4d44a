// SPDX-License-Identifier: Apache-2.0
// One run of dump-segment over its files: order, faults, exit code.
#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "cmd/dump.h"
#include "core/log/entry_scanner.h"

namespace klog::cmd {
namespace {

using base::Errc;
using base::Result;

Exit exit_of(Errc code) {
    switch (code) {
        case Errc::not_found: return Exit::not_found;
        case Errc::not_authorized: return Exit::not_allowed;
        case Errc::invalid_argument: return Exit::usage;
        case Errc::corrupt:
        case Errc::truncated:
        case Errc::unsupported_version: return Exit::corrupt;
        default: return Exit::item_failed;
    }
}

/// First and next offset of a log, as far as it is whole.
struct Bounds {
    std::int64_t first = 0, end = 0;
};
Result<Bounds> bounds_of(DumpRun& run, const DumpFile& file) {
    KLOG_TRY(const auto disk_file, run.disk.open(file.path, os::Open::read));
    KLOG_TRY(const std::uint64_t size, disk_file->size());
    log::EntryScanner scanner(*disk_file, 0, size, log::EntryScanner::Depth::headers);
    Bounds bounds{file.base_offset.value_or(base::Offset{0}).value, file.base_offset.value_or(base::Offset{0}).value};
    bool first = true;
    for (;;) {
        const auto entry = scanner.next();
        if (!entry || !*entry) return bounds;  // What is damaged is said when it is printed.
        if (first) bounds.first = (*entry)->first_offset.value;
        first = false;
        bounds.end = (*entry)->last_offset.value + 1;
    }
}

void dump_file(DumpRun& run, const DumpFile& file, DumpTable& table) {
    const auto done = run.wish.kafka      ? dump_kafka(run, file)
                      : is_log(file.kind) ? dump_log(run, file, table)
                                          : dump_small(run, file, table);
    if (!done) run.fail(file.path, done.error());
}

}  // namespace

Result<> resolve_window(DumpRun& run, const OffsetRange& range, const std::vector<DumpFile>& files) {
    std::vector<DumpFile> logs;
    std::ranges::copy_if(files, std::back_inserter(logs), [](const DumpFile& f) { return is_log(f.kind); });
    const auto needs_bounds = [](const Position& p) {
        return p.kind == Position::Kind::after_start || p.kind == Position::Kind::before_end ||
               p.kind == Position::Kind::last_in_all || p.kind == Position::Kind::end;
    };
    Bounds bounds;
    if (needs_bounds(range.from)) {
        if (logs.empty() || logs.front().is_stdin())
            return base::fail(Errc::invalid_argument, "--offset counts from an end, which only files of logs have");
        KLOG_TRY(const Bounds first, bounds_of(run, logs.front()));
        KLOG_TRY(const Bounds last, bounds_of(run, logs.back()));
        bounds = {first.first, last.end};
    }
    switch (range.from.kind) {
        case Position::Kind::start:
        case Position::Kind::stored: break;
        case Position::Kind::at: run.window.from = range.from.number; break;
        case Position::Kind::end: run.window.from = bounds.end; break;
        case Position::Kind::after_start: run.window.from = bounds.first + range.from.number; break;
        case Position::Kind::before_end:
        case Position::Kind::last_in_all: run.window.from = bounds.end - range.from.number; break;
        case Position::Kind::at_time: run.window.from_time = range.from.number; break;
    }
    if (!range.until) return {};
    if (range.until->kind == Position::Kind::at) run.window.until = range.until->number;
    if (range.until->kind == Position::Kind::at_time) run.window.until_time = range.until->number;
    return {};
}

void DumpRun::fault(std::string_view path, std::uint64_t position, std::string_view what) {
    out.flush();  // What was good stands before the line.
    raise(Exit::corrupt);
    if (++fault_lines_ > fault_lines_max) return;
    const std::string_view shown = path == standard_input ? "stdin" : path;
    fmt::print(words, "klog: {}: at {}: {}\n", shown, position, what);
    if (fault_lines_ == fault_lines_max) fmt::print(words, "klog: further faults are not listed\n");
}

void DumpRun::fail(std::string_view path, const base::Error& error) {
    out.flush();
    raise(exit_of(error.code));
    const std::string_view what = error.message;
    // Errors of the disk name the file themselves.
    if (what.starts_with(path))
        fmt::print(words, "klog: {}\n", what);
    else
        fmt::print(words, "klog: {}: {}\n", path == standard_input ? "stdin" : path, what);
}

ExitCode finish_output(DumpRun& run) {
    run.out.flush();
    if (run.out.failed()) {
        fmt::print(run.words, "klog: {}\n", run.out.failure());
        run.raise(Exit::item_failed);
    }
    return run.exit_code();
}

void DumpRun::raise(Exit exit) {
    if (exit_ != Exit::corrupt && (exit == Exit::corrupt || exit_ == Exit::done)) exit_ = exit;
}

namespace {

std::vector<DumpFile> files_at(DumpRun& run, const std::string& path) {
    auto files = expand(run.disk, path, run.wish.as, run.wish.verify ? Expand::everything : Expand::logs);
    if (!files) {
        run.fail(path, files.error());
        return {};
    }
    const auto one_log = [&](const DumpFile& file) {
        return is_log(file.kind) && os::parent_of(file.path) == os::parent_of(files->front().path);
    };
    if (run.wish.diff && !std::ranges::all_of(*files, one_log)) {
        run.fail(path, base::Error{Errc::invalid_argument, "--diff takes logs, each of one partition"});
        return {};
    }
    return std::move(*files);
}

void dump_files(DumpRun& run, std::vector<std::vector<DumpFile>> found, DumpTable& table) {
    const DumpWish& wish = run.wish;
    std::vector<DumpFile> files;
    for (auto& some : found) files.insert(files.end(), some.begin(), some.end());
    if (wish.offsets)
        if (auto ready = resolve_window(run, *wish.offsets, files); !ready) return run.fail("--offset", ready.error());
    run.several_files = files.size() > 1;
    if (wish.verify) return dump_verify(run, files);
    if (wish.summary) return dump_summary(run, files);
    if (wish.map) return dump_map(run, files, table);
    if (wish.extract || wish.rebuild_index) return dump_repair(run, files, table);
    for (const DumpFile& file : files) {
        if (run.satisfied()) break;
        dump_file(run, file, table);
    }
}

}  // namespace

ExitCode run_dump(os::Disk& disk, const DumpWish& wish, int output, std::FILE* words) {
    DumpRun run(disk, wish, output, words);
    DumpTable table(run.out, wish.style);
    std::vector<std::vector<DumpFile>> found;
    for (const std::string& path : wish.paths) found.push_back(files_at(run, path));
    if (!wish.diff)
        dump_files(run, std::move(found), table);
    else if (!found[0].empty() && !found[1].empty())
        dump_diff(run, found[0], found[1], table);
    return finish_output(run);
}

}  // namespace klog::cmd
