// SPDX-License-Identifier: Apache-2.0
// The load of klog bench: when requests are due, and what one of them is.
#include <fstream>
#include <sstream>

#include <unistd.h>

#include "cmd/bench.h"
#include "core/client/admin.h"
#include "core/client/errors.h"
#include "core/records/builder.h"
#include "core/wire/messages/00_produce.h"
#include "core/wire/messages/01_fetch.h"

namespace klog::cmd {

using base::Errc;
using base::fail;
using base::Offset;
using base::Result;
using client::Cluster;
using runtime::Task;

namespace {

/// Requests of an open loop that may wait for their answers. Those beyond are late, and are counted from when they
/// were due all the same.
constexpr std::size_t outstanding_max = 10'000;

/// Versions that name topics by id.
constexpr wire::Version produce_by_id_since = 13, fetch_by_id_since = 13;

}  // namespace

Task<Result<BenchStage>> set_stage(Cluster& cluster, const BenchWish* wish) {
    auto expect = Cluster::Expect::exists;
    if (wish->create_partitions) {
        std::vector<client::NewTopic> topics{{wish->topic, *wish->create_partitions, -1, {}}};
        auto creating = client::create_topics(cluster, std::move(topics));
        KLOG_CO_TRY(const auto created, co_await std::move(creating));
        if (created.front().error && created.front().error->code != Errc::exists)
            co_return std::unexpected(*created.front().error);
        expect = Cluster::Expect::appears;
    }
    BenchStage stage;
    KLOG_CO_TRY(stage.topic, co_await cluster.topic(wish->topic, expect));
    std::map<base::NodeId, std::vector<std::shared_ptr<client::Connection>>> leaders;
    for (const auto& partition : stage.topic->partitions) {
        if (partition.leader == base::no_node)
            co_return fail(Errc::not_leader, "partition {} has no leader (LEADER_NOT_AVAILABLE)", partition.id);
        auto& connections = leaders[partition.leader];
        while (std::cmp_less(connections.size(), wish->connections)) {
            KLOG_CO_TRY(auto connection, co_await cluster.another_connection(partition.leader));
            connections.push_back(std::move(connection));
        }
        stage.targets.push_back({partition.id, connections});
    }
    co_return stage;
}

Result<std::string> prepared_batch(const BenchWish& wish, std::int64_t bytes, std::string_view head,
                                   std::int64_t* records) {
    records::BatchBuilder builder;
    builder.options().compression = wish.compression;
    // Text that compresses about as well as log lines do.
    std::string value(head);
    base::Random random(1);
    while (std::cmp_less(value.size(), wish.record_bytes)) {
        value += static_cast<char>('a' + random.below(26));
        if (random.below(3) == 0) value += value.substr(value.size() / 2, 8);
    }
    value.resize(static_cast<std::size_t>(std::max<std::int64_t>(wish.record_bytes, std::ssize(head))));
    const base::TimestampMs now = base::system_clock().wall_ms();
    do {
        builder.append({now, std::nullopt, value, {}});
    } while (std::cmp_less(builder.size() + value.size() + 8, bytes));
    *records = builder.count();
    return builder.build();
}

Task<Result<>> produce_once(client::Connection& connection, client::TopicPtr topic, base::PartitionId partition,
                            std::shared_ptr<const std::string> batch, std::int16_t acks) {
    const auto highest = topic->id.is_zero() ? wire::Version{produce_by_id_since - 1} : wire::version_max;
    KLOG_CO_TRY(const wire::Version version, connection.version_for<wire::ProduceRequest>(highest));
    wire::ProduceRequest request;
    request.acks = acks;
    request.timeout_ms = 30'000;
    base::Chain chain;
    chain.append(base::SharedBytes{batch, *batch});
    request.topic_data.push_back({topic->name, topic->id, {}});
    request.topic_data.back().partition_data.push_back({partition, wire::Records(std::move(chain))});
    if (acks == 0) co_return co_await connection.tell(std::move(request), version);
    auto asked = connection.call<wire::ProduceResponse>(std::move(request), version);
    KLOG_CO_TRY(const auto answer, co_await std::move(asked));
    for (const auto& one : answer.message.responses)
        for (const auto& part : one.partition_responses)
            if (part.error_code != wire::ErrorCode::none)
                co_return std::unexpected(client::kafka_error(part.error_code));
    co_return Result<>{};
}

Result<ProcessUse> use_of(std::int64_t pid) {
    std::ifstream stat(fmt::format("/proc/{}/stat", pid)), memory(fmt::format("/proc/{}/statm", pid));
    std::string line;
    if (!std::getline(stat, line)) return fail(Errc::not_found, "there is no process {}", pid);
    // The name, in brackets, may hold anything; utime and stime are the 12th and 13th words behind it.
    std::istringstream words(line.substr(line.rfind(')') + 1));
    std::string word;
    for (int i = 0; i < 11; ++i) words >> word;
    double user = 0, system = 0;
    std::int64_t pages = 0, resident = 0;
    words >> user >> system;
    memory >> pages >> resident;
    return ProcessUse{(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK)), resident * sysconf(_SC_PAGESIZE)};
}

BenchLoad::BenchLoad(Cluster& cluster, const BenchWish& wish, std::int64_t rate, std::size_t lanes, One one)
    : cluster_(cluster), wish_(wish), rate_(rate), lanes_(lanes), one_(std::move(one)) {
    result.rate = rate;
}

bool BenchLoad::more() const { return wish_.requests > 0 ? issued_ < wish_.requests : cluster_.now() < end_; }

Task<void> BenchLoad::request(std::size_t lane, base::MonotonicTime at) {
    const auto done = co_await one_(lane, at);
    result.answer.add((cluster_.now() - at).count());
    ++result.requests;
    if (!done && result.errors++ == 0) result.first_error = done.error().message;
}

Task<void> BenchLoad::closed_lane(std::size_t lane) {
    while (more()) {
        ++issued_;
        co_await request(lane, cluster_.now());
    }
}

Task<void> BenchLoad::due(std::size_t lane, base::MonotonicTime at) {
    co_await request(lane, at);
    --outstanding_;
    answered_.notify_all();
}

Task<void> BenchLoad::open_loop() {
    const double distance_ns = 1e9 / static_cast<double>(rate_);
    while (more()) {
        const auto at =
            begun_ + std::chrono::nanoseconds(static_cast<std::int64_t>(distance_ns * static_cast<double>(issued_)));
        if (wish_.requests == 0 && at >= end_) break;
        if (at > cluster_.now()) co_await runtime::sleep_until(at);
        while (outstanding_ >= outstanding_max) co_await answered_.wait();
        ++outstanding_;
        scope_.spawn(due(static_cast<std::size_t>(issued_) % lanes_, at));
        ++issued_;
    }
}

Task<void> BenchLoad::run() {
    begun_ = cluster_.now();
    end_ = begun_ + std::chrono::microseconds(wish_.duration_us);
    const auto before = wish_.pid > 0 ? use_of(wish_.pid) : Result<ProcessUse>(ProcessUse{});
    if (rate_ > 0) {
        scope_.spawn(open_loop());
    } else {
        for (std::size_t lane = 0; lane < lanes_; ++lane) scope_.spawn(closed_lane(lane));
    }
    co_await scope_.join();
    result.seconds = std::chrono::duration<double>(cluster_.now() - begun_).count();
    if (wish_.pid == 0) co_return;
    const auto after = use_of(wish_.pid);
    if (!before || !after) co_return;
    result.broker_cpu_seconds = after->cpu_seconds - before->cpu_seconds;
    result.broker_resident_bytes = after->resident_bytes;
}

Task<Result<BenchResult>> bench_produce(Cluster& cluster, const BenchWish* wish, std::int64_t rate) {
    auto setting = set_stage(cluster, wish);
    KLOG_CO_TRY(const BenchStage stage, co_await std::move(setting));
    std::int64_t records = 0;
    KLOG_CO_TRY(std::string bytes, prepared_batch(*wish, wish->batch_bytes, "", &records));
    const auto batch = std::make_shared<const std::string>(std::move(bytes));
    const std::size_t lanes = static_cast<std::size_t>(wish->connections * wish->in_flight);
    std::size_t turn = 0;
    BenchLoad load(cluster, *wish, rate, lanes, [&](std::size_t lane, base::MonotonicTime) {
        const BenchTarget& target = stage.targets[turn++ % stage.targets.size()];
        return produce_once(*target.connections[lane % target.connections.size()], stage.topic, target.partition, batch,
                            wish->acks);
    });
    co_await load.run();
    const std::int64_t good = load.result.requests - load.result.errors;
    load.result.records = good * records;
    load.result.bytes = good * std::ssize(*batch);
    co_return std::move(load.result);
}

namespace {

/// Reads one partition round and round: from its end on again from its start.
struct Reader {
    BenchTarget target;
    Offset position{0};
};

Task<Result<>> fetch_once(const BenchStage* stage, Reader* reader, client::Connection* connection,
                          std::int64_t bytes_max, BenchResult* result) {
    const auto highest = stage->topic->id.is_zero() ? wire::Version{fetch_by_id_since - 1} : wire::version_max;
    KLOG_CO_TRY(const wire::Version version, connection->version_for<wire::FetchRequest>(highest));
    wire::FetchRequest request;
    request.max_bytes = static_cast<std::int32_t>(bytes_max);
    request.topics.push_back({stage->topic->name, stage->topic->id, {}});
    wire::FetchRequest::Partition part;
    part.partition = reader->target.partition;
    part.fetch_offset = reader->position;
    part.partition_max_bytes = static_cast<std::int32_t>(bytes_max);
    request.topics.back().partitions.push_back(part);
    auto asked = connection->call<wire::FetchResponse>(std::move(request), version);
    KLOG_CO_TRY(const auto answer, co_await std::move(asked));
    if (answer.message.error_code != wire::ErrorCode::none)
        co_return std::unexpected(client::kafka_error(answer.message.error_code));
    for (const auto& topic : answer.message.responses)
        for (const auto& got : topic.partitions) {
            reader->position = got.log_start_offset;
            if (got.error_code != wire::ErrorCode::none) co_return std::unexpected(client::kafka_error(got.error_code));
            std::string_view rest = got.records ? got.records->view() : std::string_view();
            result->bytes += std::ssize(rest);
            while (rest.size() >= records::batch_header_bytes) {
                const records::HeaderView header(rest.data());
                const std::size_t size =
                    static_cast<std::size_t>(std::max(header.length(), 0)) + records::entry_overhead_bytes;
                if (size > rest.size()) break;
                result->records += header.count();
                reader->position = header.next_offset();
                rest.remove_prefix(size);
            }
        }
    co_return Result<>{};
}

}  // namespace

Task<Result<BenchResult>> bench_fetch(Cluster& cluster, const BenchWish* wish, std::int64_t rate) {
    auto setting = set_stage(cluster, wish);
    KLOG_CO_TRY(const BenchStage stage, co_await std::move(setting));
    // Each lane has a reader, each on its partition.
    const std::size_t lanes = static_cast<std::size_t>(wish->connections * wish->in_flight);
    std::vector<Reader> readers;
    for (std::size_t i = 0; i < lanes; ++i) readers.push_back({stage.targets[i % stage.targets.size()]});
    BenchLoad* running = nullptr;
    BenchLoad load(cluster, *wish, rate, lanes, [&](std::size_t lane, base::MonotonicTime) {
        Reader& reader = readers[lane];
        return fetch_once(&stage, &reader, reader.target.connections[lane % reader.target.connections.size()].get(),
                          wish->fetch_bytes, &running->result);
    });
    running = &load;
    co_await load.run();
    if (load.result.bytes == 0 && load.result.errors == 0)
        co_return fail(Errc::not_found, "there is nothing to fetch; `klog bench produce {}` fills it", wish->topic);
    co_return std::move(load.result);
}

}  // namespace klog::cmd
