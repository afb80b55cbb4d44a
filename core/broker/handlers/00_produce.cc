// SPDX-License-Identifier: Apache-2.0
#include "core/broker/handlers/00_produce.h"

#include <algorithm>
#include <deque>
#include <unordered_map>

#include "core/broker/current_leader.h"
#include "core/broker/kafka_error.h"
#include "core/broker/owners.h"
#include "core/log/partition_log.h"
#include "core/wire/frame.h"
#include "core/wire/messages/00_produce.h"

namespace klog::broker {
namespace {

using base::Errc;
using base::Offset;
using replica::Acks;
using wire::ErrorCode;
using Answer = wire::ProduceResponse::Partition;

/// One request until its answer is given. Home shard.
struct Pending {
    Call call;
    std::weak_ptr<Answers> answers;
    AnswerId id = 0;
    std::int32_t correlation_id = 0;
    wire::ProduceResponse response;
    Acks acks = Acks::all;
    std::int32_t timeout_ms = 0;
    std::size_t unsettled = 1;  // Partitions that wait, and one for phase 1.
    bool failed = false;

    void one_settled() {
        if (--unsettled > 0) return;
        const auto to = answers.lock();
        if (!to) return;
        if (acks == Acks::none) return failed ? to->settle_by_closing(id) : to->settle_silently(id);
        to->settle(id, wire::encode_frame(wire::ResponseHeader{correlation_id}, call.version, response));
    }
};

/// One partition of one request.
struct Piece {
    std::shared_ptr<Pending> request;
    Answer* answer = nullptr;                  // In request->response, which keeps its shape.
    std::shared_ptr<const meta::Topic> topic;  // Null: refused already.
    std::string_view bytes;
    std::optional<records::ValidBatch> batch;

    void refuse(ErrorCode code, std::string words = {}) const {
        answer->error_code = code;
        answer->base_offset = Offset{-1};
        if (!words.empty()) answer->error_message = std::move(words);
        request->failed = true;
        if (topic && is_about_leadership(code) && request->call.version >= 10)
            tell_current_leader(request->call, *topic, answer->index, true, *answer, request->response);
    }
    void refuse(const base::Error& error) const { refuse(kafka_error(error), error.message); }
};

/// All batches of one partition that are appended together, and what became of them.
struct PartitionAppend : OwnedItem {
    Acks acks = Acks::all;
    std::int32_t timeout_ms = 0;
    runtime::MonotonicTime deadline;
    BrokerShard* home = nullptr;
    std::vector<Piece*> pieces;
    std::vector<log::LeaderAppend> batches;  // One per piece.

    base::Result<replica::AppendPoint> point = base::fail(Errc::closed, "not appended");
    base::Result<> acknowledged;  // When not waiting.
    bool waiting = false;
};

/// What one wait is for: the answers that it settles.
struct Wait {
    BrokerShard* home = nullptr;
    replica::PartitionKey key;
    Offset end;
    base::LeaderEpoch leader_epoch;
    Acks acks = Acks::all;
    runtime::MonotonicTime deadline;
    std::vector<Piece> pieces;
};

/// After the append a lack of replicas has its own code: the records are in the log, and may yet be committed.
void refuse_acknowledgement(const Piece& piece, const base::Error& error) {
    if (error.code == Errc::not_enough_replicas)
        piece.refuse(ErrorCode::not_enough_replicas_after_append, error.message);
    else
        piece.refuse(error);
}

runtime::Task<void> wait_for_acknowledgement(BrokerShard* owner, std::shared_ptr<Wait> wait) {
    base::Result<> result = base::fail(Errc::not_leader, "the partition is not here any more");
    if (replica::Partition* partition = owner->shared.replicas.find(wait->key))
        result = co_await partition->acknowledged(wait->end, wait->leader_epoch, wait->acks, wait->deadline);
    runtime::Shard& home = wait->home->shard;
    home.post([wait = std::move(wait), result = std::move(result)] {
        for (const Piece& piece : wait->pieces) {
            if (!result) refuse_acknowledgement(piece, result.error());
            piece.request->one_settled();
        }
    });
}

/// Phase 1 on the owner's shard, and the start of phase 2.
runtime::Task<void> append_here(BrokerShard* owner, PartitionAppend* item) {
    replica::Partition* partition = owner->shared.replicas.find(item->key);
    if (partition != nullptr && !partition->ready_for_append()) {
        auto ready = co_await partition->prepare_append();
        if (!ready) {
            item->point = std::unexpected(std::move(ready.error()));
            co_return;
        }
        partition = owner->shared.replicas.find(item->key);
    }
    if (partition == nullptr) {
        item->point = base::fail(Errc::not_leader, "this broker has no such replica");
        co_return;
    }
    item->point = partition->append(item->batches, item->acks);
    if (!item->point || item->acks == Acks::none) co_return;
    Offset end{-1};
    for (const log::LeaderAppend& batch : item->batches)
        if (batch.outcome) end = std::max(end, batch.outcome->last_offset + 1);
    if (end.value < 0) co_return;
    {
        replica::Acknowledged at_once =
            partition->acknowledged(end, item->point->leader_epoch, item->acks, item->deadline);
        if (at_once.await_ready()) {
            item->acknowledged = at_once.await_resume();
            co_return;
        }
    }
    item->waiting = true;
    auto wait = std::make_shared<Wait>(item->home, item->key, end, item->point->leader_epoch, item->acks,
                                       item->deadline, std::vector<Piece>{});
    for (std::size_t i = 0; i < item->pieces.size(); ++i) {
        if (!item->batches[i].outcome) continue;
        const Piece& piece = *item->pieces[i];
        wait->pieces.push_back({piece.request, piece.answer, piece.topic, {}, std::nullopt});
    }
    owner->waiting.spawn(wait_for_acknowledgement(owner, std::move(wait)));
}

void answer_validation(const Piece& piece, records::Refusal refusal) {
    // Kafka takes format 2 only in these versions and calls anything else an invalid record.
    if (refusal.error.code == Errc::unsupported_version) refusal.error.code = Errc::invalid_record;
    piece.refuse(refusal.error);
    for (const records::RecordFault& fault : refusal.faults)
        piece.answer->record_errors.push_back({fault.index, std::string(fault.words())});
}

void take_validation(Piece& piece, std::expected<records::ValidBatch, records::Refusal> batch) {
    if (batch)
        piece.batch.emplace(std::move(*batch));
    else
        answer_validation(piece, std::move(batch.error()));
}

runtime::Task<void> validate_on_pool(BrokerShard* home, Piece* piece, records::BatchRules rules,
                                     base::TimestampMs now_ms) {
    const std::string_view bytes = piece->bytes;
    auto batch = co_await runtime::on_pool(home->shared.runtime.pool(),
                                           [bytes, rules, now_ms] { return records::validate(bytes, rules, now_ms); });
    take_validation(*piece, std::move(batch));
}

struct HashKey {
    std::size_t operator()(const replica::PartitionKey& key) const noexcept {
        return std::hash<base::Uuid>{}(key.topic_id) + static_cast<std::size_t>(key.partition.value);
    }
};

/// The requests of one call of serve_produce.
class Produce {
public:
    Produce(Call call, std::weak_ptr<Answers> answers) : call_(std::move(call)), answers_(std::move(answers)) {}

    /// corrupt: the body is damaged; nothing was taken of it.
    base::Result<> add(const wire::RequestFrame& frame, AnswerId id);
    runtime::Task<void> serve();

private:
    void add_partition(const std::shared_ptr<Pending>& request, const wire::ProduceRequest::Topic& topic,
                       const std::shared_ptr<const meta::Topic>& known,
                       const wire::ProduceRequest::Partition& partition, ErrorCode topic_error, Answer* answer);
    ErrorCode check_topic(const Pending& request, const wire::ProduceRequest::Topic& topic,
                          const std::shared_ptr<const meta::Topic>& known) const;
    runtime::Task<void> validate();
    void gather();
    void answer(const PartitionAppend& append);

    BrokerShard& home() const { return *call_.home; }

    Call call_;
    std::weak_ptr<Answers> answers_;
    std::vector<std::shared_ptr<Pending>> requests_;
    std::deque<Piece> pieces_;
    std::deque<PartitionAppend> appends_;
    std::unordered_map<replica::PartitionKey, PartitionAppend*, HashKey> last_of_;  // Of each partition.
};

base::Result<> Produce::add(const wire::RequestFrame& frame, AnswerId id) {
    wire::ProduceRequest request;
    wire::DecodeError why;
    if (!wire::decode(frame.body, frame.header.api_version, request, &why))
        return std::unexpected(wire::to_error(why, "Produce"));
    std::size_t partitions = 0;
    for (const auto& topic : request.topic_data) partitions += topic.partition_data.size();
    if (partitions > produce_partitions_max)
        return base::fail(Errc::corrupt, "a Produce of {} partitions, over {}", partitions, produce_partitions_max);
    auto pending = std::make_shared<Pending>();
    pending->call = call_;
    pending->call.version = frame.header.api_version;
    pending->answers = answers_;
    pending->id = id;
    pending->correlation_id = frame.header.correlation_id;
    pending->acks = static_cast<Acks>(request.acks);
    pending->timeout_ms = request.timeout_ms;
    auto& responses = pending->response.responses;
    responses.reserve(request.topic_data.size());
    for (const auto& topic : request.topic_data) {
        const bool by_id = frame.header.api_version >= 13;
        const auto& known = by_id ? home().image()->topic_ptr(topic.topic_id) : home().image()->topic_ptr(topic.name);
        const ErrorCode topic_error = check_topic(*pending, topic, known);
        auto& answers = responses.emplace_back(std::string(topic.name), topic.topic_id, std::vector<Answer>{});
        answers.partition_responses.resize(topic.partition_data.size());
        for (std::size_t i = 0; i < topic.partition_data.size(); ++i)
            add_partition(pending, topic, known, topic.partition_data[i], topic_error, &answers.partition_responses[i]);
    }
    requests_.push_back(std::move(pending));
    return {};
}

ErrorCode Produce::check_topic(const Pending& request, const wire::ProduceRequest::Topic& topic,
                               const std::shared_ptr<const meta::Topic>& known) const {
    const wire::Version version = request.call.version;
    if (version < 3) return ErrorCode::unsupported_version;
    if (request.acks != Acks::none && request.acks != Acks::leader && request.acks != Acks::all)
        return ErrorCode::invalid_required_acks;
    if (!known && version >= 13) return ErrorCode::unknown_topic_id;
    const std::string_view name = known ? std::string_view(known->name) : topic.name;
    if (!call_.allowed(wire::AclOperation::write, name)) return ErrorCode::topic_authorization_failed;
    if (!known) return ErrorCode::unknown_topic_or_partition;
    if (meta::is_internal_topic(name)) return ErrorCode::invalid_topic_exception;
    return ErrorCode::none;
}

void Produce::add_partition(const std::shared_ptr<Pending>& request, const wire::ProduceRequest::Topic&,
                            const std::shared_ptr<const meta::Topic>& known,
                            const wire::ProduceRequest::Partition& partition, ErrorCode topic_error, Answer* answer) {
    answer->index = partition.index;
    Piece piece{request, answer, known, {}, std::nullopt};
    if (topic_error != ErrorCode::none) return piece.refuse(topic_error);
    if (known->partition(partition.index) == nullptr) return piece.refuse(ErrorCode::unknown_topic_or_partition);
    if (partition.records) piece.bytes = partition.records->view();
    if (piece.bytes.empty()) return piece.refuse(ErrorCode::invalid_record, "a partition without a record batch");
    if (request->call.version < 7 && piece.bytes.size() >= records::batch_header_bytes &&
        records::HeaderView(piece.bytes.data()).codec_bits() == static_cast<std::uint8_t>(records::Codec::zstd))
        return piece.refuse(ErrorCode::unsupported_compression_type, "zstd needs Produce version 7");
    pieces_.push_back(std::move(piece));
}

runtime::Task<void> Produce::validate() {
    const base::TimestampMs now_ms = home().wall_ms();
    records::ShardValidation here;
    runtime::Scope on_pool;
    for (Piece& piece : pieces_) {
        const records::BatchRules& rules = home().batch_rules(piece.topic->name);
        if (auto batch = here.try_validate(piece.bytes, rules, now_ms))
            take_validation(piece, *std::move(batch));
        else
            on_pool.spawn(validate_on_pool(&home(), &piece, rules, now_ms));
    }
    co_await on_pool.join();
}

/// Puts the valid batches together by partition, in the order of their requests.
void Produce::gather() {
    for (Piece& piece : pieces_) {
        if (!piece.batch) continue;
        if (piece.batch->transactional) {
            piece.refuse(ErrorCode::invalid_txn_state, "the partition is not part of a transaction");
            continue;
        }
        const replica::PartitionKey key{piece.topic->id, piece.answer->index};
        const Pending& request = *piece.request;
        PartitionAppend*& append = last_of_[key];
        // Only with the one before it, so that the batches of a partition keep their order.
        if (append == nullptr || append->acks != request.acks || append->timeout_ms != request.timeout_ms) {
            append = &appends_.emplace_back();
            append->key = key;
            append->acks = request.acks;
            append->timeout_ms = request.timeout_ms;
            append->deadline = call_.deadline_in(request.timeout_ms);
            append->home = &home();
        }
        append->pieces.push_back(&piece);
        append->batches.push_back({&*piece.batch});
        ++piece.request->unsettled;
    }
}

/// Back home: what the append says at once. Pieces that wait are settled by their wait.
void Produce::answer(const PartitionAppend& append) {
    for (std::size_t i = 0; i < append.pieces.size(); ++i) {
        const Piece& piece = *append.pieces[i];
        const auto& outcome = append.batches[i].outcome;
        if (!append.point) {
            piece.refuse(append.point.error());
        } else if (!outcome) {
            piece.refuse(outcome.error());
            piece.answer->log_start_offset = append.point->log_start;
        } else {
            if (piece.answer->error_code == ErrorCode::none) piece.answer->base_offset = outcome->base_offset;
            piece.answer->log_append_time_ms = outcome->append_time_ms;
            piece.answer->log_start_offset = append.point->log_start;
            if (append.waiting) continue;
            if (!append.acknowledged) refuse_acknowledgement(piece, append.acknowledged.error());
        }
        piece.request->one_settled();
    }
}

runtime::Task<void> Produce::serve() {
    co_await validate();
    gather();
    std::vector<PartitionAppend*> items;
    items.reserve(appends_.size());
    for (PartitionAppend& append : appends_) items.push_back(&append);
    if (!items.empty()) co_await on_owners(&home(), std::move(items), append_here);
    for (const PartitionAppend& append : appends_) answer(append);
    for (const auto& request : requests_) request->one_settled();
}

}  // namespace

runtime::Task<base::Result<>> serve_produce(Call call, std::weak_ptr<Answers> answers,
                                            std::vector<ProduceFrame> frames) {
    Produce produce(std::move(call), answers);
    base::Result<> result;
    for (const ProduceFrame& one : frames) {
        if (result) result = produce.add(one.frame, one.answer);
        if (result) continue;
        if (const auto to = answers.lock()) to->settle_by_closing(one.answer);
    }
    co_await produce.serve();
    co_return result;
}

}  // namespace klog::broker
