// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/workload.h"

#include "core/records/builder.h"
#include "core/wire/messages/22_init_producer_id.h"

namespace klog::sim {

using runtime::Task;
using wire::ErrorCode;

Workload::Workload(World& world, Judge& judge)
    : world_(world),
      judge_(judge),
      first_link_(world.network().host(World::writer_host)),
      second_link_(world.network().host(World::writer_host)),
      admin_link_(world.network().host(World::writer_host)),
      admin_random_(world.random().next()) {
    for (int i = 0; i < producers_max; ++i)
        producers_.push_back({.index = i, .random = base::Random(world.random().next())});
}

void Workload::start() {
    world_.writer().shard(0).post([this] { scope_.spawn(run(this)); });
}

Task<void> Workload::run(Workload* self) {
    self->work_.spawn(administer(self));
    for (Producer& producer : self->producers_) self->work_.spawn(produce(self, &producer));
    co_await self->work_.join();
    for (Link* link : {&self->first_link_, &self->second_link_, &self->admin_link_}) co_await link->end();
    self->ended_ = true;
}

std::string Workload::unfinished() const {
    std::string out = admin_ended_ ? "" : " the administrator";
    for (const Producer& producer : producers_)
        if (!producer.ended) out += fmt::format(" producer {}", producer.index);
    return out;
}

std::optional<Place> Workload::pick(base::Random& random) const {
    std::vector<Place> places;
    for (const auto& [id, topic] : judge_.topics())
        for (std::int32_t i = 0; i < topic.partitions && !topic.deletion_asked; ++i) places.push_back({id, i});
    if (places.empty()) return std::nullopt;
    return places[random.below(places.size())];
}

runtime::SleepUntil Workload::pause(base::Random& random, int ms_max) const {
    return runtime::sleep_until(world_.now() + std::chrono::microseconds(random.between(100, ms_max * 1000)));
}

Task<void> Workload::produce(Workload* self, Producer* producer) {
    base::Random& random = producer->random;
    bool last_done = false;
    while (!last_done) {
        last_done = self->stopping_;
        if (const auto place = self->pick(random)) {
            if (self->stopping_ || random.below(10) < 7)
                co_await self->send_burst(producer, *place);
            else
                co_await self->send_unsure(producer, *place, random.one_in(2) ? std::int16_t{1} : std::int16_t{0});
        }
        co_await self->pause(random, random.one_in(10) ? 1000 : 120);
    }
    producer->ended = true;
}

Workload::Batch Workload::make_batch(Producer& producer, const Place& place, bool idempotent) {
    base::Random& random = producer.random;
    records::BatchBuilder::Options options;
    if (random.one_in(3)) options.compression = records::Compression(static_cast<records::Codec>(random.below(5)));
    std::int32_t first_sequence = -1;
    if (idempotent) {
        std::int32_t& sequence = producer.sequences[place];
        options.producer = {{producer.id}, {producer.epoch}, sequence};
        first_sequence = sequence;
    }
    records::BatchBuilder builder(options);
    Batch batch;
    batch.producer = idempotent ? producer.id : -1;
    batch.sequence = first_sequence;
    const std::int64_t count = random.between(1, 4);
    for (std::int64_t i = 0; i < count; ++i) {
        batch.values.push_back(judge_.new_record(place));
        std::string value = std::to_string(batch.values.back()) + ":";
        value.append(random.one_in(50) ? random.below(20'000) : random.below(100), 'x');
        records::NewRecord record;
        record.timestamp = 1'700'000'000'000 + world_.now().time_since_epoch() / std::chrono::milliseconds(1);
        record.value = value;
        builder.append(record);
    }
    if (idempotent) producer.sequences[place] = records::sequence_plus(producer.sequences[place], builder.count());
    auto built = builder.build();
    KLOG_CHECK(built.has_value(), "a batch can be built");
    batch.bytes = std::move(*built);
    return batch;
}

namespace {

wire::ProduceRequest request_for(const Place& place, std::string_view bytes, std::int16_t acks) {
    wire::ProduceRequest request;
    request.acks = acks;
    request.timeout_ms = 3000;
    auto& topic = request.topic_data.emplace_back();
    topic.topic_id = place.topic;
    auto& partition = topic.partition_data.emplace_back();
    partition.index = {place.partition};
    partition.records = wire::Records(bytes);
    return request;
}

}  // namespace

Task<bool> Workload::get_producer_id(Producer* producer) {
    wire::InitProducerIdRequest request;
    auto answer = co_await link_of(*producer).call<wire::InitProducerIdResponse>(request, 4);
    if (!answer || answer->message.error_code != ErrorCode::none) co_return false;
    producer->id = answer->message.producer_id.value;
    producer->epoch = answer->message.producer_epoch.value;
    producer->sequences.clear();
    producer->known.clear();
    judge_.producer_id_given(producer->id);
    co_return true;
}

/// Some batches of one producer, pipelined, and sent again in their order until all are acknowledged.
Task<void> Workload::send_burst(Producer* producer, Place place) {
    base::Random& random = producer->random;
    if (random.one_in(40)) producer->id = -1;
    while (producer->id < 0)
        if (!co_await get_producer_id(producer)) co_await pause(random, 200);
    std::deque<Batch> burst;
    const std::int64_t count = random.between(1, in_flight_max);
    for (std::int64_t i = 0; i < count; ++i) burst.push_back(make_batch(*producer, place, true));
    const std::uint64_t life = judge_.life();
    const bool known = producer->known.contains(place);
    for (;;) {
        co_await attempt(producer, place, &burst);
        bool done = true, lost_track = false;
        // A snapshot holds the last batch of each producer alone, in Kafka's format. Those before it come back from the
        // log after a restart, unless its front has gone with them. And to a broker that does not know a producer it
        // may start anywhere: when its first batch is refused for a while, a later one may be the first to come.
        const bool may_forget = (judge_.life() != life && judge_.front_may_go(place)) || !known;
        for (Batch& batch : burst) {
            if (batch.acknowledged) {
                producer->known.insert(place);
                continue;
            }
            take_answer(place, batch, done && !may_forget);
            lost_track |=
                done && may_forget && batch.answered && batch.error == ErrorCode::out_of_order_sequence_number;
            done = false;
        }
        if (done || !judge_.content()) co_return;
        if (gone(place.topic) || lost_track) {
            producer->id = -1;
            co_return;
        }
        co_await pause(random, 150);
    }
}

Task<void> Workload::attempt(Producer* producer, Place place, std::deque<Batch>* burst) {
    auto peer = co_await link_of(*producer).peer();
    for (Batch& batch : *burst) batch.answered = false;
    if (!peer) co_return;
    const auto version = wire::Version{13};
    runtime::Scope scope;
    for (Batch& batch : *burst)
        if (!batch.acknowledged) scope.spawn(send_one(this, *peer, version, place, &batch));
    co_await scope.join();
    for (Batch& batch : *burst)
        if (!batch.acknowledged && !batch.answered) link_of(*producer).drop(*peer);
}

Task<void> Workload::send_one(Workload* self, std::shared_ptr<net::Peer> peer, wire::Version version, Place place,
                              Batch* batch) {
    const wire::ProduceRequest request = request_for(place, batch->bytes, -1);
    auto answer = co_await net::request<wire::ProduceResponse>(*peer, request, version, "sim", Link::deadline());
    if (!answer) co_return;
    const auto& topics = answer->message.responses;
    if (topics.size() != 1 || topics[0].partition_responses.size() != 1 || topics[0].topic_id != place.topic) {
        self->judge_.accuse("{}: Produce was answered for something else", place.to_string());
        co_return;
    }
    const auto& partition = topics[0].partition_responses[0];
    batch->answered = true;
    batch->error = partition.error_code;
    if (partition.error_code != ErrorCode::none) co_return;
    batch->acknowledged = true;
    for (std::size_t i = 0; i < batch->values.size(); ++i)
        self->judge_.acknowledged(batch->values[i], partition.base_offset.value + static_cast<std::int64_t>(i));
}

/// A batch that was not acknowledged in this attempt: is that allowed? `in_order`: its sequence is the one
/// that the broker must expect, or has seen last.
void Workload::take_answer(const Place& place, const Batch& batch, bool in_order) {
    if (!batch.answered) return;
    switch (batch.error) {
        case ErrorCode::not_leader_or_follower:
        case ErrorCode::leader_not_available:
        case ErrorCode::request_timed_out:
        case ErrorCode::kafka_storage_error:
        case ErrorCode::not_enough_replicas:
        case ErrorCode::not_enough_replicas_after_append: return;
        case ErrorCode::unknown_topic_id:
        case ErrorCode::unknown_topic_or_partition:
        case ErrorCode::inconsistent_topic_id: return;  // A topic that never comes back makes no progress.
        case ErrorCode::out_of_order_sequence_number:
            if (!in_order) return;
            [[fallthrough]];
        default:
            judge_.accuse("{}: record {} (producer {} sequence {}) was refused with {}", place.to_string(),
                          batch.values[0], batch.producer, batch.sequence, batch.error);
            world_.show_partition(judge_.topic(place.topic).name, place.partition);
            return;
    }
}

/// acks=1 or 0, once: it may be there or not, but not twice and not elsewhere.
Task<void> Workload::send_unsure(Producer* producer, Place place, std::int16_t acks) {
    auto peer = co_await link_of(*producer).peer();
    if (!peer) co_return;
    const Batch batch = make_batch(*producer, place, false);
    const wire::ProduceRequest request = request_for(place, batch.bytes, acks);
    if (acks == 0) {
        if (!co_await net::send_only(**peer, request, wire::Version{13}, "sim")) link_of(*producer).drop(*peer);
        co_return;
    }
    auto answer =
        co_await net::request<wire::ProduceResponse>(**peer, request, wire::Version{13}, "sim", Link::deadline());
    if (!answer) link_of(*producer).drop(*peer);
}

}  // namespace klog::sim
