// SPDX-License-Identifier: Apache-2.0
// klog dump-segment: what lies on disk. The options, and one file after the other.
#include <memory>

#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include "cmd/dump.h"
#include "cmd/options.h"
#include "cmd/quantity.h"
#include "core/base/clock.h"

namespace klog::cmd {
namespace {

using base::Errc;
using base::fail;
using base::Result;

struct Declared {
    explicit Declared(CLI::App& app) : options(app) {}
    Options options;
    DumpWish wish;
    std::optional<std::string> as, format, output, offset;
    bool offsets_decoder = false, transactions_decoder = false;
};

void declare(Declared& d) {
    Options& o = d.options;
    o.positional("FILE", "logs, indexes, snapshots, checkpoints, directories; - is a log on stdin", d.wish.paths);
    o.add({"-r,--records,--print-data-log", nullptr, "records instead of batches", "What to print"}, d.wish.records);
    o.add({"--verify", nullptr, "check CRCs, offsets and indexes instead; with -r every record", "What to print"},
          d.wish.verify);
    o.add({"--summary", nullptr, "figures about all of it instead", "What to print"}, d.wish.summary);
    o.add({"--map", nullptr, "what lies where in each log instead: batches, gaps, damage", "What to print"},
          d.wish.map);
    o.add(
        {"--diff", nullptr, "where the records of two logs differ instead; exit code 1 when they do", "What to print"},
        d.wish.diff);
    o.add({"-n,--count", "COUNT", "stop after so many rows", "What to print"}, [&d](std::string_view text) -> Result<> {
        KLOG_TRY(d.wish.count, parse_integer(text));
        if (*d.wish.count < 0) return fail(Errc::invalid_argument, "{} is not a count", text);
        return {};
    });
    o.add({"--offset", "RANGE", "start, N, N:M, +N, -N (the last N), @TIME, @T1:T2, :N", "What to print"}, d.offset);
    o.add({"--grep", "[!]k:|v:|h.NAME:REGEX", "only records whose key, value or header matches; may be repeated",
           "What to print"},
          [&d](std::string_view text) -> Result<> {
              d.wish.records = true;
              return d.wish.filter.add(text);
          });
    o.add({"--control", nullptr, "with -r: records of control batches too", "What to print"}, d.wish.control);
    o.add({"--raw", nullptr, "do not decode __consumer_offsets and __transaction_state", "What to print"}, d.wish.raw);
    o.add({"--offsets-decoder", nullptr, "decode records as those of __consumer_offsets", "What to print"},
          d.offsets_decoder);
    o.add({"--transaction-log-decoder", nullptr, "decode records as those of __transaction_state", "What to print"},
          d.transactions_decoder);
    o.add({"--deep-iteration", nullptr, "with -o kafka: records, without keys and values", "What to print"},
          d.wish.deep);
    o.add({"--skip-record-metadata", nullptr, "with -o kafka -r: keys and values only", "What to print"},
          d.wish.skip_metadata);
    o.add({"--as", "KIND",
           "what the files are, whatever their names say: log, index, timeindex, txnindex, snapshot, leader-epochs, "
           "checkpoint, properties",
           "What to print"},
          d.as);
    o.add({"--extract", nullptr, "write the good batches to new files, with new indexes", "Repair"}, d.wish.extract);
    o.add({"--rebuild-index", nullptr, "write new .index, .timeindex and .txnindex files", "Repair"},
          d.wish.rebuild_index);
    o.add({"--to", "DIR", "where the new files go; made when it is missing", "Repair"}, d.wish.to);
    o.add({"--in-place", nullptr, "let them take the place of the old files; needs --yes", "Repair"}, d.wish.in_place);
    o.add({"-y,--yes", nullptr, "do it", "Repair"}, d.wish.yes);
    o.add({"--dry-run", nullptr, "only say what would be written", "Repair"}, d.wish.dry_run);
    o.add_size({"--index-interval", "SIZE", "bytes of log between two entries of an index (4KiB)", "Repair"},
               d.wish.index_interval_bytes, 1, 1 << 30);
    o.add({"-f,--format", "FORMAT", "how to print a record (with -r): '%o %F %k %v\\n'", "Output"}, d.format);
    o.add({"-o,--output", "text|json|ndjson|csv|kafka",
           "json and ndjson: one object a line; kafka: as Apache Kafka's DumpLogSegments", "Output"},
          d.output);
    o.examples(
        "klog dump-segment klog-data/demo_0/00000000000000000000.log\n"
        "klog dump-segment --verify /var/lib/kafka/data/*/\n"
        "klog dump-segment --extract --to rescued /var/lib/kafka/data/orders-0\n"
        "klog dump-segment -r -f '%o %F %k %v\\n' /var/lib/kafka/data/orders-0\n"
        "zstdcat old.log.zst | klog dump-segment -r -o ndjson - | klog produce rescued -i json\n");
}

Result<> take_offsets(DumpWish& wish, std::string_view text) {
    KLOG_TRY(const OffsetExpression expression, parse_offsets(text, base::system_clock().wall_ms()));
    if (!expression.each.empty())
        return fail(Errc::invalid_argument, "--offset takes one range, not one per partition");
    if (expression.all.from.kind == Position::Kind::stored)
        return fail(Errc::invalid_argument, "files know of no group: --offset stored has no meaning here");
    wish.offsets = expression.all;
    return {};
}

/// What is done to whole files: one of these, and without what picks records.
Result<> check_modes(const Declared& d) {
    const DumpWish& wish = d.wish;
    const std::pair<bool, std::string_view> modes[] = {
        {wish.verify, "--verify"},   {wish.summary, "--summary"}, {wish.map, "--map"},
        {wish.extract, "--extract"}, {wish.diff, "--diff"},       {wish.rebuild_index, "--rebuild-index"}};
    std::string_view mode;
    for (const auto& [given, name] : modes) {
        if (!given) continue;
        if (!mode.empty()) return fail(Errc::invalid_argument, "{} and {} are two commands", mode, name);
        mode = name;
    }
    const bool repairs = wish.extract || wish.rebuild_index;
    if (!repairs && (wish.to || wish.in_place || wish.dry_run || wish.yes))
        return fail(Errc::invalid_argument,
                    "--to, --in-place, --yes and --dry-run go with --extract or --rebuild-index");
    if (repairs && wish.to.has_value() == wish.in_place)
        return fail(Errc::invalid_argument, "{} needs --to DIR or --in-place", mode);
    if (wish.diff && wish.paths.size() != 2)
        return fail(Errc::invalid_argument, "--diff compares two: klog dump-segment --diff A B");
    if (mode.empty()) return {};
    if (d.format || d.offset || !wish.filter.empty() || (wish.count && !wish.diff))
        return fail(Errc::invalid_argument, "{} looks at whole files: not together with -f, -n, --grep or --offset",
                    mode);
    if (wish.kafka) return fail(Errc::invalid_argument, "-o kafka prints whole files: not together with {}", mode);
    return {};
}

Result<> check_decoding(Declared& d) {
    DumpWish& wish = d.wish;
    if (d.offsets_decoder + d.transactions_decoder + wish.raw > 1)
        return fail(Errc::invalid_argument, "only one of --raw, --offsets-decoder and --transaction-log-decoder");
    if (d.offsets_decoder) wish.state = StateTopic::offsets;
    if (d.transactions_decoder) wish.state = StateTopic::transactions;
    if (wish.state || wish.skip_metadata) wish.records = true;
    if (wish.state && wish.format)
        return fail(Errc::invalid_argument, "-f prints records as they are: not together with a decoder");
    if (!wish.kafka && (wish.deep || wish.skip_metadata))
        return fail(Errc::invalid_argument, "--deep-iteration and --skip-record-metadata go with -o kafka");
    return {};
}

Result<> complete(Declared& d) {
    DumpWish& wish = d.wish;
    if (wish.paths.empty()) return fail(Errc::invalid_argument, "which file? klog dump-segment FILE");
    if (d.as) {
        KLOG_TRY(wish.as, parse_dump_kind(*d.as));
    }
    if (d.offset) KLOG_TRY_VOID(take_offsets(wish, *d.offset));
    if (d.format) {
        KLOG_TRY(wish.format, Format::compile(*d.format));
        wish.records = true;
    }
    const std::string output = d.output.value_or("text");
    if (output == "json" || output == "ndjson")
        wish.style = RowStyle::json;
    else if (output == "csv")
        wish.style = RowStyle::csv;
    else if (output == "text")
        wish.style = isatty(STDOUT_FILENO) != 0 ? RowStyle::aligned : RowStyle::tabs;
    else if (output == "kafka")
        wish.kafka = true;
    else
        return fail(Errc::invalid_argument, "-o is text, json, ndjson, csv or kafka, not '{}'", output);
    KLOG_TRY_VOID(check_modes(d));
    KLOG_TRY_VOID(check_decoding(d));
    if (wish.kafka && (d.offset || !wish.filter.empty()))
        return fail(Errc::invalid_argument, "-o kafka prints whole files: not together with --grep or --offset");
    if (d.format && d.output)
        return fail(Errc::invalid_argument, "-o {} has its own form: not together with -f", output);
    return {};
}

}  // namespace

Run declare_dump_segment(CLI::App& app) {
    const auto d = std::make_shared<Declared>(app);
    declare(*d);
    const Run run = d->options.run([d = d.get()]() -> ExitCode {
        if (auto ready = complete(*d); !ready) return usage_error(ready.error().message);
        return run_dump(os::posix_disk(), d->wish, STDOUT_FILENO);
    });
    return [d, run] { return run(); };
}

}  // namespace klog::cmd
