// SPDX-License-Identifier: Apache-2.0
// The producer on the wire: requests, answers and what they mean, the producer's identity, new leaders.
#include <algorithm>

#include "core/client/errors.h"
#include "core/client/producer.h"
#include "core/client/producer_state.h"
#include "core/records/record.h"
#include "core/wire/messages/00_produce.h"
#include "core/wire/messages/22_init_producer_id.h"

namespace klog::client {

using base::Errc;
using base::Offset;
using base::PartitionId;
using base::Result;
using runtime::Task;
using wire::ErrorCode;
using Verdict = PartitionQueue::Verdict;

namespace {

/// Produce names topics by id since 13; the first version with batches of format 2 is 3.
constexpr wire::Version produce_by_id_since = 13;
constexpr wire::Version produce_zstd_since = 7;
/// More than the largest batch that a broker can have accepted and that we split.
constexpr std::size_t split_bytes_max = 1u << 30;

ErrorCode code_of(const base::Error& error) {
    switch (error.code) {
        case Errc::timed_out: return ErrorCode::request_timed_out;
        case Errc::authentication_failed: return ErrorCode::sasl_authentication_failed;  // Which is final.
        default: return ErrorCode::network_exception;
    }
}

}  // namespace

/// Writes the producer's fields into the sealed bytes, as they must be for this attempt.
void Producer::stamp(Partition& partition, OutgoingBatch& batch) {
    const records::ProducerInfo wanted = partition.queue.stamp_of(batch);
    std::string& bytes = *batch.bytes;
    const records::HeaderView before(bytes.data());
    if (before.producer() == wanted) return;
    records::BatchHeader header(before);
    header.set_producer(wanted);
    header.seal(std::string_view(bytes).substr(records::batch_header_bytes));
    if (batch.bytes.use_count() > 1)
        batch.bytes = std::make_shared<std::string>(bytes);  // An old attempt still holds it.
    header.bytes().copy(batch.bytes->data(), records::batch_header_bytes);
}

Task<void> Producer::exchange(base::NodeId leader, std::vector<InFlight> batches) {
    co_await attempt(leader, std::move(batches));
    --leaders_[leader]->in_flight;
    wake();
}

/// How long to wait for an answer: not longer than the oldest batch has to live, so that delivery.timeout.ms holds
/// when a broker falls silent.
std::int64_t Producer::answer_timeout_ms(const std::vector<InFlight>& batches) const {
    base::MonotonicTime oldest = cluster_.now();
    for (const InFlight& one : batches) oldest = std::min(oldest, one.batch->born);
    const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(cluster_.now() - oldest).count();
    return std::clamp<std::int64_t>(config_.delivery_timeout_ms - age, 1, config_.request_timeout_ms);
}

Task<void> Producer::attempt(base::NodeId leader, std::vector<InFlight> batches) {
    const auto all = [&](ErrorCode code, std::optional<std::string> words) {
        for (const InFlight& one : batches) settle(*one.partition, *one.batch, code, Offset{-1}, -1, words);
    };
    auto connection = co_await cluster_.connection(leader);
    if (!connection) co_return all(code_of(connection.error()), connection.error().message);
    const bool ids = std::none_of(batches.begin(), batches.end(),
                                  [](const InFlight& b) { return b.partition->topic.info->id.is_zero(); });
    const auto version =
        (*connection)
            ->version_for<wire::ProduceRequest>(ids ? wire::version_max : wire::Version{produce_by_id_since - 1});
    if (!version || (config_.compression.codec == records::Codec::zstd && *version < produce_zstd_since))
        co_return all(ErrorCode::unsupported_version, std::nullopt);

    wire::ProduceRequest request;
    request.acks = config_.acks;
    request.timeout_ms = static_cast<std::int32_t>(config_.request_timeout_ms);
    for (const InFlight& one : batches) {
        const Topic& topic = one.partition->topic;
        auto entry = std::find_if(request.topic_data.begin(), request.topic_data.end(),
                                  [&](const auto& t) { return t.name == topic.name; });
        if (entry == request.topic_data.end()) {
            request.topic_data.push_back({topic.name, topic.info->id, {}});
            entry = request.topic_data.end() - 1;
        }
        base::Chain chain;
        chain.append(base::SharedBytes{one.batch->bytes, *one.batch->bytes});
        entry->partition_data.push_back({one.partition->id, wire::Records(std::move(chain))});
    }
    if (config_.acks == 0) {
        auto& before = leaders_[leader]->told_on;
        if (before && before != *connection && !unconfirmed_)
            unconfirmed_ = base::Error{Errc::closed, fmt::format("lost the connection to {} (NETWORK_EXCEPTION)",
                                                                 before->address().to_string())};
        before = *connection;
        auto told = co_await (*connection)->tell(std::move(request), *version);
        co_return all(told ? ErrorCode::none : ErrorCode::network_exception, std::nullopt);
    }
    auto asking = (*connection)->call<wire::ProduceResponse>(std::move(request), *version, answer_timeout_ms(batches));
    auto answer = co_await std::move(asking);
    if (!answer) co_return all(code_of(answer.error()), answer.error().message);
    for (const auto& endpoint : answer->message.node_endpoints)
        cluster_.learn_broker(endpoint.node_id, {endpoint.host, static_cast<std::uint16_t>(endpoint.port)});
    for (const InFlight& one : batches) {
        const wire::ProduceResponse::Partition* found = nullptr;
        for (const auto& topic : answer->message.responses) {
            const bool same = *version >= produce_by_id_since ? topic.topic_id == one.partition->topic.info->id
                                                              : topic.name == one.partition->topic.name;
            if (!same) continue;
            for (const auto& partition : topic.partition_responses)
                if (partition.index == one.partition->id) found = &partition;
        }
        if (found == nullptr) {
            settle(*one.partition, *one.batch, ErrorCode::unknown_server_error, Offset{-1}, -1,
                   "the broker's answer leaves it out");
            continue;
        }
        if (found->current_leader.leader_id != base::no_node)
            cluster_.learn_leader(one.partition->topic.name, one.partition->id, found->current_leader.leader_id,
                                  found->current_leader.leader_epoch);
        std::optional<std::string> words = found->error_message;
        if (!found->record_errors.empty() && found->record_errors.front().batch_index_error_message)
            words = found->record_errors.front().batch_index_error_message;
        settle(*one.partition, *one.batch, found->error_code, found->base_offset, found->log_append_time_ms, words);
    }
}

void Producer::settle(Partition& partition, OutgoingBatch& batch, ErrorCode code, Offset base_offset,
                      base::TimestampMs append_time_ms, const std::optional<std::string>& broker_words) {
    const base::NodeId leader_before = partition.leader(cluster_);
    partition.topic.refresh(cluster_);
    const bool leader_moved = partition.leader(cluster_) != leader_before;
    auto outcome = partition.queue.answered(batch, code, cluster_.now());
    switch (outcome.verdict) {
        case Verdict::complete:
            partition.backoff = Backoff(config_);
            if (code == ErrorCode::duplicate_sequence_number) base_offset = Offset{-1};
            return deliver(partition, std::move(outcome.taken), base_offset, append_time_ms, std::nullopt);
        case Verdict::failed: return give_up(partition, std::move(outcome.taken), kafka_error(code, {}, broker_words));
        case Verdict::split: return split(partition, std::move(outcome.taken));
        case Verdict::new_identity: wants_new_id_ |= identity_.generation == partition.queue.generation(); break;
        case Verdict::bump_epoch:
        case Verdict::retry: break;
    }
    // When the answer named the new leader, there is nothing to wait for.
    if (leader_moved && code == ErrorCode::not_leader_or_follower) return;
    if (wire::needs_new_metadata(code)) cluster_.doubt(partition.topic.name);
    partition.queue.paused_until = cluster_.now() + partition.backoff.next(cluster_.random());
}

/// Halves, as often as the broker says too large: a topic may allow less than a batch of ours.
void Producer::split(Partition& partition, std::unique_ptr<OutgoingBatch> batch) {
    const auto view = records::BatchView::parse(*batch->bytes);
    std::string scratch;
    auto reader = view ? records::read_records(*view, scratch, split_bytes_max) : std::unexpected(view.error());
    KLOG_CHECK(reader.has_value(), "a batch of our own can be read");
    const std::int32_t half = batch->count / 2;
    std::vector<std::unique_ptr<OutgoingBatch>> parts;
    records::BatchBuilder builder;
    records::Record record;
    std::vector<records::Header> headers;
    for (std::int32_t i = 0; reader->next(record).value_or(false); ++i) {
        headers.assign(record.headers.begin(), record.headers.end());
        builder.append({record.timestamp, record.key, record.value, headers});
        if (i + 1 != half && i + 1 != batch->count) continue;
        builder.options().compression = config_.compression;
        auto built = builder.build();
        KLOG_CHECK(built.has_value(), "half a batch can be built");
        auto part = std::make_unique<OutgoingBatch>();
        part->bytes = std::make_shared<std::string>(std::move(*built));
        part->count = builder.count();
        part->born = batch->born;
        const bool first = parts.empty();
        part->first_tag = batch->first_tag;
        part->part_from = batch->part_from + (first ? 0 : half);
        part->more_parts = first || batch->more_parts;
        if (!batch->tags.empty())
            part->tags.assign(batch->tags.begin() + (first ? 0 : half),
                              first ? batch->tags.begin() + half : batch->tags.end());
        part->accounted_bytes =
            first ? batch->accounted_bytes / 2 : batch->accounted_bytes - batch->accounted_bytes / 2;
        if (batch->sequence != records::no_sequence)
            part->sequence = records::sequence_plus(batch->sequence, first ? 0 : half);
        parts.push_back(std::move(part));
        builder.clear();
    }
    partition.queue.put_back(std::move(parts));
}

Task<void> Producer::identify() {
    identifying_ = true;
    Backoff backoff(config_);
    const auto give_up_at = cluster_.now() + std::chrono::milliseconds(config_.metadata_timeout_ms);
    while (!closing_) {
        std::optional<base::Error> error;
        bool fatal = false;
        auto connection = co_await cluster_.any_connection();
        if (!connection) {
            error = connection.error(), fatal = error->code == Errc::authentication_failed;
        } else if (const auto version = (*connection)->version_for<wire::InitProducerIdRequest>(); !version) {
            error = version.error(), fatal = true;
        } else {
            wire::InitProducerIdRequest request;
            request.transaction_timeout_ms = INT32_MAX;
            auto answer = co_await (*connection)->call<wire::InitProducerIdResponse>(std::move(request), *version);
            if (!answer)
                error = answer.error();
            else if (const ErrorCode code = answer->message.error_code; code != ErrorCode::none)
                error = kafka_error(code, "no producer id"), fatal = !wire::is_retriable(code);
            else {
                identity_ = {answer->message.producer_id, answer->message.producer_epoch, identity_.generation + 1};
                break;
            }
        }
        if (fatal || cluster_.now() >= give_up_at) {
            identity_error_ = std::move(error);
            break;
        }
        const auto pause = cluster_.now() + backoff.next(cluster_.random());
        co_await runtime::sleep_until(pause);
    }
    identifying_ = false;
    wake();
}

Task<void> Producer::refresh() {
    Backoff backoff(config_);
    while (cluster_.in_doubt() && !closing_) {
        (void)co_await cluster_.refresh_doubted();
        wake();
        if (!cluster_.in_doubt() || closing_) break;
        const auto pause = cluster_.now() + backoff.next(cluster_.random());
        co_await runtime::sleep_until(pause);
    }
    refreshing_ = false;
}

}  // namespace klog::client
