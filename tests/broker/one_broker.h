// SPDX-License-Identifier: Apache-2.0
// One broker on a simulated machine, and clients on another: memory network, memory disk, virtual time. For tests that
// read like a conversation with a broker.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "core/broker/broker.h"
#include "core/net/memory_network.h"
#include "core/net/request.h"
#include "core/os/memory_disk.h"
#include "core/records/builder.h"
#include "core/records/record.h"
#include "core/runtime/sim_runtime.h"
#include "core/wire/api_list.h"

namespace klog::broker_test {

using namespace std::chrono_literals;
using wire::ErrorCode;

class OneBroker;

/// An answer that is under way; the message's views point into what it keeps.
template <class Response>
using Coming = std::shared_ptr<std::optional<base::Result<net::Answer<Response>>>>;

/// A connection of a client. Calls run the world until the answer is there.
class Talk {
public:
    Talk(OneBroker& world, std::unique_ptr<net::Peer> peer) : world_(world), peer_(std::move(peer)) {}
    ~Talk();

    /// The answer, which stays as long as this.
    template <class Response, class Request>
    const Response& ask(const Request& request, wire::Version version);
    template <class Response, class Request>
    Coming<Response> start(const Request& request, wire::Version version);
    template <class Response>
    const Response& await(const Coming<Response>& coming);
    void send_only(const wire::ProduceRequest& request, wire::Version version);
    bool closed() const { return peer_->closed(); }

private:
    OneBroker& world_;
    std::unique_ptr<net::Peer> peer_;
    std::vector<std::shared_ptr<void>> kept_;
};

class OneBroker {
public:
    explicit OneBroker(std::string config = {}, std::uint64_t seed = 1)
        : world(seed), network(world), disk(std::make_unique<os::MemoryDisk>()), config_(std::move(config)) {
        network.faults().cut_one_in = 0;
        client_machine = std::make_unique<runtime::SimRuntime>(world, "client", 1);
        start();
    }
    ~OneBroker() {
        if (broker) stop();
        client_machine.reset();
    }

    void start() {
        machine = std::make_unique<runtime::SimRuntime>(world, "broker", 2);
        broker = make();
        const auto started = machine->run(broker->start());
        REQUIRE_MESSAGE(started.has_value(), started.error().message);
    }
    std::unique_ptr<broker::Broker> make() {
        broker::Config::Builder builder;
        builder.add_file("log.dirs=/data\nlisteners=PLAINTEXT://broker:9092\n" + config_, "test.properties");
        REQUIRE(builder.errors().empty());
        return std::make_unique<broker::Broker>(
            std::move(builder).build(),
            broker::Seams{*machine, broker_network != nullptr ? *broker_network : network.host("broker"), *disk,
                          base::Random(world.random().next()), authorizer});
    }
    void stop() {
        machine->run(broker->stop());
        broker.reset();
        machine.reset();
    }
    void restart() {
        stop();
        start();
    }
    /// The process dies between two steps; what was written stays.
    void kill() {
        machine->crash();
        broker.reset();
        machine.reset();
    }

    std::unique_ptr<Talk> connect() {
        auto stream = client_machine->run(network.host("client").connect({"broker", 9092}, std::nullopt));
        REQUIRE_MESSAGE(stream.has_value(), stream.error().message);
        std::unique_ptr<net::Peer> peer;
        on_client([&] { peer = std::make_unique<net::Peer>(std::move(*stream), net::PeerLimits{}); });
        return std::make_unique<Talk>(*this, std::move(peer));
    }
    /// A raw connection, for bytes that no client would send.
    std::unique_ptr<net::Stream> connect_raw() {
        auto stream = client_machine->run(network.host("client").connect({"broker", 9092}, std::nullopt));
        REQUIRE(stream.has_value());
        return std::move(*stream);
    }
    /// Runs it on the client's shard.
    void on_client(std::function<void()> work) { client_machine->run(call(std::move(work))); }

    void create(const std::string& name, int partitions = 1) {
        wire::CreateTopicsRequest request;
        request.topics.push_back({.name = name, .num_partitions = partitions, .replication_factor = 1});
        const auto talk = connect();
        REQUIRE(talk->ask<wire::CreateTopicsResponse>(request, 7).topics.at(0).error_code == ErrorCode::none);
    }

    runtime::SimWorld world;
    net::MemoryNetwork network;
    std::unique_ptr<os::MemoryDisk> disk;
    std::unique_ptr<runtime::SimRuntime> client_machine;
    std::unique_ptr<runtime::SimRuntime> machine;
    std::unique_ptr<broker::Broker> broker;
    const security::Authorizer* authorizer = nullptr;  // For the next start.

    net::Network* broker_network = nullptr;  // For the next start, instead of the broker's host.

    runtime::Scope asking;  // Requests that were started; of the client's shard.

private:
    static runtime::Task<void> call(std::function<void()> work) {
        work();
        co_return;
    }

    std::string config_;
};

template <class Response>
runtime::Task<void> keep(runtime::Task<base::Result<net::Answer<Response>>> task, Coming<Response> into) {
    into->emplace(co_await std::move(task));
}

template <class Response, class Request>
Coming<Response> Talk::start(const Request& request, wire::Version version) {
    auto into = std::make_shared<std::optional<base::Result<net::Answer<Response>>>>();
    kept_.push_back(into);
    world_.on_client([&] {
        world_.asking.spawn(
            keep<Response>(net::request<Response>(*peer_, request, version, "test", std::nullopt), into));
    });
    return into;
}

template <class Response>
const Response& Talk::await(const Coming<Response>& coming) {
    const auto ended = world_.world.run_until([&] { return coming->has_value(); }, 120s);
    REQUIRE(ended == runtime::SimWorld::Ended::condition);
    const auto& answer = **coming;
    REQUIRE_MESSAGE(answer.has_value(), answer.error().message);
    return answer->message;
}

template <class Response, class Request>
const Response& Talk::ask(const Request& request, wire::Version version) {
    return await(start<Response>(request, version));
}

inline void Talk::send_only(const wire::ProduceRequest& request, wire::Version version) {
    const auto sent = world_.client_machine->run(net::send_only(*peer_, request, version, "test"));
    REQUIRE(sent.has_value());
}

inline Talk::~Talk() {
    world_.on_client([this] { peer_->close(); });
    world_.client_machine->run(peer_->join());
    world_.client_machine->run(world_.asking.join());
    world_.on_client([this] { peer_.reset(); });
}

/// One batch with these values.
inline std::string batch_of(const std::vector<std::string>& values) {
    records::BatchBuilder builder;
    for (const std::string& value : values) builder.append({.timestamp = 1'700'000'000'000, .value = value});
    auto built = builder.build();
    REQUIRE(built.has_value());
    return *built;
}

inline wire::ProduceRequest produce_of(std::string_view topic, int partition, std::string_view batch,
                                       std::int16_t acks = -1) {
    wire::ProduceRequest request;
    request.acks = acks;
    request.timeout_ms = 10'000;
    request.topic_data.resize(1);
    request.topic_data[0].name = topic;
    request.topic_data[0].partition_data.push_back({base::PartitionId{partition}, wire::Records(batch)});
    return request;
}

inline wire::FetchRequest fetch_of(std::string_view topic, int partition, std::int64_t offset, int max_wait_ms = 0) {
    wire::FetchRequest request;
    request.max_wait_ms = max_wait_ms;
    request.min_bytes = 1;
    request.max_bytes = 1 << 20;
    request.topics.resize(1);
    request.topics[0].topic = topic;
    request.topics[0].partitions.push_back({.partition = base::PartitionId{partition},
                                            .fetch_offset = base::Offset{offset},
                                            .partition_max_bytes = 1 << 20});
    return request;
}

/// The values of all records in a fetched partition.
inline std::vector<std::string> values_in(const wire::FetchResponse::Partition& partition) {
    const auto bytes = partition.records->view();
    std::string_view rest = bytes;
    std::vector<std::string> values;
    while (!rest.empty()) {
        const auto batch = records::take_batch(rest);
        REQUIRE(batch.has_value());
        REQUIRE(batch->has_value());
        CHECK((*batch)->crc_matches());
        std::string scratch;
        auto iterator = records::read_records(**batch, scratch, 1u << 20);
        REQUIRE(iterator.has_value());
        records::Record record;
        for (;;) {
            const auto more = iterator->next(record);
            REQUIRE(more.has_value());
            if (!*more) break;
            values.emplace_back(record.value.value_or("null"));
        }
    }
    return values;
}

inline const wire::FetchResponse::Partition& only_partition(const wire::FetchResponse& answer) {
    REQUIRE(answer.error_code == ErrorCode::none);
    REQUIRE(answer.responses.size() == 1);
    REQUIRE(answer.responses[0].partitions.size() == 1);
    return answer.responses[0].partitions[0];
}

inline const wire::ProduceResponse::Partition& only_partition(const wire::ProduceResponse& answer) {
    REQUIRE(answer.responses.size() == 1);
    REQUIRE(answer.responses[0].partition_responses.size() == 1);
    return answer.responses[0].partition_responses[0];
}

}  // namespace klog::broker_test
