// SPDX-License-Identifier: Apache-2.0
// klog produce: stdin to records, at the speed of the pipe. The options; the work is in produce_run.cc.
#include <unistd.h>

#include "cmd/produce.h"

namespace klog::cmd {
namespace {

using base::Errc;
using base::fail;
using base::Result;

constexpr std::int64_t count_max = 1'000'000'000;

struct Declared {
    explicit Declared(CLI::App& app) : options(app) {}
    Options options;
    ConnectionOptions connection;
    ProduceWish wish;
    std::vector<std::string> words, topics, headers;
    std::optional<std::string> delimiter, key_delimiter, format, input, framing, compression, acks, partitioner;
    std::optional<std::int64_t> linger_us, batch_bytes, batch_records;
    bool null_delimiter = false;
};

void declare_records(Declared& d) {
    Options& o = d.options;
    o.add({"-k,--key", "KEY", "the key of all records", "Records"}, d.wish.key);
    o.add({"-K,--key-delimiter", "DELIM", "what stands before it in a line is the key", "Records"}, d.key_delimiter);
    o.add({"-D,--delimiter", "DELIM", "what ends a record, instead of a newline", "Records"}, d.delimiter);
    o.add({"-0,--null", nullptr, "records end in NUL", "Records"}, d.null_delimiter);
    o.add({"-H,--header", "NAME=VALUE", "a header of all records; may be repeated", "Records"}, d.headers);
    o.add({"-Z,--tombstones", nullptr, "an empty value is no value (a tombstone)", "Records"}, d.wish.empty_is_null);
    o.add({"-f,--format", "FORMAT", "how to read records: '%k,%v\\n' (the language of consume -f)", "Records"},
          d.format);
    o.add({"-i,--input", "json|lines", "json: what consume -o json or kcat -J printed", "Records"}, d.input);
    o.add({"--framing", "KIND", "line, null, len32 or whole-file", "Records"}, d.framing);
    o.add({"-p,--partition", "PARTITION", "the partition of all records", "Records"},
          [&d](std::string_view text) -> Result<> {
              KLOG_TRY(const std::int64_t number, parse_integer(text));
              if (number < 0 || number > INT32_MAX)
                  return fail(Errc::invalid_argument, "there is no partition {}", number);
              d.wish.partition = base::PartitionId{static_cast<std::int32_t>(number)};
              return {};
          });
    o.add({"--partitioner", "NAME", "murmur2 (as Java), crc32 (as librdkafka), sticky, round-robin, random", "Records"},
          d.partitioner);
}

void declare_delivery(Declared& d) {
    Options& o = d.options;
    const auto number = [](std::optional<std::int64_t>& into, std::int64_t least, std::int64_t most, bool size) {
        return [&into, least, most, size](std::string_view text) -> Result<> {
            KLOG_TRY(into, size ? parse_size(text) : parse_integer(text));
            if (*into < least || *into > most)
                return fail(Errc::invalid_argument, "{} is not between {} and {}", text, least, most);
            return {};
        };
    };
    o.add({"--acks", "0|1|all", "who must have a record before it counts as delivered (all)", "Delivery"}, d.acks);
    o.add({"-z,--compression", "CODEC[:LEVEL]", "none, gzip, snappy, lz4 or zstd", "Delivery"}, d.compression);
    o.add({"--linger", "TIME", "how long a batch waits for more records (5ms)", "Delivery"},
          [&d](std::string_view text) -> Result<> {
              KLOG_TRY(d.linger_us, parse_duration_us(text));
              return {};
          });
    o.add({"--batch-bytes", "SIZE", "bytes of a batch before compression (256KiB)", "Delivery"},
          number(d.batch_bytes, 1, 1 << 30, true));
    o.add({"--batch-records", "N", "records of a batch", "Delivery"}, number(d.batch_records, 1, count_max, false));
    o.add({"--rate", "N[/s]", "records per second at most", "Delivery"}, [&d](std::string_view text) -> Result<> {
        if (text.ends_with("/s")) text.remove_suffix(2);
        KLOG_TRY(d.wish.rate, parse_size(text));
        if (*d.wish.rate < 1 || *d.wish.rate > count_max)
            return fail(Errc::invalid_argument, "{} is not between 1 and {}", text, count_max);
        return {};
    });
    o.add_flag_with_value({"--create", "PARTITIONS", "create the topic when it is not there", "Delivery"},
                          [&d](std::string_view text) -> Result<> {
                              d.wish.create = true;
                              if (text.empty()) return {};
                              KLOG_TRY(const std::int64_t number, parse_integer(text));
                              if (number < 1 || number > INT32_MAX)
                                  return fail(Errc::invalid_argument, "'{}' is not a number of partitions", text);
                              d.wish.create_partitions = static_cast<std::int32_t>(number);
                              return {};
                          });
    o.add({"--receipts", nullptr, "print for each delivered record: its number, topic, partition, offset", "Delivery"},
          d.wish.receipts);
}

Result<std::unique_ptr<RecordSource>> source_of(const Declared& d) {
    int ways = 0;
    for (const bool given :
         {d.format.has_value(), d.input == "json", d.framing && *d.framing != "line" && *d.framing != "null"})
        ways += given ? 1 : 0;
    if (ways > 1)
        return fail(Errc::invalid_argument, "-f, -i json and --framing are different ways to read the input: give one");
    if (d.input && *d.input != "json" && *d.input != "lines")
        return fail(Errc::invalid_argument, "-i is json or lines, not '{}'", *d.input);
    if (ways > 0 && (d.delimiter || d.null_delimiter || d.key_delimiter))
        return fail(Errc::invalid_argument, "-D, -0 and -K are for lines: not together with -f, -i json or --framing");
    if (d.format) {
        KLOG_TRY(Format format, Format::compile(*d.format));
        KLOG_TRY(FormatReader reader, FormatReader::make(std::move(format)));
        return format_source(std::move(reader));
    }
    if (d.input == "json") return json_source();
    if (d.framing == "len32") return length_source();
    if (d.framing == "whole-file") return whole_source();
    if (d.framing && *d.framing != "line" && *d.framing != "null")
        return fail(Errc::invalid_argument, "--framing is line, null, len32 or whole-file, not '{}'", *d.framing);
    std::string delimiter = "\n";
    if (d.delimiter) {
        KLOG_TRY(delimiter, unescape(*d.delimiter));
    }
    if (d.null_delimiter || d.framing == "null") delimiter.assign(1, '\0');
    std::optional<std::string> key_delimiter;
    if (d.key_delimiter) {
        KLOG_TRY(key_delimiter, unescape(*d.key_delimiter));
    }
    if (delimiter.empty() || key_delimiter == "")
        return fail(Errc::invalid_argument, "an empty delimiter parts nothing");
    return delimited_source(std::move(delimiter), std::move(key_delimiter));
}

Result<client::Config> config_of(const Declared& d) {
    KLOG_TRY(client::Config config, client_config(d.connection));
    if (d.compression) {
        KLOG_TRY(config.compression, client::parse_compression(*d.compression));
    }
    if (d.acks) {
        KLOG_TRY(config.acks, client::parse_acks(*d.acks));
    }
    if (d.partitioner) {
        KLOG_TRY(config.partitioner, client::parse_partitioner(*d.partitioner));
    }
    config.linger_us = d.linger_us.value_or(config.linger_us);
    config.batch_bytes = d.batch_bytes.value_or(config.batch_bytes);
    config.batch_records = d.batch_records.value_or(config.batch_records);
    return config;
}

/// Puts topic, headers and source of the wish together.
Result<> complete(Declared& d) {
    d.topics.insert(d.topics.end(), d.words.begin(), d.words.end());
    if (d.topics.size() > 1)
        return fail(Errc::invalid_argument, "produce writes to one topic; '{}' is one too many", d.topics[1]);
    if (!d.topics.empty()) d.wish.topic = d.topics[0];
    const bool names_topics =
        d.input == "json" || (d.format && Format::compile(*d.format).value_or(Format()).has(Verb::topic));
    if (!d.wish.topic && !names_topics) return fail(Errc::invalid_argument, "which topic? klog produce TOPIC");
    for (const std::string& header : d.headers) {
        const std::size_t equals = header.find('=');
        if (equals == std::string::npos) return fail(Errc::invalid_argument, "header '{}' is not NAME=VALUE", header);
        d.wish.headers.emplace_back(header.substr(0, equals), header.substr(equals + 1));
    }
    d.wish.spread_anew = d.partitioner.has_value();
    d.wish.value_named = !d.format || Format::compile(*d.format).value_or(Format()).has(Verb::value);
    KLOG_TRY(d.wish.source, source_of(d));
    return {};
}

}  // namespace

Run declare_produce(CLI::App& app) {
    const auto d = std::make_shared<Declared>(app);
    d->options.positional("TOPIC", "the topic", d->words);
    d->options.add({"-t,--topic", "TOPIC", "the same", "Cluster"}, d->topics);
    declare_records(*d);
    declare_delivery(*d);
    add_connection_options(d->options, d->connection);
    d->options.examples(
        "echo hello | klog produce demo --create\n"
        "tail -n +2 users.csv | klog produce users -K ,\n"
        "klog consume orders -e -o json | klog produce -b test:9092 orders -i json\n");
    const Run run = d->options.run([d = d.get()]() -> ExitCode {
        if (auto ready = complete(*d); !ready) return usage_error(ready.error().message);
        auto config = config_of(*d);
        if (!config) return usage_error(config.error().message);
        return run_produce(std::move(*config), d->wish);
    });
    return [d, run] { return run(); };
}

}  // namespace klog::cmd
