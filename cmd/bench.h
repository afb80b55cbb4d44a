// SPDX-License-Identifier: Apache-2.0
// klog bench: loads a cluster with prepared batches and measures. What the parts of it share; private to cmd/bench*.cc.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cmd/connection_options.h"
#include "cmd/latencies.h"
#include "cmd/output.h"
#include "core/client/cluster.h"
#include "core/client/run.h"

namespace klog::cmd {

struct BenchWish {
    ConnectionOptions connection;
    std::string topic;
    std::optional<std::int32_t> create_partitions;
    std::int64_t duration_us = 10'000'000;
    std::int64_t requests = 0;  // 0: until the time is up.
    std::int64_t record_bytes = 100;
    std::int64_t batch_bytes = 16 << 10;
    std::int64_t fetch_bytes = 1 << 20;
    std::int64_t connections = 1;     // To each leader.
    std::int64_t in_flight = 5;       // On each connection.
    std::vector<std::int64_t> rates;  // Requests per second, of all together; empty: as fast as answers come.
    std::int16_t acks = -1;
    records::Compression compression;
    std::int64_t pid = 0;  // Of the broker, when it runs here.
    OutputFormat output = OutputFormat::text;
};

/// One run at one rate.
struct BenchResult {
    std::int64_t rate = 0;  // What was asked for; 0: as fast as answers come.
    double seconds = 0;
    std::int64_t requests = 0, records = 0, bytes = 0, errors = 0;
    std::string first_error;
    /// From the moment at which a request was due to its answer; of produce and fetch.
    Latencies answer;
    /// From the moment at which a record was due to its arrival at the consumer; of `latency`.
    Latencies arrival;
    std::optional<double> broker_cpu_seconds;
    std::int64_t broker_resident_bytes = 0;
};

/// A partition, and the connections to its leader.
struct BenchTarget {
    base::PartitionId partition;
    std::vector<std::shared_ptr<client::Connection>> connections;
};

/// The topic, made where that was asked for, and connections to its leaders. The wish outlives whoever is given it.
struct BenchStage {
    client::TopicPtr topic;
    std::vector<BenchTarget> targets;
};
runtime::Task<base::Result<BenchStage>> set_stage(client::Cluster& cluster, const BenchWish* wish);

runtime::Task<base::Result<BenchResult>> bench_produce(client::Cluster& cluster, const BenchWish* wish,
                                                       std::int64_t rate);
runtime::Task<base::Result<BenchResult>> bench_fetch(client::Cluster& cluster, const BenchWish* wish,
                                                     std::int64_t rate);
runtime::Task<base::Result<BenchResult>> bench_latency(client::Cluster& cluster, const BenchWish* wish,
                                                       std::int64_t rate);

/// One batch of records of the wished sizes; `value` begins with `head`.
base::Result<std::string> prepared_batch(const BenchWish& wish, std::int64_t bytes, std::string_view head,
                                         std::int64_t* records);

/// One Produce request of a prepared batch; an error is the broker's or the connection's.
runtime::Task<base::Result<>> produce_once(client::Connection& connection, client::TopicPtr topic,
                                           base::PartitionId partition, std::shared_ptr<const std::string> batch,
                                           std::int16_t acks);

/// CPU seconds and resident bytes of a process so far. not_found: there is none.
struct ProcessUse {
    double cpu_seconds = 0;
    std::int64_t resident_bytes = 0;
};
base::Result<ProcessUse> use_of(std::int64_t pid);

/// Requests that are due at even distances and wait for nobody (an open loop), or, without a rate, as many at a time as
/// there are lanes (a closed one).
class BenchLoad {
public:
    /// Makes one request, that was due at that time; `lane` says which connection it may use.
    using One = std::function<runtime::Task<base::Result<>>(std::size_t lane, base::MonotonicTime due)>;

    BenchLoad(client::Cluster& cluster, const BenchWish& wish, std::int64_t rate, std::size_t lanes, One one);
    /// Until the time is up or the requests are made, and all are answered.
    runtime::Task<void> run();
    /// Requests, errors, times and answers, so far.
    BenchResult result;

private:
    bool more() const;
    runtime::Task<void> closed_lane(std::size_t lane);
    runtime::Task<void> open_loop();
    runtime::Task<void> due(std::size_t lane, base::MonotonicTime at);
    runtime::Task<void> request(std::size_t lane, base::MonotonicTime at);

    client::Cluster& cluster_;
    const BenchWish& wish_;
    const std::int64_t rate_;
    const std::size_t lanes_;
    One one_;
    base::MonotonicTime begun_, end_;
    std::int64_t issued_ = 0;
    std::size_t outstanding_ = 0;
    runtime::Scope scope_;
    runtime::Signal answered_;
};

}  // namespace klog::cmd
