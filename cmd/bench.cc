// SPDX-License-Identifier: Apache-2.0
// klog bench produce|fetch|latency: the options and the report; the load is in bench_load.cc and bench_latency.cc.
#include "cmd/bench.h"

#include <unistd.h>

#include "cmd/cluster_command.h"
#include "cmd/errors.h"
#include "cmd/options.h"
#include "cmd/pipes.h"
#include "cmd/quantity.h"

namespace klog::cmd {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using client::Cluster;
using runtime::Task;

using Bench = Task<Result<BenchResult>> (*)(Cluster&, const BenchWish*, std::int64_t rate);

constexpr std::int64_t rate_max = 10'000'000;
constexpr std::int64_t latency_rate = 1000;

double ms(std::int64_t ns) { return static_cast<double>(ns) / 1e6; }

std::string fixed(double number, int digits = 3) { return fmt::format("{:.{}f}", number, digits); }

void add_percentiles(std::vector<Cell>& row, const Latencies& latencies) {
    for (const double share : {0.5, 0.9, 0.99, 0.999, 0.9999})
        row.emplace_back(fixed(ms(latencies.percentile_ns(share))));
    row.emplace_back(fixed(ms(latencies.max_ns())));
}

Listing listing_of(bool arrivals) {
    std::vector<Column> columns{{"rate", Column::number},
                                {"seconds", Column::number},
                                {"requests", Column::number},
                                {"errors", Column::number},
                                {"records", Column::number},
                                {"requests_per_second", Column::number, true},
                                {"records_per_second", Column::number},
                                {"mb_per_second", Column::number}};
    static constexpr std::string_view answer_names[] = {"p50_ms",   "p90_ms",    "p99_ms",
                                                        "p99_9_ms", "p99_99_ms", "max_ms"};
    static constexpr std::string_view arrival_names[] = {"end_to_end_p50_ms",    "end_to_end_p90_ms",
                                                         "end_to_end_p99_ms",    "end_to_end_p99_9_ms",
                                                         "end_to_end_p99_99_ms", "end_to_end_max_ms"};
    for (const auto name : answer_names) columns.push_back({name, Column::number});
    if (arrivals)
        for (const auto name : arrival_names) columns.push_back({name, Column::number});
    columns.push_back({"broker_cpu_s_per_gb", Column::number, true});
    columns.push_back({"broker_cpu_us_per_request", Column::number, true});
    columns.push_back({"broker_resident_bytes", Column::number, true});
    return Listing("klog.bench/1", "runs", std::move(columns));
}

void add_result(Listing& listing, const BenchResult& r, bool arrivals) {
    const auto per = [](double amount, double of) { return of > 0 ? amount / of : 0; };
    std::vector<Cell> row{r.rate > 0 ? Cell(r.rate) : Cell(),
                          fixed(r.seconds),
                          r.requests,
                          r.errors,
                          r.records,
                          static_cast<std::int64_t>(per(static_cast<double>(r.requests), r.seconds)),
                          static_cast<std::int64_t>(per(static_cast<double>(r.records), r.seconds)),
                          fixed(per(static_cast<double>(r.bytes) / 1e6, r.seconds), 2)};
    add_percentiles(row, r.answer);
    if (arrivals) add_percentiles(row, r.arrival);
    if (r.broker_cpu_seconds) {
        row.emplace_back(fixed(per(*r.broker_cpu_seconds, static_cast<double>(r.bytes) / 1e9)));
        row.emplace_back(fixed(per(*r.broker_cpu_seconds * 1e6, static_cast<double>(r.requests)), 2));
        row.emplace_back(r.broker_resident_bytes);
    } else {
        row.insert(row.end(), 3, Cell());
    }
    listing.add(std::move(row));
}

Task<int> measure(Cluster* cluster, const BenchWish* wish, Bench bench, bool arrivals) {
    Listing listing = listing_of(arrivals);
    ExitCode code = code_of(Exit::done);
    for (const std::int64_t rate : wish->rates) {
        auto running = bench(*cluster, wish, rate);
        const auto result = co_await std::move(running);
        if (!result) co_return complain(wish->topic, result.error());
        if (result->errors > 0) {
            say(fmt::format("{}: {} of {} requests failed; the first said: {}", wish->topic, result->errors,
                            result->requests, result->first_error));
            code = code_of(Exit::item_failed);
        }
        add_result(listing, *result, arrivals);
    }
    const auto written = write_stdout(listing.render(wish->output, isatty(STDOUT_FILENO) != 0));
    co_return written ? code : complain("", written.error());
}

Result<> add_rates(std::string_view text, std::vector<std::int64_t>& rates) {
    while (!text.empty()) {
        const std::string_view one = text.substr(0, text.find(','));
        KLOG_TRY(const std::int64_t rate, parse_size(one));
        if (rate < 1 || rate > rate_max)
            return fail(Errc::invalid_argument, "{} is not between 1 and {}", one, rate_max);
        rates.push_back(rate);
        text.remove_prefix(std::min(one.size() + 1, text.size()));
    }
    return {};
}

struct Kind {
    const char* name;
    const char* summary;
    Bench bench;
    bool produces, fetches, arrivals;
};
constexpr Kind kinds[] = {
    {"produce", "Send prepared batches and time their acknowledgements", bench_produce, true, false, false},
    {"fetch", "Read partitions round and round and throw the bytes away", bench_fetch, false, true, false},
    {"latency", "Send single records at a rate and time their way to a consumer", bench_latency, true, false, true},
};

void declare_load(Options& o, BenchWish& wish, const Kind& kind) {
    o.add_duration({"-d,--duration", "TIME", "how long one run takes (10s)", "Load"}, wish.duration_us);
    o.add_integer({"-n,--requests", "N", "end after so many requests instead", "Load"}, wish.requests, 1,
                  INT64_MAX / 2);
    o.add({"--rate", "N,...", "requests a second, sent when they are due, a run for each rate", "Load"},
          [&wish](std::string_view text) { return add_rates(text, wish.rates); });
    o.add_integer({"--connections", "N", "to each leader (1)", "Load"}, wish.connections, 1, 1000);
    if (!kind.arrivals)
        o.add_integer({"--in-flight", "N", "requests on a connection, without a rate (5)", "Load"}, wish.in_flight, 1,
                      1000);
    if (kind.fetches)
        o.add_size({"--fetch-bytes", "SIZE", "bytes of one answer (1MiB)", "Load"}, wish.fetch_bytes, 1, 1 << 30);
    if (!kind.produces) return;
    o.add_size({"--record-bytes", "SIZE", "the value of a record (100)", "Load"}, wish.record_bytes, 0, 1 << 30);
    if (!kind.arrivals)
        o.add_size({"--batch-bytes", "SIZE", "of a batch, before compression (16KiB)", "Load"}, wish.batch_bytes, 1,
                   1 << 30);
    o.add({"-z,--compression", "CODEC[:LEVEL]", "none, gzip, snappy, lz4 or zstd", "Load"},
          [&wish](std::string_view text) -> Result<> {
              KLOG_TRY(wish.compression, client::parse_compression(text));
              return {};
          });
    o.add({"--acks", kind.arrivals ? "1|all" : "0|1|all", "who must have a record before it is acknowledged (all)",
           "Load"},
          [&wish, &kind](std::string_view text) -> Result<> {
              KLOG_TRY(wish.acks, client::parse_acks(text));
              if (kind.arrivals && wish.acks == 0)
                  return fail(Errc::invalid_argument, "nothing is acknowledged with 0");
              return {};
          });
    o.add_flag_with_value({"--create", "PARTITIONS", "create the topic when it is not there", "Load"},
                          [&wish](std::string_view text) -> Result<> {
                              KLOG_TRY(const std::int64_t number,
                                       text.empty() ? Result<std::int64_t>(1) : parse_integer(text));
                              if (number < 1 || number > INT32_MAX)
                                  return fail(Errc::invalid_argument, "'{}' is not a number of partitions", text);
                              wish.create_partitions = static_cast<std::int32_t>(number);
                              return {};
                          });
}

struct Declared {
    BenchWish wish;
    std::vector<std::string> words;
};

void declare_kind(Options& bench, const Kind& kind) {
    Options& o = bench.subcommand(kind.name, kind.summary);
    const auto d = std::make_shared<Declared>();
    o.positional("TOPIC", "the topic to use", d->words);
    declare_load(o, d->wish, kind);
    o.add_integer({"--pid", "PID", "of the broker, when it runs here: its CPU and memory are reported", "Output"},
                  d->wish.pid, 1, INT32_MAX);
    add_output_option(o, d->wish.output);
    add_connection_options(o, d->wish.connection);
    o.then([d, &kind]() -> ExitCode {
        if (d->words.size() != 1) return usage_error(fmt::format("which topic? klog bench {} TOPIC", kind.name));
        d->wish.topic = d->words[0];
        if (d->wish.pid > 0)
            if (const auto use = use_of(d->wish.pid); !use) return complain("", use.error());
        if (d->wish.rates.empty()) d->wish.rates.push_back(kind.arrivals ? latency_rate : 0);
        return on_cluster(d->wish.connection,
                          [&](Cluster& cluster) { return measure(&cluster, &d->wish, kind.bench, kind.arrivals); });
    });
}

}  // namespace

Run declare_bench(CLI::App& app) {
    const auto options = std::make_shared<Options>(app);
    for (const Kind& kind : kinds) declare_kind(*options, kind);
    const Run run = options->run([] { return code_of(Exit::usage); });
    return [options, run] { return run(); };
}

}  // namespace klog::cmd
