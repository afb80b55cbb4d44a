// SPDX-License-Identifier: Apache-2.0
#include "core/client/consumer.h"

#include <algorithm>

#include "core/client/errors.h"
#include "core/wire/messages/01_fetch.h"

namespace klog::client {

using base::Errc;
using base::MonotonicTime;
using base::NodeId;
using base::Offset;
using base::Result;
using runtime::Task;
using wire::ErrorCode;

namespace {

/// Fetch names topics by id since 13.
constexpr wire::Version fetch_by_id_since = 13;
/// How long a topic may be gone before reading it is given up: it may just have been made.
constexpr auto gone_patience = std::chrono::seconds(5);
/// So often in a row a broker may say that a batch is damaged: on its disk that does not pass by itself.
constexpr int damaged_answers_max = 5;
/// Silence of this length is said, once.
constexpr auto silence_worth_a_word = std::chrono::seconds(5);

}  // namespace

struct Consumer::Part {
    TopicPartition where;
    base::Uuid topic_id;
    Offset position;
    std::optional<Offset> until;
    Backoff backoff;
    bool done = false;
    bool moving = false;  // Its position is being put into range.
    MonotonicTime paused_until{};
    std::optional<MonotonicTime> gone_since;
    std::optional<MonotonicTime> silent_since;  // No broker has answered for it.
    int damaged_answers = 0;                    // In a row.
};

Consumer::Consumer(Cluster& cluster, std::function<void(std::string)> warn)
    : cluster_(cluster),
      config_(cluster.config()),
      warn_(std::move(warn)),
      came_(std::make_unique<runtime::Signal>()),
      room_(std::make_unique<runtime::Signal>()),
      scope_(std::make_unique<runtime::Scope>()) {}

Consumer::~Consumer() = default;

void Consumer::assign(const std::string& topic, const std::vector<Stretch>& stretches) {
    const TopicPtr info = cluster_.known(topic);
    for (const Stretch& stretch : stretches) {
        TopicPartition where{topic, stretch.partition};
        auto part = std::make_unique<Part>(where, info ? info->id : base::Uuid{}, stretch.from, stretch.until,
                                           Backoff(config_));
        part->done = stretch.until && stretch.from >= *stretch.until;
        parts_[std::move(where)] = std::move(part);
    }
    start_fetchers();
}

void Consumer::follow(const std::string& topic) {
    const auto of_topic = [&](const auto& part) { return part.first.topic == topic; };
    followed_[topic] = static_cast<std::size_t>(std::count_if(parts_.begin(), parts_.end(), of_topic));
}

void Consumer::add_new_partitions() {
    for (auto& [topic, count] : followed_) {
        const TopicPtr info = cluster_.known(topic);
        if (!info) continue;
        if (cluster_.is_old(*info)) cluster_.doubt(topic);
        for (; count < info->partitions.size(); ++count) {
            TopicPartition where{topic, info->partitions[count].id};
            auto part = std::make_unique<Part>(where, info->id, Offset{0}, std::nullopt, Backoff(config_));
            parts_.emplace(std::move(where), std::move(part));
        }
    }
}

bool Consumer::finished() const {
    return stopped_ || std::all_of(parts_.begin(), parts_.end(), [](const auto& p) { return p.second->done; });
}

void Consumer::stop() {
    stopped_ = true;
    fetched_.clear();
    came_->notify_all();
    room_->notify_all();
}

Task<void> Consumer::close() {
    stop();
    // Fetches that wait at a broker end with their connections.
    for (const auto& [leader, connection] : connections_) connection->close();
    co_await scope_->join();
}

Task<Result<std::optional<Fetched>>> Consumer::next() {
    while (fetched_.empty() && !failed_ && !finished()) co_await came_->wait();
    if (!fetched_.empty()) {
        std::optional<Fetched> first = std::move(fetched_.front());
        fetched_.pop_front();
        fetched_bytes_ -= first->records.size();
        room_->notify_all();
        co_return first;
    }
    if (failed_) co_return std::unexpected(*failed_);
    co_return std::nullopt;
}

NodeId Consumer::leader_of(const Part& part) const {
    const TopicPtr info = cluster_.known(part.where.topic);
    const PartitionInfo* partition = info ? info->find(part.where.partition) : nullptr;
    return partition && cluster_.brokers().contains(partition->leader) ? partition->leader : base::no_node;
}

void Consumer::start_fetchers() {
    if (stopped_ || failed_) return;
    add_new_partitions();
    for (const auto& [where, part] : parts_) {
        if (part->done) continue;
        const NodeId leader = leader_of(*part);
        if (leader == base::no_node) {
            cluster_.doubt(where.topic);
        } else if (!fetching_[leader]) {
            fetching_[leader] = true;
            scope_->spawn(fetch_from(leader));
        }
    }
    if (cluster_.in_doubt() && !refreshing_) {
        refreshing_ = true;
        scope_->spawn(refresh());
    }
}

Task<void> Consumer::refresh() {
    Backoff backoff(config_);
    while (cluster_.in_doubt() && !stopped_ && !failed_) {
        const auto refreshed = co_await cluster_.refresh_doubted();
        if (!refreshed) last_error_ = refreshed.error();
        if (!cluster_.in_doubt() || stopped_) break;
        for (const auto& [where, part] : parts_)
            if (!part->done && leader_of(*part) == base::no_node) silent(*part);
        const auto pause = cluster_.now() + backoff.next(cluster_.random());
        co_await room_->wait(pause);
    }
    refreshing_ = false;
    room_->notify_all();
    start_fetchers();
}

FetchSession::Wishes Consumer::wishes_of(NodeId leader, MonotonicTime now) const {
    FetchSession::Wishes wishes;
    for (const auto& [where, part] : parts_) {
        if (part->done || part->moving || now < part->paused_until || leader_of(*part) != leader) continue;
        const TopicPtr info = cluster_.known(where.topic);
        wishes[where] = {part->topic_id, part->position, info->find(where.partition)->leader_epoch,
                         static_cast<std::int32_t>(config_.fetch_partition_bytes)};
    }
    return wishes;
}

std::optional<MonotonicTime> Consumer::first_pause_end(NodeId leader) const {
    std::optional<MonotonicTime> first;
    for (const auto& [where, part] : parts_) {
        if (part->done || leader_of(*part) != leader) continue;
        const MonotonicTime end = part->moving ? cluster_.now() + std::chrono::seconds(1) : part->paused_until;
        first = first ? std::min(*first, end) : end;
    }
    return first;
}

Task<void> Consumer::fetch_from(NodeId leader) {
    FetchSession session;
    while (!stopped_ && !failed_) {
        if (fetched_bytes_ >= static_cast<std::size_t>(config_.prefetch_bytes)) {
            co_await room_->wait();
            continue;
        }
        if (wishes_of(leader, cluster_.now()).empty()) {
            const auto pause_end = first_pause_end(leader);
            if (!pause_end) break;  // Nothing is led there any more.
            co_await room_->wait(pause_end);
            continue;
        }
        auto fetched = fetch_once(leader, &session);
        if (!co_await std::move(fetched)) {
            session.lost();
            pause_all(leader);
        }
        start_fetchers();
    }
    fetching_[leader] = false;
    came_->notify_all();
}

/// One request and its answer. False: the broker could not be asked.
Task<bool> Consumer::fetch_once(NodeId leader, FetchSession* session) {
    const auto connection = co_await cluster_.connection(leader, Lane::fetch);
    if (!connection) {
        last_error_ = connection.error();
        co_return false;
    }
    connections_[leader] = *connection;
    if (stopped_) co_return true;
    const FetchSession::Wishes wishes = wishes_of(leader, cluster_.now());
    if (wishes.empty()) co_return true;
    const bool ids =
        std::none_of(wishes.begin(), wishes.end(), [](const auto& w) { return w.second.topic_id.is_zero(); });
    const auto version =
        (*connection)->version_for<wire::FetchRequest>(ids ? wire::version_max : wire::Version{fetch_by_id_since - 1});
    if (!version) {
        failed_ = version.error();
        came_->notify_all();
        co_return true;
    }
    wire::FetchRequest request;
    request.max_wait_ms = static_cast<std::int32_t>(config_.fetch_wait_ms);
    request.min_bytes = static_cast<std::int32_t>(config_.fetch_min_bytes);
    request.max_bytes = static_cast<std::int32_t>(config_.fetch_max_bytes);
    request.isolation_level = static_cast<std::int8_t>(config_.isolation);
    request.rack_id = config_.rack;
    session->ask(wishes, request);
    if (*version < 7) request.session_id = 0, request.session_epoch = -1;
    auto answer = co_await (*connection)
                      ->call<wire::FetchResponse>(std::move(request), *version,
                                                  config_.request_timeout_ms + config_.fetch_wait_ms);
    if (!answer) {
        last_error_ = answer.error();
        co_return stopped_;
    }
    if (!session->answered(answer->message.error_code, answer->message.session_id)) {
        const ErrorCode code = answer->message.error_code;
        if (code == ErrorCode::unknown_topic_id || code == ErrorCode::inconsistent_topic_id ||
            code == ErrorCode::fetch_session_topic_id_error)
            for (const auto& [where, wish] : wishes) cluster_.doubt(where.topic);
        if (!wire::is_retriable(code)) {
            failed_ = kafka_error(code);
            came_->notify_all();
        }
        co_return true;
    }
    for (const auto& [where, wish] : wishes)
        if (const auto part = parts_.find(where); part != parts_.end()) part->second->silent_since.reset();
    silence_told_ = false;
    for (const auto& endpoint : answer->message.node_endpoints)
        cluster_.learn_broker(endpoint.node_id, {endpoint.host, static_cast<std::uint16_t>(endpoint.port)});
    for (auto& topic : answer->message.responses) {
        const std::string* name = *version >= fetch_by_id_since ? cluster_.name_of(topic.topic_id) : &topic.topic;
        if (name == nullptr) continue;
        for (auto& partition : topic.partitions) {
            const auto part = parts_.find(TopicPartition{*name, partition.partition_index});
            // What was asked for may be another position by now.
            const auto asked = wishes.find(TopicPartition{*name, partition.partition_index});
            if (part == parts_.end() || asked == wishes.end() || part->second->done ||
                part->second->position != asked->second.offset)
                continue;
            take(*part->second, partition, answer->frame);
        }
    }
    co_return true;
}

void Consumer::take(Part& part, wire::FetchResponse::Partition& answer, const base::SharedBytes& frame) {
    if (answer.current_leader.leader_id != base::no_node)
        cluster_.learn_leader(part.where.topic, part.where.partition, answer.current_leader.leader_id,
                              answer.current_leader.leader_epoch);
    if (answer.error_code != ErrorCode::none) return trouble(part, answer);
    part.backoff = Backoff(config_);
    part.gone_since.reset();
    part.damaged_answers = 0;
    const std::string_view bytes = answer.records ? answer.records->view() : std::string_view();
    if (bytes.empty()) return;
    const auto whole = whole_entries(bytes);
    if (!whole || !whole->next) {
        failed_ = base::Error{
            Errc::corrupt, fmt::format("partition {} at offset {}: {} (CORRUPT_MESSAGE)", part.where.partition,
                                       part.position, whole ? "the first batch is incomplete" : whole.error().message)};
        came_->notify_all();
        return;
    }
    Fetched fetched{part.where,
                    frame,
                    bytes.substr(0, whole->bytes),
                    part.position,
                    part.until,
                    std::max(*whole->next, part.position),
                    answer.high_watermark,
                    answer.last_stable_offset,
                    answer.log_start_offset,
                    {}};
    if (answer.aborted_transactions)
        for (const auto& aborted : *answer.aborted_transactions)
            fetched.aborted.push_back({aborted.producer_id, aborted.first_offset});
    std::sort(fetched.aborted.begin(), fetched.aborted.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    part.position = fetched.next;
    part.done = part.until && part.position >= *part.until;
    fetched_bytes_ += fetched.records.size();
    fetched_.push_back(std::move(fetched));
    came_->notify_all();
}

void Consumer::pause(Part& part) { part.paused_until = cluster_.now() + part.backoff.next(cluster_.random()); }

void Consumer::pause_all(NodeId leader) {
    for (const auto& [where, part] : parts_) {
        if (part->done || leader_of(*part) != leader) continue;
        cluster_.doubt(where.topic);
        pause(*part);
        silent(*part);
    }
}

void Consumer::silent(Part& part) {
    const MonotonicTime now = cluster_.now();
    if (!part.silent_since) part.silent_since = now;
    const auto silence = now - *part.silent_since;
    const base::Error why =
        last_error_.value_or(base::Error{Errc::timed_out, "it has no leader (LEADER_NOT_AVAILABLE)"});
    if (why.code == Errc::authentication_failed && !failed_) {
        failed_ = {why.code, fmt::format("partition {}: {}", part.where.partition, why.message)};
        came_->notify_all();
        room_->notify_all();
    } else if (patience_ && silence > *patience_ && !failed_) {
        failed_ = {why.code == Errc::connect_failed ? why.code : Errc::timed_out,
                   fmt::format("partition {}: no broker has answered for {} s: {}", part.where.partition,
                               std::chrono::duration_cast<std::chrono::seconds>(silence).count(), why.message)};
        came_->notify_all();
        room_->notify_all();
    } else if (!patience_ && silence > silence_worth_a_word && !silence_told_ && warn_) {
        silence_told_ = true;
        warn_(fmt::format("{}/{}: {}; trying again", part.where.topic, part.where.partition, why.message));
    }
}

void Consumer::trouble(Part& part, const wire::FetchResponse::Partition& answer) {
    const ErrorCode code = answer.error_code;
    if (code == ErrorCode::offset_out_of_range) {
        if (!part.moving) {
            part.moving = true;
            scope_->spawn(move_into_range(&part));
        }
        return;
    }
    const bool gone = code == ErrorCode::unknown_topic_or_partition || code == ErrorCode::unknown_topic_id;
    if (gone && !part.gone_since) part.gone_since = cluster_.now();
    if (!gone) part.gone_since.reset();
    if (code == ErrorCode::corrupt_message && ++part.damaged_answers >= damaged_answers_max) {
        failed_ = kafka_error(code, {},
                              fmt::format("partition {}: the batch at offset {} is damaged on the broker",
                                          part.where.partition, part.position));
        came_->notify_all();
        return;
    }
    if (!wire::is_retriable(code) || (gone && cluster_.now() - *part.gone_since > gone_patience)) {
        failed_ = kafka_error(code, fmt::format("partition {}", part.where.partition));
        came_->notify_all();
        return;
    }
    if (wire::needs_new_metadata(code)) cluster_.doubt(part.where.topic);
    pause(part);
}

/// The log no longer has the position, or does not have it yet: go to where it begins or ends.
Task<void> Consumer::move_into_range(Part* part) {
    const std::string topic = part->where.topic;
    std::vector<OffsetQuestion> questions{{part->where.partition, earliest_time}, {part->where.partition, latest_time}};
    auto asked = list_offsets(cluster_, topic, std::move(questions), config_.isolation);
    const auto answers = co_await std::move(asked);
    part->moving = false;
    room_->notify_all();
    if (stopped_) co_return;
    if (!answers) {
        failed_ = answers.error();
        came_->notify_all();
        co_return;
    }
    const Offset start = (*answers)[0].offset, end = (*answers)[1].offset;
    const Offset to = std::clamp(part->position, start, std::max(start, end));
    if (to == part->position) co_return pause(*part);
    if (warn_)
        warn_(fmt::format("{}/{}: offset {} is {}; going on at {} (OFFSET_OUT_OF_RANGE)", topic, part->where.partition,
                          part->position, to > part->position ? "gone" : "not there", to));
    part->position = to;
    part->done = part->until && to >= *part->until;
    came_->notify_all();
}

}  // namespace klog::client
