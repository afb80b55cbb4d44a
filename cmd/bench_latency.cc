// SPDX-License-Identifier: Apache-2.0
// klog bench latency: one record at a time, at even distances, from a producer through the cluster to a consumer in
// this process. Times count from when a record was due, not from when it could be sent: a stall is seen by all that
// were due in it.
#include <array>

#include "cmd/bench.h"
#include "core/base/big_endian.h"
#include "core/client/consumer.h"
#include "core/client/position.h"
#include "core/client/record_stream.h"

namespace klog::cmd {

using base::Errc;
using base::fail;
using base::Offset;
using base::Result;
using client::Cluster;
using runtime::Task;

namespace {

/// How long the consumer may take to get what was acknowledged.
constexpr std::chrono::seconds arrival_patience{30};

struct Arrivals {
    std::int64_t count = 0;
    Latencies latencies;
    std::string error;
    runtime::Signal came;
};

/// The moment at which a record was due stands at the front of its value.
Result<> take(client::Fetched fetched, const Cluster& cluster, Arrivals& arrivals) {
    client::RecordStream stream(std::move(fetched), false, client::Isolation::read_uncommitted);
    client::StreamRecord record;
    for (;;) {
        KLOG_TRY(const bool more, stream.next(record));
        if (!more) return {};
        if (!record.record.value || record.record.value->size() < sizeof(std::int64_t)) continue;
        const auto due_ns = base::load_big<std::int64_t>(record.record.value->data());
        arrivals.latencies.add(cluster.now().time_since_epoch().count() - due_ns);
        ++arrivals.count;
    }
}

Task<void> receive(client::Consumer* consumer, const Cluster* cluster, Arrivals* arrivals) {
    for (;;) {
        auto fetched = co_await consumer->next();
        if (!fetched || !*fetched) {
            if (!fetched) arrivals->error = fetched.error().message;
            break;
        }
        if (auto taken = take(std::move(**fetched), *cluster, *arrivals); !taken) {
            arrivals->error = taken.error().message;
            break;
        }
        arrivals->came.notify_all();
    }
    arrivals->came.notify_all();
}

Task<Result<>> send(const BenchStage* stage, const BenchWish* wish, const BenchTarget* target, std::size_t lane,
                    base::MonotonicTime due) {
    std::array<char, sizeof(std::int64_t)> head;
    base::store_big(head.data(), std::int64_t{due.time_since_epoch().count()});
    std::int64_t records = 0;
    KLOG_CO_TRY(std::string bytes, prepared_batch(*wish, 0, std::string_view(head.data(), head.size()), &records));
    auto batch = std::make_shared<const std::string>(std::move(bytes));
    co_return co_await produce_once(*target->connections[lane % target->connections.size()], stage->topic,
                                    target->partition, std::move(batch), wish->acks);
}

/// A consumer at the end of every partition.
Task<Result<std::vector<client::Stretch>>> ends_of(Cluster* cluster, const BenchStage* stage) {
    std::vector<client::OffsetQuestion> questions;
    for (const BenchTarget& target : stage->targets) questions.push_back({target.partition, client::latest_time});
    auto asking =
        client::list_offsets(*cluster, stage->topic->name, std::move(questions), client::Isolation::read_uncommitted);
    KLOG_CO_TRY(const auto answers, co_await std::move(asking));
    std::vector<client::Stretch> stretches;
    for (std::size_t i = 0; i < answers.size(); ++i)
        stretches.push_back({stage->targets[i].partition, answers[i].offset, {}});
    co_return stretches;
}

}  // namespace

Task<Result<BenchResult>> bench_latency(Cluster& cluster, const BenchWish* wish, std::int64_t rate) {
    auto setting = set_stage(cluster, wish);
    KLOG_CO_TRY(const BenchStage stage, co_await std::move(setting));
    auto asking = ends_of(&cluster, &stage);
    KLOG_CO_TRY(const auto ends, co_await std::move(asking));
    client::Consumer consumer(cluster, nullptr);
    consumer.assign(wish->topic, ends);
    Arrivals arrivals;
    runtime::Scope receiving;
    receiving.spawn(receive(&consumer, &cluster, &arrivals));
    std::size_t turn = 0;
    BenchLoad load(cluster, *wish, rate, static_cast<std::size_t>(wish->connections),
                   [&](std::size_t lane, base::MonotonicTime due) {
                       return send(&stage, wish, &stage.targets[turn++ % stage.targets.size()], lane, due);
                   });
    co_await load.run();
    const std::int64_t good = load.result.requests - load.result.errors;
    const auto patience = cluster.now() + arrival_patience;
    while (arrivals.count < good && arrivals.error.empty() && cluster.now() < patience)
        co_await arrivals.came.wait(patience);
    co_await consumer.close();
    co_await receiving.join();
    if (!arrivals.error.empty()) co_return fail(Errc::io, "the consumer: {}", arrivals.error);
    if (arrivals.count < good)
        co_return fail(Errc::timed_out, "{} of {} acknowledged records did not arrive", good - arrivals.count, good);
    load.result.records = good;
    load.result.bytes = good * wish->record_bytes;
    load.result.arrival = std::move(arrivals.latencies);
    co_return std::move(load.result);
}

}  // namespace klog::cmd
