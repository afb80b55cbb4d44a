// SPDX-License-Identifier: Apache-2.0
// A cluster of brokers for tests of the client, on a simulated network: it checks sequences as Kafka does, moves
// leaders when told, keeps fetch sessions, and stores batches in memory. All brokers share one state, as if replication
// took no time. What it does not need for that, it does not do.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/base/random.h"
#include "core/net/frame.h"
#include "core/net/memory_network.h"
#include "core/records/batch.h"
#include "core/runtime/scope.h"
#include "core/runtime/sim_runtime.h"
#include "core/wire/messages/00_produce.h"
#include "core/wire/messages/01_fetch.h"
#include "core/wire/messages/02_list_offsets.h"
#include "core/wire/messages/03_metadata.h"
#include "core/wire/messages/18_api_versions.h"
#include "core/wire/messages/22_init_producer_id.h"

namespace klog::test {

class FakeCluster {
public:
    FakeCluster(net::MemoryNetwork& network, int brokers, int partitions);

    /// Listens on every broker; to be run on the shard of the brokers' machine.
    runtime::Task<void> start();
    void move_leader(int partition, int broker);
    /// The topic gets one more partition, led by that broker.
    void add_partition(int broker);
    /// Values of all stored records of a partition, in order.
    std::vector<std::string> values(int partition) const;

    std::int32_t max_message_bytes = 1'048'588;
    bool hints = true;                       // Answers name the new leader.
    std::map<int, std::int64_t> damaged_at;  // By partition: a fetch from there is answered with CORRUPT_MESSAGE.
    int damaged_answers = 0;
    int refused_as_too_large = 0;
    int moved_answers = 0;
    int incremental_fetches = 0;

private:
    struct Partition {
        int leader = 0;
        std::int32_t epoch = 0;
        std::vector<std::string> batches;
        std::int64_t end = 0;
        struct Producer {
            std::int16_t epoch = -1;
            std::int32_t next = 0;
            std::map<std::int32_t, std::int64_t> seen;  // Base sequence to base offset.
        };
        std::map<std::int64_t, Producer> producers;
    };
    struct Session {
        std::int32_t epoch = 0;
        std::map<int, wire::FetchRequest::Partition> wishes;
    };

    runtime::Task<void> accept(int broker, std::unique_ptr<net::Listener> listener);
    runtime::Task<void> serve(int broker, std::unique_ptr<net::Stream> stream);
    base::Chain answer(int broker, std::string_view frame);
    wire::ProduceResponse produce(int broker, const wire::ProduceRequest& request);
    wire::ErrorCode append(Partition& partition, std::string_view bytes, base::Offset& base);
    wire::FetchResponse fetch(int broker, const wire::FetchRequest& request);
    wire::MetadataResponse metadata() const;

    net::MemoryNetwork& network_;
    int brokers_;
    std::vector<Partition> partitions_;
    std::map<std::int32_t, Session> sessions_;
    std::int32_t next_session_ = 0;
    std::int64_t next_producer_ = 0;
    base::Uuid topic_id_;
    std::vector<std::string> fetched_;  // Keeps what a response points to.
    runtime::Scope scope_;
};

}  // namespace klog::test
