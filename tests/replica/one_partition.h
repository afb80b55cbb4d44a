// SPDX-License-Identifier: Apache-2.0
// A broker with topics, and short words for producing to and reading from their partitions on the shards that own them.
#pragma once

#include <string>
#include <vector>

#include "core/records/builder.h"
#include "core/records/validate.h"
#include "tests/controller/one_broker.h"

namespace klog::replica::testing {

using namespace klog::controller::testing;

/// One batch of records with these values.
inline std::string batch_of(const std::vector<std::string>& values, records::ProducerInfo producer = {}) {
    records::BatchBuilder builder;
    builder.options().producer = producer;
    for (const auto& value : values) {
        builder.append(
            {.timestamp = 1'700'000'000'000 + builder.count(), .key = std::nullopt, .value = value, .headers = {}});
    }
    return good(builder.build());
}

struct Produced {
    Result<AppendPoint> point = base::fail(Errc::closed, "not tried");
    std::vector<Result<log::AppendedBatch>> outcomes;
    Result<> acknowledged;
};

/// Both phases, as a produce handler does them.
inline Task<Produced> produce(Partition* partition, std::vector<std::string> batches, Acks acks) {
    Produced produced;
    if (!partition->ready_for_append()) {
        const auto ready = co_await partition->prepare_append();
        if (!ready) {
            produced.point = std::unexpected(ready.error());
            co_return produced;
        }
    }
    std::vector<records::ValidBatch> valid;
    valid.reserve(batches.size());
    std::vector<log::LeaderAppend> appends;
    for (const auto& bytes : batches) {
        valid.push_back(*records::validate(bytes, partition->config()->batch_rules(), 1'700'000'000'000));
        appends.emplace_back().batch = &valid.back();
    }
    produced.point = partition->append(appends, acks);
    Offset end{0};
    for (const auto& append : appends) {
        produced.outcomes.push_back(append.outcome);
        if (append.outcome) end = std::max(end, append.outcome->last_offset + 1);
    }
    if (!produced.point) co_return produced;
    const auto deadline = runtime::Shard::current()->now() + 10s;
    produced.acknowledged = co_await partition->acknowledged(end, produced.point->leader_epoch, acks, deadline);
    co_return produced;
}

inline Task<Result<ReadResult>> read(Partition* partition, Offset from, Isolation isolation) {
    ReadRequest request;
    request.from = from;
    request.bytes_max = 1 << 20;
    request.isolation = isolation;
    return partition->read(request);
}

/// The values of the records in what was read.
inline std::vector<std::string> values_in(const ReadResult& result) {
    std::vector<std::string> values;
    for (const auto& slice : result.slices) {
        std::string bytes(slice.length, '\0');
        REQUIRE(good(slice.source->read_at(slice.position, bytes)) == slice.length);
        std::string_view rest = bytes;
        while (const auto batch = good(records::take_batch(rest))) {
            records::RecordIterator records(*batch, batch->body());
            records::Record record;
            while (good(records.next(record))) values.emplace_back(*record.value);
        }
    }
    return values;
}

template <class Work>
std::invoke_result_t<Work&, Partition*> find_and_work(Replicas* replicas, PartitionKey key, Work work) {
    Partition* partition = replicas->find(key);
    REQUIRE(partition != nullptr);
    co_return co_await work(partition);
}

/// On the shard that owns partition `index` of the topic. `work` makes the task.
template <class Work>
auto on_owner(OneBroker& broker, const std::string& topic, std::int32_t index, Work work) {
    const auto image = broker.image();
    REQUIRE(image->topic(topic) != nullptr);
    const PartitionKey key{image->topic(topic)->id, PartitionId{index}};
    const auto shard = broker.replicas().owner(key).index();
    return broker.sim->run(find_and_work(&broker.replicas(), key, work), 1h, shard);
}

inline Produced produce_to(OneBroker& broker, const std::string& topic, std::vector<std::string> values,
                           Acks acks = Acks::all) {
    return on_owner(broker, topic, 0,
                    [batch = batch_of(values), acks](Partition* p) { return produce(p, {batch}, acks); });
}

inline std::vector<std::string> values_from(OneBroker& broker, const std::string& topic, std::int64_t from = 0) {
    return values_in(good(on_owner(
        broker, topic, 0, [from](Partition* p) { return read(p, Offset{from}, Isolation::read_uncommitted); })));
}

inline Task<Offsets> opened_offsets(Partition* partition) {
    good(co_await partition->ensure_open());
    co_return partition->offsets();
}
inline Offsets offsets_of(OneBroker& broker, const std::string& topic) {
    return on_owner(broker, topic, 0, opened_offsets);
}

}  // namespace klog::replica::testing
