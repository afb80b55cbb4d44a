// SPDX-License-Identifier: Apache-2.0
// klog consume: records to stdout. The options; the work is in consume_run.cc.
#include "cmd/consume.h"

#include <unistd.h>

#include "cmd/output.h"
#include "cmd/quantity.h"
#include "cmd/text_codec.h"
#include "core/base/clock.h"

namespace klog::cmd {
namespace {

using base::Errc;
using base::fail;
using base::Result;

constexpr const char* terminal_format = "%F %t/%p@%o %k{q} %v{q}\\n";
constexpr const char* colour_format = "\\x1b[2m%F %t/%p@%o\\x1b[0m \\x1b[36m%k{q}\\x1b[0m %v{q}\\n";

struct Declared {
    explicit Declared(CLI::App& app) : options(app) {}
    Options options;
    ConnectionOptions connection;
    ConsumeWish wish;
    std::vector<std::string> topics, partitions, filters;
    std::string offset = "start";
    std::optional<std::string> format, output, delimiter, key_delimiter, isolation;
    std::optional<std::int64_t> fetch_max_bytes;
    bool null_delimiter = false;
};

void declare(Declared& d) {
    Options& o = d.options;
    o.positional("TOPIC", "topics, each a word of its own", d.wish.topics.words);
    add_regex_option(o, d.wish.topics);
    o.add({"-t,--topic", "TOPIC", "the same; may be repeated", "What to read"}, d.topics);
    o.add({"-p,--partition", "N,...", "only these partitions", "What to read"}, d.partitions);
    o.add(
        {"--dir", "DIR", "read the files of a partition or data directory instead of asking a broker", "What to read"},
        d.wish.directory);
    o.add({"--offset", "OFFSETS", "start (default), end, N, N:M, +N, -N, ~N, @TIME, @T1:T2, :end, 0=N,1=M",
           "What to read"},
          d.offset);
    o.add({"-e,--exit-at-end", nullptr, "stop at the end instead of waiting for more", "What to read"},
          d.wish.stop_at_end);
    o.add({"-n,--count", "COUNT", "stop after so many records", "What to read"},
          [&d](std::string_view text) -> Result<> {
              KLOG_TRY(d.wish.count, parse_integer(text));
              if (*d.wish.count < 0) return fail(Errc::invalid_argument, "{} is not a count", text);
              return {};
          });
    o.add({"--grep", "[!]k:|v:|h.NAME:REGEX", "only records whose key, value or header matches; may be repeated",
           "What to read"},
          d.filters);
    o.add({"--isolation", "LEVEL", "committed (default) or uncommitted", "What to read"}, d.isolation);
    o.add({"--fetch-max-bytes", "SIZE", "bytes of one answer of a broker (16MiB)", "What to read"},
          [&d](std::string_view text) -> Result<> {
              KLOG_TRY(d.fetch_max_bytes, parse_size(text));
              if (*d.fetch_max_bytes < 1 || *d.fetch_max_bytes > INT32_MAX)
                  return fail(Errc::invalid_argument, "{} is not between 1 and 2GiB", text);
              return {};
          });
    o.add({"-f,--format", "FORMAT",
           "how to print a record: '%t/%p@%o %k %v\\n' (on a terminal time, place, key and value; else the value)",
           "Output"},
          d.format);
    o.add({"-o,--output", "text|json|ndjson", "json: one object a line, without loss", "Output"}, d.output);
    o.add({"-K,--key-delimiter", "DELIM", "print keys too, this behind a key; neither where there is none", "Output"},
          d.key_delimiter);
    o.add({"-D,--delimiter", "DELIM", "print this behind each record instead of a newline", "Output"}, d.delimiter);
    o.add({"-0,--null", nullptr, "print NUL behind each record", "Output"}, d.null_delimiter);
    add_connection_options(o, d.connection);
    o.examples(
        "klog consume demo -e\n"
        "klog consume app --offset @-1h:end --grep v:ERROR -f '%F %k %v\\n'\n"
        "klog consume --dir /mnt/disk/kafka/orders-0 --offset @2026-08-01:end -o json\n"
        "klog consume orders -e -o json | klog produce -b test:9092 orders -i json\n");
}

Result<Format> format_of(const Declared& d) {
    std::string delimiter = "\n";
    if (d.delimiter) {
        KLOG_TRY(delimiter, unescape(*d.delimiter));
    }
    if (d.null_delimiter) delimiter.assign(1, '\0');
    if (d.format) {
        KLOG_TRY(Format format, Format::compile(*d.format));
        if (d.delimiter || d.null_delimiter) format.append_literal(delimiter);
        return format;
    }
    const bool plain =
        d.delimiter || d.null_delimiter || d.key_delimiter || d.output == "text" || isatty(STDOUT_FILENO) == 0;
    if (!plain) return Format::compile(wants_colour() ? colour_format : terminal_format);
    Format format;
    if (d.key_delimiter) {
        KLOG_TRY(std::string between, unescape(*d.key_delimiter));
        format.append_key(std::move(between));
    }
    KLOG_TRY_VOID(format.append("%v"));
    format.append_literal(delimiter);
    return format;
}

Result<> complete(Declared& d) {
    std::vector<std::string>& words = d.wish.topics.words;
    words.insert(words.begin(), d.topics.begin(), d.topics.end());
    if (words.empty() && !d.wish.directory) return fail(Errc::invalid_argument, "which topic? klog consume TOPIC");
    KLOG_TRY_VOID(check(d.wish.topics));
    for (const std::string& list : d.partitions) {
        std::string_view rest = list;
        while (!rest.empty()) {
            const std::string_view one = rest.substr(0, rest.find(','));
            KLOG_TRY(const std::int64_t number, parse_integer(one));
            if (number < 0 || number > INT32_MAX)
                return fail(Errc::invalid_argument, "there is no partition {}", number);
            d.wish.partitions.push_back({static_cast<std::int32_t>(number)});
            rest.remove_prefix(std::min(one.size() + 1, rest.size()));
        }
    }
    KLOG_TRY(d.wish.offsets, parse_offsets(d.offset, base::system_clock().wall_ms()));
    for (const std::string& filter : d.filters) KLOG_TRY_VOID(d.wish.filter.add(filter));
    if (d.output && *d.output != "text" && *d.output != "json" && *d.output != "ndjson")
        return fail(Errc::invalid_argument, "-o is text, json or ndjson, not '{}'", *d.output);
    d.wish.json = d.output && *d.output != "text";
    if (d.wish.json && (d.format || d.delimiter || d.null_delimiter || d.key_delimiter))
        return fail(Errc::invalid_argument, "-o {} has its own form: not together with -f, -K, -D or -0", *d.output);
    KLOG_TRY(d.wish.format, format_of(d));
    return {};
}

Result<client::Config> config_of(const Declared& d) {
    KLOG_TRY(client::Config config, client_config(d.connection));
    config.fetch_max_bytes = d.fetch_max_bytes.value_or(config.fetch_max_bytes);
    if (!d.isolation) return config;
    if (*d.isolation == "committed" || *d.isolation == "read_committed")
        config.isolation = client::Isolation::read_committed;
    else if (*d.isolation == "uncommitted" || *d.isolation == "read_uncommitted")
        config.isolation = client::Isolation::read_uncommitted;
    else
        return fail(Errc::invalid_argument, "--isolation is committed or uncommitted, not '{}'", *d.isolation);
    return config;
}

}  // namespace

Run declare_consume(CLI::App& app) {
    const auto d = std::make_shared<Declared>(app);
    declare(*d);
    const Run run = d->options.run([d = d.get()]() -> ExitCode {
        if (auto ready = complete(*d); !ready) return usage_error(ready.error().message);
        auto config = config_of(*d);
        if (!config) return usage_error(config.error().message);
        if (d->wish.directory)
            return consume_directory(os::posix_disk(), d->wish, config->isolation == client::Isolation::read_committed,
                                     STDOUT_FILENO);
        return run_consume(std::move(*config), d->wish);
    });
    return [d, run] { return run(); };
}

}  // namespace klog::cmd
