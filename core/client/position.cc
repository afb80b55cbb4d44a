// SPDX-License-Identifier: Apache-2.0
#include "core/client/position.h"

#include <algorithm>
#include <set>

#include "core/client/errors.h"
#include "core/wire/messages/02_list_offsets.h"

namespace klog::client {

using base::Errc;
using base::fail;
using base::NodeId;
using base::Offset;
using base::PartitionId;
using base::Result;
using runtime::Task;
using wire::ErrorCode;
using Kind = Position::Kind;

namespace {

/// Asks one leader; fills the answers of those questions whose index is in `mine` and returns the indices to ask again.
Task<Result<std::vector<std::size_t>>> ask_leader(Cluster& cluster, std::string topic, NodeId leader,
                                                  const std::vector<OffsetQuestion>* questions,
                                                  std::vector<std::size_t> mine, Isolation isolation,
                                                  std::vector<ListedOffset>* answers) {
    const auto connection = co_await cluster.connection(leader);
    if (!connection) co_return mine;  // Perhaps another leads by now.
    KLOG_CO_TRY(const wire::Version version, (*connection)->version_for<wire::ListOffsetsRequest>());
    wire::ListOffsetsRequest request;
    request.replica_id = base::no_node;
    request.isolation_level = version >= 2 ? static_cast<std::int8_t>(isolation) : std::int8_t{0};
    request.timeout_ms = static_cast<std::int32_t>(cluster.config().request_timeout_ms);
    request.topics.push_back({topic, {}});
    const TopicPtr info = cluster.known(topic);
    for (const std::size_t i : mine) {
        const OffsetQuestion& question = (*questions)[i];
        if (question.time == max_timestamp_time && version < 7)
            co_return fail(Errc::unsupported_version, "the broker cannot tell the latest time (UNSUPPORTED_VERSION)");
        const PartitionInfo* partition = info ? info->find(question.partition) : nullptr;
        request.topics[0].partitions.push_back(
            {question.partition, partition ? partition->leader_epoch : base::no_leader_epoch, question.time});
    }
    const auto answer = co_await (*connection)->call<wire::ListOffsetsResponse>(std::move(request), version);
    if (!answer) co_return mine;
    std::vector<std::size_t> again;
    for (const std::size_t i : mine) {
        const wire::ListOffsetsResponse::Partition* found = nullptr;
        for (const auto& each : answer->message.topics)
            for (const auto& partition : each.partitions)
                if (partition.partition_index == (*questions)[i].partition) found = &partition;
        if (found == nullptr)
            co_return fail(Errc::corrupt, "the broker's answer leaves out partition {}", (*questions)[i].partition);
        if (found->error_code == ErrorCode::none) {
            (*answers)[i] = {found->offset, found->timestamp, found->leader_epoch};
        } else if (wire::is_retriable(found->error_code)) {
            again.push_back(i);
        } else {
            co_return std::unexpected(
                kafka_error(found->error_code, fmt::format("partition {}", found->partition_index)));
        }
    }
    co_return again;
}

}  // namespace

Task<Result<std::vector<ListedOffset>>> list_offsets(Cluster& cluster, std::string topic,
                                                     std::vector<OffsetQuestion> questions, Isolation isolation) {
    std::vector<ListedOffset> answers(questions.size());
    std::vector<std::size_t> open(questions.size());
    for (std::size_t i = 0; i < open.size(); ++i) open[i] = i;
    Backoff backoff(cluster.config());
    const auto give_up = cluster.now() + std::chrono::milliseconds(cluster.config().metadata_timeout_ms);
    while (!open.empty()) {
        KLOG_CO_TRY(const TopicPtr info, co_await cluster.topic(topic));
        std::map<NodeId, std::vector<std::size_t>> by_leader;
        std::vector<std::size_t> again, later;
        std::set<PartitionId> asked_now;  // A request may name a partition only once.
        for (const std::size_t i : open) {
            const PartitionInfo* partition = info->find(questions[i].partition);
            if (partition == nullptr)
                co_return fail(Errc::not_found,
                               "there is no partition {}: the topic has {} (UNKNOWN_TOPIC_OR_PARTITION)",
                               questions[i].partition, info->partitions.size());
            if (!asked_now.insert(questions[i].partition).second)
                later.push_back(i);
            else if (partition->leader.value < 0)
                again.push_back(i);
            else
                by_leader[partition->leader].push_back(i);
        }
        for (auto& [leader, mine] : by_leader) {
            auto asked = ask_leader(cluster, topic, leader, &questions, std::move(mine), isolation, &answers);
            KLOG_CO_TRY(const auto more, co_await std::move(asked));
            again.insert(again.end(), more.begin(), more.end());
        }
        const bool wait = !again.empty();
        open = std::move(again);
        open.insert(open.end(), later.begin(), later.end());
        if (!wait) continue;
        if (cluster.now() >= give_up)
            co_return fail(Errc::timed_out, "partition {} has no leader that answers (LEADER_NOT_AVAILABLE)",
                           questions[open.front()].partition);
        cluster.doubt(topic);
        const auto pause = cluster.now() + backoff.next(cluster.random());
        co_await runtime::sleep_until(pause);
    }
    co_return answers;
}

namespace {

/// One range being resolved: what must be asked for it, and what it comes to.
struct Plan {
    PartitionId partition;
    OffsetRange range;
    Offset start, end;
};

Offset place(const Position& position, const Plan& plan, std::optional<Offset> at_time) {
    switch (position.kind) {
        case Kind::start: return plan.start;
        case Kind::end: return plan.end;
        case Kind::at: return Offset{position.number};
        case Kind::after_start: return plan.start + position.number;
        case Kind::before_end:
        case Kind::last_in_all: return std::max(plan.start, Offset{plan.end.value - position.number});
        case Kind::at_time: return at_time && at_time->value >= 0 ? *at_time : plan.end;
        case Kind::stored: return plan.start;
    }
    return plan.start;
}

}  // namespace

Task<Result<std::vector<Stretch>>> resolve(Cluster& cluster, std::string topic, std::vector<PartitionId> partitions,
                                           OffsetExpression expression, Isolation isolation, bool stop_at_end) {
    std::vector<Plan> plans;
    for (const PartitionId id : partitions) {
        const auto own = expression.each.find(id);
        if (!expression.each.empty() && own == expression.each.end()) continue;
        plans.push_back({id, own == expression.each.end() ? expression.all : own->second, {}, {}});
    }
    std::vector<OffsetQuestion> questions;
    std::vector<std::pair<std::size_t, bool>> timed;  // Index of the plan; whether it is its `until`.
    for (std::size_t i = 0; i < plans.size(); ++i) {
        if (plans[i].range.from.kind == Kind::stored ||
            (plans[i].range.until && plans[i].range.until->kind == Kind::stored))
            co_return fail(Errc::invalid_argument, "'stored' needs a group: there is no position without one");
        questions.push_back({plans[i].partition, earliest_time});
    }
    KLOG_CO_TRY(const auto starts, co_await list_offsets(cluster, topic, questions, isolation));
    for (auto& question : questions) question.time = latest_time;
    KLOG_CO_TRY(const auto ends, co_await list_offsets(cluster, topic, questions, isolation));
    questions.clear();
    for (std::size_t i = 0; i < plans.size(); ++i) {
        plans[i].start = starts[i].offset;
        plans[i].end = std::max(ends[i].offset, starts[i].offset);
        if (plans[i].range.from.kind == Kind::at_time)
            questions.push_back({plans[i].partition, plans[i].range.from.number}), timed.emplace_back(i, false);
        if (plans[i].range.until && plans[i].range.until->kind == Kind::at_time)
            questions.push_back({plans[i].partition, plans[i].range.until->number}), timed.emplace_back(i, true);
    }
    std::vector<ListedOffset> times;
    if (!questions.empty()) {
        KLOG_CO_TRY(times, co_await list_offsets(cluster, topic, questions, isolation));
    }
    std::vector<Stretch> stretches;
    for (std::size_t i = 0; i < plans.size(); ++i) {
        const Plan& plan = plans[i];
        std::optional<Offset> from_time, until_time;
        for (std::size_t t = 0; t < timed.size(); ++t)
            if (timed[t].first == i) (timed[t].second ? until_time : from_time) = times[t].offset;
        Stretch stretch{plan.partition, place(plan.range.from, plan, from_time), std::nullopt};
        const Offset wanted = stretch.from;
        stretch.from = std::clamp(wanted, plan.start, plan.end);
        stretch.clamped = plan.range.from.kind == Kind::at && stretch.from != wanted;
        if (plan.range.until) stretch.until = place(*plan.range.until, plan, until_time);
        if (stop_at_end) stretch.until = std::min(stretch.until.value_or(plan.end), plan.end);
        stretches.push_back(stretch);
    }
    co_return stretches;
}

}  // namespace klog::client
