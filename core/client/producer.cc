// SPDX-License-Identifier: Apache-2.0
// Collecting, sealing, choosing what to send. What happens on the wire is in producer_exchange.cc.
#include "core/client/producer.h"

#include <algorithm>

#include "core/client/errors.h"
#include "core/client/producer_state.h"
#include "core/records/record.h"

namespace klog::client {

using base::Errc;
using base::fail;
using base::MonotonicTime;
using base::Offset;
using base::PartitionId;
using base::Result;
using runtime::Task;

namespace {

/// Builders kept for the next batches, with their memory.
constexpr std::size_t spare_builders_max = 8;
/// Room that a record's framing may need, generously.
constexpr std::size_t record_framing_bytes = 64;
/// While something waits for a leader or a pause, look again this often at the latest.
constexpr auto look_again = std::chrono::milliseconds(100);

std::size_t payload_of(const records::NewRecord& record) {
    std::size_t bytes = record_framing_bytes;
    if (record.key) bytes += record.key->size();
    if (record.value) bytes += record.value->size();
    for (const records::Header& header : record.headers)
        bytes += header.key.size() + (header.value ? header.value->size() : 0) + 10;
    return bytes;
}

}  // namespace

Producer::Producer(Cluster& cluster, std::function<void(const Delivery&)> delivered, bool keep_tags)
    : cluster_(cluster),
      config_(cluster.config()),
      delivered_(std::move(delivered)),
      keep_tags_(keep_tags),
      idempotent_(config_.idempotent && config_.acks == -1),
      work_(std::make_unique<runtime::Signal>()),
      progress_(std::make_unique<runtime::Signal>()),
      scope_(std::make_unique<runtime::Scope>()) {
    if (idempotent_) scope_->spawn(identify());
    scope_->spawn(drive());
}

Producer::~Producer() = default;

Task<Result<Producer::TopicIndex>> Producer::open(std::string name, Cluster::Expect expect) {
    for (TopicIndex i = 0; i < topics_.size(); ++i)
        if (topics_[i]->name == name) co_return i;
    KLOG_CO_TRY(const TopicPtr info, co_await cluster_.topic(name, expect));
    for (TopicIndex i = 0; i < topics_.size(); ++i)  // Somebody else may have opened it meanwhile.
        if (topics_[i]->name == name) co_return i;
    auto topic = std::make_unique<Topic>(std::move(name),
                                         PartitionChooser(config_.partitioner, base::Random(cluster_.random().next())));
    topic->info = info;
    topics_.push_back(std::move(topic));
    co_return topics_.size() - 1;
}

Producer::Partition& Producer::activate(Topic& topic, PartitionId id) {
    auto& place = topic.partitions[static_cast<std::size_t>(id.value)];
    if (!place) {
        const PartitionQueue::Rules rules{idempotent_, static_cast<int>(config_.in_flight_max),
                                          std::chrono::milliseconds(config_.delivery_timeout_ms)};
        place = std::make_unique<Partition>(topic, id, PartitionQueue(rules), Backoff(config_));
    }
    if (!place->active) {
        place->active = true;
        active_.push_back(place.get());
    }
    return *place;
}

Result<Producer::Appended> Producer::append(TopicIndex index, const records::NewRecord& record,
                                            std::optional<PartitionId> wanted, std::uint64_t tag) {
    if (used_bytes_ >= static_cast<std::size_t>(config_.buffer_memory)) {
        return Appended::full;
    }
    Topic& topic = *topics_[index];
    topic.refresh(cluster_);
    const auto count = static_cast<std::int32_t>(topic.info->partitions.size());
    if (wanted && (wanted->value < 0 || wanted->value >= count))
        return fail(Errc::not_found, "there is no partition {}: the topic has {} (UNKNOWN_TOPIC_OR_PARTITION)", *wanted,
                    count);
    const PartitionId id = wanted ? *wanted : topic.chooser.choose(record.key, count, topic.info->available);
    Partition& partition = activate(topic, id);

    const std::size_t payload = payload_of(record);
    if (!partition.builder.empty() &&
        partition.builder.size() + payload > static_cast<std::size_t>(config_.batch_bytes))
        seal(partition);
    const bool opens = partition.builder.empty();
    if (opens) {
        partition.opened = cluster_.now();
        partition.first_tag = tag;
        const MonotonicTime due = partition.opened + std::chrono::microseconds(config_.linger_us);
        if (!planned_wake_ || due < *planned_wake_) wake();
    }
    partition.builder.append(record);
    if (keep_tags_) partition.tags.push_back(tag);
    partition.accounted += payload;
    used_bytes_ += payload;
    if (partition.builder.size() >= static_cast<std::size_t>(config_.batch_bytes) ||
        partition.builder.count() >= config_.batch_records)
        seal(partition);
    return opens ? Appended::opened : Appended::yes;
}

void Producer::seal(Partition& partition) {
    if (partition.builder.empty()) return;
    auto batch = std::make_unique<OutgoingBatch>();
    batch->count = partition.builder.count();
    batch->first_tag = partition.first_tag;
    batch->tags = std::exchange(partition.tags, {});
    batch->accounted_bytes = std::exchange(partition.accounted, 0);
    batch->born = partition.opened;
    partition.builder.options().compression = config_.compression;
    partition.topic.chooser.batch_closed(partition.id);
    OutgoingBatch* raw = batch.get();
    partition.queue.push(std::move(batch));
    if (config_.compression.codec == records::Codec::none) {
        auto built = partition.builder.build();
        KLOG_CHECK(built.has_value(), "an uncompressed batch can always be built");
        raw->bytes = std::make_shared<std::string>(std::move(*built));
        partition.builder.clear();
    } else {
        raw->ready = false;
        records::BatchBuilder builder = std::move(partition.builder);
        partition.builder = {};
        if (!spare_builders_.empty()) {
            partition.builder = std::move(spare_builders_.back());
            spare_builders_.pop_back();
        }
        scope_->spawn(compress(raw, std::move(builder)));
    }
    wake();
}

namespace {

Result<std::string> build(const records::BatchBuilder* builder) { return builder->build(); }

}  // namespace

Task<void> Producer::compress(OutgoingBatch* batch, records::BatchBuilder builder) {
    const records::BatchBuilder* const what = &builder;
    auto built = co_await runtime::on_pool(cluster_.runtime().pool(), [what] { return build(what); });
    if (!built) {
        // Without memory for the codec the batch goes as it is.
        builder.options().compression = records::Compression();
        built = builder.build();
        KLOG_CHECK(built.has_value(), "an uncompressed batch can always be built");
    }
    batch->bytes = std::make_shared<std::string>(std::move(*built));
    batch->ready = true;
    builder.clear();
    if (spare_builders_.size() < spare_builders_max) spare_builders_.push_back(std::move(builder));
    wake();
}

void Producer::wake() { work_->notify_all(); }

Task<void> Producer::room() {
    while (!closing_ && used_bytes_ >= static_cast<std::size_t>(config_.buffer_memory)) co_await progress_->wait();
}

Task<void> Producer::flush() {
    ++flushing_;
    wake();
    while (used_bytes_ > 0 && !closing_) co_await progress_->wait();
    --flushing_;
}

Task<Result<>> Producer::close() {
    closing_ = true;
    const base::Error why{Errc::closed, "not sent: the producer was closed"};
    for (Partition* partition : active_) seal(*partition);
    give_up_waiting(why);
    wake();
    progress_->notify_all();
    co_await scope_->join();
    // What was still being compressed, or would have been sent again.
    give_up_waiting(why);
    KLOG_CHECK(used_bytes_ == 0, "a closed producer has delivered or given up all");
    auto confirming = confirm_told();
    co_return co_await std::move(confirming);
}

void Producer::give_up_waiting(const base::Error& why) {
    for (Partition* partition : active_)
        for (auto& batch : partition->queue.take_waiting()) give_up(*partition, std::move(batch), why);
}

/// With acks=0 nobody answers: what the connections have carried has arrived when the brokers answer what came after.
Task<Result<>> Producer::confirm_told() {
    for (const auto& [node, leader] : leaders_) {
        if (!leader->told_on) continue;
        auto asking = leader->told_on->barrier();
        if (auto read = co_await std::move(asking); !read && !unconfirmed_) unconfirmed_ = std::move(read).error();
    }
    if (unconfirmed_)
        co_return fail(unconfirmed_->code, "what was sent with acks=0 may not have arrived: {}", unconfirmed_->message);
    co_return Result<>{};
}

bool Producer::may_seal(const Partition& partition, MonotonicTime now) const {
    if (partition.builder.empty() || !partition.queue.empty()) return false;
    return flushing_ > 0 || now - partition.opened >= std::chrono::microseconds(config_.linger_us);
}

/// Takes what may go to this leader into one request after the other, until it has enough in flight.
void Producer::collect(base::NodeId node, Leader& leader) {
    const MonotonicTime now = cluster_.now();
    while (leader.in_flight < config_.in_flight_max) {
        std::vector<InFlight> batches;
        std::size_t bytes = 0;
        // Another partition goes first each time, so that none starves.
        for (std::size_t i = 0; i < active_.size(); ++i) {
            Partition& partition = *active_[(leader.turn + i) % active_.size()];
            if (partition.leader(cluster_) != node) continue;
            if (may_seal(partition, now)) seal(partition);
            OutgoingBatch* batch = partition.queue.next_to_send(identity_, now);
            if (batch == nullptr) continue;
            if (!batches.empty() && bytes + batch->bytes->size() > static_cast<std::size_t>(config_.request_bytes_max))
                break;
            bytes += batch->bytes->size();
            stamp(partition, *batch);
            partition.queue.sent(*batch);
            batches.push_back({&partition, batch});
        }
        if (batches.empty()) return;
        ++leader.turn;
        ++leader.in_flight;
        batches_sent_ += batches.size();
        bytes_sent_ += bytes;
        scope_->spawn(exchange(node, std::move(batches)));
    }
}

void Producer::send_some() {
    std::vector<base::NodeId> nodes;
    for (Partition* partition : active_) {
        partition->topic.refresh(cluster_);
        if (cluster_.is_old(*partition->topic.info)) cluster_.doubt(partition->topic.name);
        const base::NodeId node = partition->leader(cluster_);
        if (node == base::no_node) {
            cluster_.doubt(partition->topic.name);
        } else if (std::find(nodes.begin(), nodes.end(), node) == nodes.end()) {
            nodes.push_back(node);
        }
    }
    for (const base::NodeId node : nodes) {
        auto& leader = leaders_[node];
        if (!leader) leader = std::make_unique<Leader>();
        collect(node, *leader);
    }
}

void Producer::expire() {
    const MonotonicTime now = cluster_.now();
    for (Partition* partition : active_) {
        for (auto& batch : partition->queue.take_expired(now)) {
            base::Error why{Errc::timed_out, fmt::format("not acknowledged within {} ms", config_.delivery_timeout_ms)};
            if (batch->last_error != wire::ErrorCode::none)
                why.message += fmt::format("; the last error was {}", wire::name_of(batch->last_error));
            why.message += " (REQUEST_TIMED_OUT)";
            give_up(*partition, std::move(batch), why);
        }
        if (identity_error_)
            for (auto& batch : partition->queue.take_waiting()) give_up(*partition, std::move(batch), *identity_error_);
    }
}

std::optional<MonotonicTime> Producer::next_deadline() const {
    std::optional<MonotonicTime> next;
    const auto sooner = [&](MonotonicTime at) { next = next ? std::min(*next, at) : at; };
    const MonotonicTime now = cluster_.now();
    for (const Partition* partition : active_) {
        if (!partition->builder.empty() && partition->queue.empty())
            sooner(partition->opened + std::chrono::microseconds(config_.linger_us));
        if (partition->queue.empty()) continue;
        if (partition->queue.paused_until > now) sooner(partition->queue.paused_until);
        if (!partition->queue.front().in_flight) sooner(std::max(now + look_again, partition->queue.paused_until));
    }
    return next;
}

/// Sequences that lead nowhere need a new epoch (KIP-360); of itself, while the broker's memory is not to blame.
void Producer::renew_identity() {
    for (const Partition* partition : active_) {
        const auto stale = partition->queue.needs_newer_than();
        if (!stale || *stale < identity_.generation || identifying_ || identity_error_) continue;
        if (wants_new_id_ || identity_.epoch.value == INT16_MAX) {
            wants_new_id_ = false;
            scope_->spawn(identify());
        } else {
            identity_.epoch = identity_.epoch + 1;
            ++identity_.generation;
        }
    }
}

Task<void> Producer::drive() {
    while (!closing_) {
        expire();
        renew_identity();
        send_some();
        if (cluster_.in_doubt() && !refreshing_) {
            refreshing_ = true;
            scope_->spawn(refresh());
        }
        std::erase_if(active_, [](Partition* p) {
            if (!p->builder.empty() || !p->queue.empty()) return false;
            p->active = false;
            return true;
        });
        planned_wake_ = next_deadline();
        // What is due now but could not leave (a busy leader) waits for an answer, not for the clock.
        if (planned_wake_ && *planned_wake_ <= cluster_.now()) planned_wake_ = cluster_.now() + look_again;
        co_await work_->wait(planned_wake_);
    }
}

void Producer::deliver(Partition& partition, std::unique_ptr<OutgoingBatch> batch, Offset base_offset,
                       base::TimestampMs append_time_ms, std::optional<base::Error> error) {
    used_bytes_ -= batch->accounted_bytes;
    Delivery delivery{partition.topic.name, partition.id,     base_offset,       batch->count,
                      batch->first_tag,     batch->part_from, batch->more_parts, keep_tags_ ? &batch->tags : nullptr,
                      append_time_ms,       std::move(error)};
    if (delivered_) delivered_(delivery);
    progress_->notify_all();
}

void Producer::give_up(Partition& partition, std::unique_ptr<OutgoingBatch> batch, const base::Error& why) {
    deliver(partition, std::move(batch), Offset{-1}, -1, why);
}

}  // namespace klog::client
