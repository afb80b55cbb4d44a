// SPDX-License-Identifier: Apache-2.0
// Fetch, versions 4 to 18. Sessions of KIP-227 in core/broker/fetch_session.h, waiting in fetch_watch.h.
//
// A fetch reads the partitions of which something may have changed, those of one shard in turn and the shards side by
// side, each with the whole budget; then the answer takes what fits, in the session's order. Partitions that had data
// go to the end of that order and those that did not fit to its front, so that none starves. The first batch is always
// answered (KIP-74). Too little for fetch.min.bytes: it waits until its partitions tell of more.
#include "core/wire/messages/01_fetch.h"

#include <algorithm>
#include <map>
#include <unordered_set>

#include "core/broker/current_leader.h"
#include "core/broker/fetch_watch.h"
#include "core/broker/handlers/handlers.h"
#include "core/broker/kafka_error.h"
#include "core/broker/owners.h"
#include "core/controller/topic_names.h"

namespace klog::broker {
namespace {

using base::Offset;
using replica::Isolation;
using wire::ErrorCode;
using Answer = wire::FetchResponse::Partition;

/// What is left of a fetch's bytes for the partitions of one shard, which are read one after another.
struct Budget {
    std::uint64_t left = 0;
    bool first = true;  // Nothing was found yet: the next batch is read however large it is.
};

struct Read : OwnedItem {
    FetchToken token = 0;
    std::shared_ptr<const meta::Topic> topic;  // Null: no such topic.
    ErrorCode refused = ErrorCode::none;       // Before anything was read.
    replica::ReadRequest request;
    Budget* budget = nullptr;
    base::Result<replica::ReadResult> result = replica::ReadResult{};

    ErrorCode error() const { return refused != ErrorCode::none ? refused : kafka_error(result); }
    std::uint64_t bytes() const { return error() == ErrorCode::none ? result->bytes : 0; }
    /// There is something to read, and the budget was gone.
    bool went_without() const {
        if (error() != ErrorCode::none || result->bytes > 0 || result->diverging) return false;
        return request.from <
               (request.isolation == Isolation::read_committed ? result->stable : result->high_watermark);
    }
};

runtime::Task<void> read_here(BrokerShard* owner, Read* read) {
    Budget& budget = *read->budget;
    if (budget.left == 0 && !budget.first) {
        read->request.bytes_max = 0;
        read->request.first_batch_always = false;
    } else {
        read->request.bytes_max =
            static_cast<std::uint32_t>(std::min<std::uint64_t>(read->request.bytes_max, budget.left));
        read->request.first_batch_always = budget.first;
    }
    replica::Partition* partition = owner->shared.replicas.find(read->key);
    if (partition == nullptr) {
        read->result = base::fail(base::Errc::not_leader, "this broker has no such replica");
        co_return;
    }
    read->result = co_await partition->read(read->request);
    if (!read->result || read->result->bytes == 0) co_return;
    budget.first = false;
    budget.left -= std::min(budget.left, read->result->bytes);
}

class Fetch {
public:
    Fetch(Call call, const wire::FetchRequest& request);

    /// Copies what it needs of the request, before anything suspends.
    void take(const wire::FetchRequest& request);
    /// Changes the session as the request says, once no other fetch of it is under way. False: it has grown too large
    /// and has ended; the client begins another.
    bool apply_changes();
    runtime::Task<wire::FetchResponse> serve();

private:
    struct Change {
        FetchName name;
        std::optional<FetchAsk> ask;  // None: forget it.
    };

    std::size_t session_partitions_max() const;
    void copy_changes(const wire::FetchRequest& request);
    FetchName name_of(std::string_view topic, const base::Uuid& topic_id, base::PartitionId partition) const;
    void end_turn() {
        session_->busy = false;
        call_.waiters->wake.notify_all();
    }
    runtime::Task<void> read_dirty();
    Read prepare(FetchToken token, const FetchPartition& partition) const;
    runtime::Task<void> wait();
    runtime::Task<void> arm();
    void mark_changed(const std::vector<FetchWatch::Changed>& changed);
    bool may_be_enough() const;
    bool enough() const;
    wire::FetchResponse answer();
    Answer answer_one(const Read& read, FetchPartition& partition, bool with_data, wire::FetchResponse& response) const;
    bool worth_telling(const Read& read, const FetchPartition& partition, bool with_data) const;

    BrokerShard& home() const { return *call_.home; }
    bool by_id() const { return call_.version >= 13; }

    Call call_;
    Isolation isolation_;
    runtime::MonotonicTime deadline_;
    std::uint64_t bytes_min_;
    std::uint64_t bytes_max_;
    bool follower_;
    bool incremental_ = false;
    std::vector<Change> changes_;  // Of the session; gone once they are applied.
    FetchSessions::Ptr session_;   // One of its own when there is none.
    std::int32_t answered_id_ = 0;
    ErrorCode error_ = ErrorCode::none;
    std::vector<Read> reads_;                    // In the order of the answer.
    std::map<FetchToken, std::uint64_t> found_;  // While it waits: bytes that may be read, an estimate.
};

Fetch::Fetch(Call call, const wire::FetchRequest& request)
    : call_(std::move(call)),
      isolation_(request.isolation_level == 1 ? Isolation::read_committed : Isolation::read_uncommitted),
      deadline_(call_.deadline_in(request.max_wait_ms)),
      bytes_min_(request.max_wait_ms <= 0 ? 0 : static_cast<std::uint64_t>(std::max(request.min_bytes, 0))),
      bytes_max_(static_cast<std::uint64_t>(
          std::min<std::int64_t>(std::max(request.max_bytes, 0), home().shared.config.integer("fetch.max.bytes")))),
      follower_((call_.version >= 15 ? request.replica_state.replica_id : request.replica_id).value >= 0) {
    bytes_min_ = std::min(bytes_min_, bytes_max_);
}

FetchName Fetch::name_of(std::string_view topic, const base::Uuid& topic_id, base::PartitionId partition) const {
    if (by_id()) return {topic_id, {}, partition};
    return {{}, std::string(topic), partition};
}

void Fetch::copy_changes(const wire::FetchRequest& request) {
    if (incremental_)
        for (const auto& topic : request.forgotten_topics_data)
            for (const base::PartitionId partition : topic.partitions)
                changes_.push_back({name_of(topic.topic, topic.topic_id, partition), std::nullopt});
    for (const auto& topic : request.topics)
        for (const auto& partition : topic.partitions)
            changes_.push_back({name_of(topic.topic, topic.topic_id, partition.partition),
                                FetchAsk{partition.fetch_offset, partition.partition_max_bytes,
                                         partition.current_leader_epoch, partition.last_fetched_epoch}});
}

std::size_t Fetch::session_partitions_max() const {
    if (session_ && session_->size() <= session_partitions_min) return session_partitions_min;
    std::size_t partitions = 0;
    for (const auto& topic : home().image()->topics()) partitions += topic->partitions.size();
    return std::max(partitions, session_partitions_min);
}

bool Fetch::apply_changes() {
    for (Change& change : std::exchange(changes_, {})) {
        if (change.ask) {
            session_->put(std::move(change.name), *change.ask);
            continue;
        }
        const auto token = session_->forget(change.name);
        if (token && session_->watch) session_->watch->forget(*token);
    }
    return !incremental_ || home().sessions.resized(*session_, session_partitions_max());
}

/// A topic's name is not as long; such a name is not kept.
bool has_long_name(const wire::FetchRequest& request) {
    return std::ranges::any_of(request.topics,
                               [](const auto& one) { return one.topic.size() > controller::topic_name_bytes_max; });
}

void Fetch::take(const wire::FetchRequest& request) {
    using enum FetchSessions::Found::Kind;
    FetchSessions& cache = home().sessions;
    const auto now = home().shard.now();
    const void* owner = call_.waiters.get();
    FetchSessions::Found found{.kind = none};
    if (call_.version >= 7) found = cache.find(request.session_id, request.session_epoch, by_id(), owner, now);
    error_ = has_long_name(request) ? ErrorCode::invalid_request : found.error;
    if (error_ != ErrorCode::none) return;
    if (found.kind == FetchSessions::Found::Kind::incremental) {
        incremental_ = true;
        session_ = std::move(found.session);
        copy_changes(request);
        answered_id_ = session_->id();
        return;
    }
    session_ = std::make_shared<FetchSession>();
    if (found.kind == create && !request.topics.empty()) {
        std::size_t size = 0;
        for (const auto& topic : request.topics) size += topic.partitions.size();
        if (size <= session_partitions_min || size <= session_partitions_max())
            if (auto made = cache.create(size, by_id(), owner, now)) session_ = std::move(made);
        answered_id_ = session_->id();
    }
    copy_changes(request);
}

/// The request for one partition, or why it is refused.
Read Fetch::prepare(FetchToken token, const FetchPartition& partition) const {
    Read read;
    read.token = token;
    const auto& image = home().image();
    read.topic = by_id() ? image->topic_ptr(partition.name.topic_id) : image->topic_ptr(partition.name.topic);
    if (!read.topic && by_id()) {
        read.refused = ErrorCode::unknown_topic_id;
        return read;
    }
    const std::string& name = read.topic ? read.topic->name : partition.name.topic;
    if (!call_.allowed(wire::AclOperation::read, name)) {
        read.refused = ErrorCode::topic_authorization_failed;
        return read;
    }
    if (!read.topic || read.topic->partition(partition.name.partition) == nullptr) {
        read.refused = ErrorCode::unknown_topic_or_partition;
        return read;
    }
    // Nobody follows this broker yet.
    if (follower_) read.refused = ErrorCode::not_leader_or_follower;
    read.key = {read.topic->id, partition.name.partition};
    const FetchAsk& ask = partition.ask;
    read.request.from = ask.offset;
    read.request.bytes_max = static_cast<std::uint32_t>(std::max(ask.bytes_max, 0));
    read.request.isolation = isolation_;
    if (ask.current_leader_epoch.value >= 0) read.request.current_leader_epoch = ask.current_leader_epoch;
    if (ask.last_fetched_epoch.value >= 0) read.request.last_fetched_epoch = ask.last_fetched_epoch;
    return read;
}

runtime::Task<void> Fetch::read_dirty() {
    // What had data and was not enough is read again with what has changed.
    std::vector<FetchToken> again;
    for (const Read& read : reads_)
        if (read.bytes() > 0) again.push_back(read.token);
    session_->mark_first(again);
    const std::vector<FetchToken> tokens = session_->take_dirty();
    std::vector<Read> before = std::exchange(reads_, {});
    reads_.reserve(tokens.size() + before.size());
    for (const FetchToken token : tokens) reads_.push_back(prepare(token, *session_->find(token)));
    std::vector<Budget> budgets(home().shared.runtime.shard_count(), Budget{bytes_max_, true});
    std::vector<Read*> items;
    for (Read& read : reads_) {
        if (read.refused != ErrorCode::none) continue;
        read.budget = &budgets[home().shared.replicas.owner(read.key).index()];
        items.push_back(&read);
    }
    const std::unordered_set<FetchToken> read_now(tokens.begin(), tokens.end());
    for (Read& read : before)
        if (!read_now.contains(read.token)) reads_.push_back(std::move(read));
    if (!items.empty()) co_await on_owners(&home(), std::move(items), read_here);
}

bool Fetch::enough() const {
    std::uint64_t bytes = 0;
    for (const Read& read : reads_) {
        if (read.error() != ErrorCode::none || read.result->diverging) return true;
        bytes += read.result->bytes;
    }
    return bytes >= bytes_min_;
}

/// Sees to it that every partition is watched, and from where the client is.
runtime::Task<void> Fetch::arm() {
    if (!session_->watch) session_->watch = std::make_shared<FetchWatch>(home(), call_.waiters);
    const auto watch = session_->watch;
    std::vector<FetchWatch::Item> items;
    for (const Read& read : reads_) {
        FetchPartition* partition = session_->find(read.token);
        if (partition == nullptr || partition->watched_from == partition->ask.offset) continue;
        items.push_back({read.key, read.token, partition->ask.offset, isolation_, !partition->watched_from});
        partition->watched_from = partition->ask.offset;
    }
    if (items.empty()) co_return;
    auto changed = co_await watch->watch(std::move(items));
    mark_changed(changed);
}

void Fetch::mark_changed(const std::vector<FetchWatch::Changed>& changed) {
    for (const auto& one : changed) {
        if (one.bytes == 0 && !one.gone) continue;
        session_->mark(one.token);
        if (FetchPartition* partition = one.gone ? session_->find(one.token) : nullptr) partition->watched_from.reset();
        // Who leads is worth an answer at once.
        found_[one.token] = one.gone ? replica::bytes_unknown : one.bytes;
    }
}

bool Fetch::may_be_enough() const {
    std::uint64_t bytes = 0;
    for (const auto& [token, found] : found_) bytes += found;
    return bytes >= bytes_min_;
}

/// Until there may be enough, or the time is up.
runtime::Task<void> Fetch::wait() {
    found_.clear();
    for (const Read& read : reads_) found_[read.token] = read.bytes();
    co_await arm();
    const auto watch = session_->watch;
    const auto waiters = call_.waiters;
    while (!may_be_enough() && !waiters->leaving && home().shard.now() < deadline_) {
        if (!watch->rung()) {
            co_await waiters->wake.wait(deadline_);
            continue;
        }
        auto changed = co_await watch->take();
        mark_changed(changed);
    }
}

runtime::Task<wire::FetchResponse> Fetch::serve() {
    if (error_ != ErrorCode::none) {
        wire::FetchResponse refused;
        refused.error_code = error_;
        co_return refused;
    }
    // Fetches of one session are served one after another: each builds on what the one before has told.
    const auto waiters = call_.waiters;
    while (session_->busy) co_await waiters->wake.wait();
    session_->busy = true;
    if (!apply_changes()) {
        end_turn();
        wire::FetchResponse refused;
        refused.error_code = ErrorCode::fetch_session_id_not_found;
        co_return refused;
    }
    // What has changed since the last fetch of the session.
    if (const auto watch = session_->watch; watch && watch->rung()) {
        auto changed = co_await watch->take();
        mark_changed(changed);
    }
    co_await read_dirty();
    if (!enough() && session_->size() > 0) {
        co_await wait();
        co_await read_dirty();
    }
    wire::FetchResponse response = answer();
    end_turn();
    co_return response;
}

bool Fetch::worth_telling(const Read& read, const FetchPartition& partition, bool with_data) const {
    if (!incremental_ || with_data || partition.told_error || read.error() != ErrorCode::none) return true;
    return read.result->diverging || read.result->high_watermark != partition.told_high_watermark ||
           read.result->log_start != partition.told_log_start;
}

Answer Fetch::answer_one(const Read& read, FetchPartition& partition, bool with_data,
                         wire::FetchResponse& response) const {
    Answer answer;
    answer.partition_index = partition.name.partition;
    answer.error_code = read.error();
    partition.told_error = answer.error_code != ErrorCode::none;
    if (partition.told_error) {
        answer.high_watermark = Offset{-1};
        if (read.topic && is_about_leadership(answer.error_code) && call_.version >= 12)
            tell_current_leader(call_, *read.topic, answer.partition_index, call_.version >= 16, answer, response);
        return answer;
    }
    const replica::ReadResult& result = *read.result;
    answer.high_watermark = partition.told_high_watermark = result.high_watermark;
    answer.log_start_offset = partition.told_log_start = result.log_start;
    answer.last_stable_offset = result.stable;
    if (result.diverging) answer.diverging_epoch = {result.diverging->epoch, result.diverging->end_offset};
    if (isolation_ == Isolation::read_committed) {
        auto& aborted = answer.aborted_transactions.emplace();
        if (with_data)
            for (const auto& one : result.aborted) aborted.push_back({one.producer_id, one.first_offset});
    }
    if (with_data) {
        base::Chain chain;
        for (const base::FileSlice& slice : result.slices) chain.append(slice);
        answer.records.emplace(std::move(chain));
    }
    return answer;
}

wire::FetchResponse Fetch::answer() {
    wire::FetchResponse response;
    response.session_id = answered_id_;
    std::uint64_t left = bytes_max_;
    bool any = false;
    std::vector<FetchToken> no_turn;
    for (const Read& read : reads_) {
        FetchPartition* partition = session_->find(read.token);
        if (partition == nullptr) continue;  // Forgotten while this fetch waited.
        const std::uint64_t bytes = read.bytes();
        // Another shard may have read a first batch too that is larger than what its partition is asked for.
        const bool within = bytes <= left && bytes <= static_cast<std::uint64_t>(std::max(partition->ask.bytes_max, 0));
        const bool fits = (within || !any) && !read.went_without();
        const bool with_data = bytes > 0 && fits;
        if (!fits) no_turn.push_back(read.token);
        if (with_data) {
            any = true;
            left -= std::min(left, bytes);
        }
        // Clean is only what is watched.
        if (read.error() != ErrorCode::none) partition->watched_from.reset();
        if (fits && !with_data && !partition->watched_from) session_->mark(read.token);
        if (!worth_telling(read, *partition, with_data)) continue;
        const bool same_topic = !response.responses.empty() &&
                                response.responses.back().topic == partition->name.topic &&
                                response.responses.back().topic_id == partition->name.topic_id;
        if (!same_topic)
            response.responses.emplace_back(partition->name.topic, partition->name.topic_id, std::vector<Answer>{});
        response.responses.back().partitions.push_back(answer_one(read, *partition, with_data, response));
        if (with_data) session_->mark(read.token);
    }
    session_->mark_first(no_turn);
    return response;
}

}  // namespace

runtime::Task<wire::FetchResponse> handle(Call call, wire::FetchRequest request) {
    Fetch fetch(std::move(call), request);
    fetch.take(request);
    auto response = co_await fetch.serve();
    co_return response;
}

}  // namespace klog::broker
