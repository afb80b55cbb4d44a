// SPDX-License-Identifier: Apache-2.0
// The controller's three requests, one after another. A partition's new leader epoch is recorded (hosted) only after
// its step is complete, so that a repeated request does it again.
#include <algorithm>

#include "core/base/log.h"
#include "core/replica/image_update.h"
#include "core/replica/replicas_state.h"
#include "core/wire/messages/04_leader_and_isr.h"
#include "core/wire/messages/05_stop_replica.h"
#include "core/wire/messages/06_update_metadata.h"

namespace klog::replica {

using base::Errc;
using base::fail;
using base::Result;
using runtime::Task;
using wire::ErrorCode;

namespace {

/// In StopReplica: the topic is being deleted, whatever the epoch (LeaderAndIsr.EpochDuringDelete).
constexpr LeaderEpoch epoch_during_delete{-2};

/// Rule 6: the highest controller epoch is remembered and lower ones are refused; rule 7: a request for an earlier life
/// of this broker is refused.
template <class Request>
ErrorCode admit(Replicas::State& state, const Request& request) {
    if (request.controller_epoch < state.controller_epoch) {
        base::log_warn("refused a request of controller {} with epoch {}: {} is known", request.controller_id,
                       request.controller_epoch, state.controller_epoch);
        return ErrorCode::stale_controller_epoch;
    }
    if (state.broker_epoch && request.broker_epoch.value >= 0 && request.broker_epoch < *state.broker_epoch) {
        return ErrorCode::stale_broker_epoch;
    }
    state.controller_epoch = request.controller_epoch;
    return ErrorCode::none;
}

ErrorCode code_of(const Result<>& result) {
    if (result) return ErrorCode::none;
    switch (result.error().code) {
        case Errc::exists: return ErrorCode::inconsistent_topic_id;
        case Errc::no_space:
        case Errc::limit: return ErrorCode::leader_not_available;  // May pass: the controller tries again.
        default: return ErrorCode::kafka_storage_error;
    }
}

}  // namespace

// ---- LeaderAndIsr

struct Replicas::State::Step {
    log::PartitionName name;
    PartitionKey key;
    LeaderState leader;
    std::size_t directory = 0;
    bool is_new = false;  // The controller says that it has never been led.
    bool claim = false;   // What is on disk must be looked at first, then `directory` and `make` are known.
    bool make = false;    // There is no log yet.
    ErrorCode* error = nullptr;
};

namespace {

Task<Result<>> set_on_owner(Replicas::State::Table* table, PartitionSetup setup, LeaderState leader, bool make) {
    const PartitionKey key = setup.key;
    auto at = table->partitions.find(key);
    if (at == table->partitions.end()) {
        auto partition = std::make_shared<Partition>(std::move(setup));
        if (make) KLOG_CO_TRY_VOID(co_await partition->ensure_open());
        at = table->partitions.emplace(key, std::move(partition)).first;
    }
    at->second->set_state(std::move(leader));
    co_return Result<>();
}

Task<void> with_place(Steps* steps, Task<void> step) {
    co_await steps->places.acquire(1);
    co_await std::move(step);
    steps->places.release(1);
}

LeaderState leader_state_of(const wire::LeaderAndIsrRequest::Partition& told) {
    return {told.leader, told.leader_epoch, told.isr, told.replicas, told.partition_epoch};
}

}  // namespace

Task<wire::LeaderAndIsrResponse> Replicas::State::leader_and_isr(
    std::shared_ptr<const wire::LeaderAndIsrRequest> request) {
    wire::LeaderAndIsrResponse response;
    co_await turn.acquire(1);
    response.error_code = stopping ? ErrorCode::stale_broker_epoch : admit(*this, *request);
    if (response.error_code != ErrorCode::none) {
        turn.release(1);
        co_return response;
    }
    // A new topic's configuration decides how its logs are made.
    for (const auto& topic : request->topic_states) {
        const auto loaded = co_await feed->load_topic(topic.topic_name);
        if (!loaded) base::log_error("configuration of {}: {}", topic.topic_name, loaded.error().message);
    }
    co_await publish_config();

    std::vector<Step> steps;
    std::size_t count = 0;
    for (const auto& topic : request->topic_states) count += topic.partition_states.size();
    steps.reserve(count);
    response.topics.reserve(request->topic_states.size());
    for (const auto& topic : request->topic_states) {
        auto& answers = response.topics.emplace_back(topic.topic_id).partition_errors;
        answers.resize(topic.partition_states.size());
        for (std::size_t i = 0; i < topic.partition_states.size(); ++i) {
            const auto& told = topic.partition_states[i];
            answers[i].partition_index = told.partition_index;
            if (auto step = plan_step(topic.topic_name, topic.topic_id, told, answers[i].error_code)) {
                step->error = &answers[i].error_code;
                steps.push_back(*std::move(step));
            }
        }
    }
    Steps under_way;
    for (auto& step : steps) under_way.scope.spawn(with_place(&under_way, lead_or_follow(&step)));
    co_await under_way.scope.join();
    turn.release(1);
    if (!opening_all && !stopping && !steps.empty()) {
        opening_all = true;
        scope.spawn(open_all());
    }
    co_return response;
}

/// What must be done for one partition; nothing when it is refused (with its code) or done already.
std::optional<Replicas::State::Step> Replicas::State::plan_step(const std::string& topic, const base::Uuid& topic_id,
                                                                const wire::LeaderAndIsrRequest::Partition& told,
                                                                ErrorCode& error) {
    Step step;
    step.name = {topic, told.partition_index};
    step.key = {topic_id, told.partition_index};
    step.leader = leader_state_of(told);
    step.is_new = told.is_new;
    if (std::ranges::find(told.replicas, options.node_id) == told.replicas.end()) {
        error = ErrorCode::unknown_topic_or_partition;
        return std::nullopt;
    }
    if (const auto known = hosted.find(step.name); known != hosted.end()) {
        if (known->second.key != step.key)
            error = ErrorCode::inconsistent_topic_id;
        else if (told.leader_epoch < known->second.leader_epoch)
            error = ErrorCode::stale_controller_epoch;
        step.directory = known->second.directory;
        const bool offline = directories[step.directory].offline;
        if (error == ErrorCode::none && offline) error = ErrorCode::kafka_storage_error;
        if (error != ErrorCode::none || told.leader_epoch == known->second.leader_epoch) return std::nullopt;
    } else if (const auto on_disk = found.find(step.name); on_disk != found.end()) {
        const OnDisk& first = on_disk->second.front();
        const bool fits = first.topic_id == topic_id || (first.topic_id.is_zero() && !told.is_new);
        step.claim = on_disk->second.size() > 1 || !fits;
        step.directory = first.directory;
        step.make = !first.whole;
    } else {
        error = place_new(step);
    }
    if (error == ErrorCode::none && !step.claim && directories[step.directory].offline)
        error = ErrorCode::kafka_storage_error;
    if (error != ErrorCode::none) return std::nullopt;
    return step;
}

ErrorCode Replicas::State::place_new(Step& step) {
    const auto chosen = directory_for_new(step.name, step.is_new);
    if (!chosen) {
        base::log_error("{}", chosen.error().message);
        return ErrorCode::kafka_storage_error;
    }
    step.directory = *chosen;
    step.make = true;
    found[step.name] = {{*chosen, step.key.topic_id, false}};
    return ErrorCode::none;
}

Task<ErrorCode> Replicas::State::claim_for(Step* step) {
    const auto claimed = co_await claim(step->name, step->key.topic_id, step->is_new);
    if (!claimed) {
        base::log_error("{}", claimed.error().message);
        co_return ErrorCode::kafka_storage_error;
    }
    if (!*claimed) co_return place_new(*step);
    step->directory = **claimed;
    step->make = !found[step->name].front().whole;
    co_return directories[step->directory].offline ? ErrorCode::kafka_storage_error : ErrorCode::none;
}

Task<void> Replicas::State::lead_or_follow(Step* step) {
    if (step->claim) {
        *step->error = co_await claim_for(step);
        if (*step->error != ErrorCode::none) co_return;
    }
    PartitionSetup setup = setup_for(step->key, step->name.topic, step->directory);
    runtime::Shard& owner = *setup.owner;
    Table* table = &table_of(owner);
    const auto done = co_await runtime::call_on(owner, [table, setup, leader = step->leader, make = step->make] {
        return set_on_owner(table, setup, leader, make);
    });
    *step->error = code_of(done);
    if (!done) {
        base::log_error("{}: {}", step->name.to_string(), done.error().message);
        co_return;
    }
    hosted[step->name] = {step->key, step->directory, step->leader.leader_epoch};
    found.erase(step->name);
}

// ---- UpdateMetadata

Task<wire::UpdateMetadataResponse> Replicas::State::update_metadata(
    std::shared_ptr<const wire::UpdateMetadataRequest> request) {
    wire::UpdateMetadataResponse response;
    co_await turn.acquire(1);
    response.error_code = admit(*this, *request);
    if (response.error_code == ErrorCode::none) {
        meta::Image::Change change(*here().image);
        if (const auto applied = apply(change, *request); !applied) {
            base::log_error("{}", applied.error().message);
            response.error_code = ErrorCode::invalid_request;
        } else {
            co_await publish(std::move(change), {}, false);
        }
    }
    turn.release(1);
    co_return response;
}

// ---- StopReplica

namespace {

Task<Result<>> stop_on_owner(Replicas::State::Table* table, PartitionKey key, bool remove) {
    const auto at = table->partitions.find(key);
    if (at == table->partitions.end()) co_return Result<>();
    const auto partition = at->second;
    partition->stop();
    // It stays in the table until its log is gone, so that a repeated request finds it again.
    auto ended = remove ? co_await partition->remove() : co_await partition->close();
    if (ended) table->partitions.erase(key);
    co_return ended;
}

}  // namespace

Task<void> Replicas::State::stop_one(log::PartitionName name, bool remove, Result<>* result) {
    if (const auto at = hosted.find(name); at != hosted.end()) {
        const Hosted known = at->second;
        runtime::Shard& owner = shard_of(known.key);
        Table* table = &table_of(owner);
        *result = co_await runtime::call_on(
            owner, [table, key = known.key, remove] { return stop_on_owner(table, key, remove); });
        if (!*result) co_return;
        hosted.erase(name);
        if (remove)
            --directories[known.directory].partitions;
        else
            found[name] = {{known.directory, known.key.topic_id}};
        co_return;
    }
    for (auto at = found.find(name); remove && at != found.end(); at = found.find(name)) {
        const std::size_t index = at->second.back().directory;
        if (directories[index].offline) {
            *result = fail(Errc::offline, "{}: {} is offline", name.to_string(), directories[index].path);
            co_return;
        }
        *result = co_await runtime::on_pool(runtime.pool(), [directory = directories[index].directory.get(), name] {
            return directory->remove_partition(name);
        });
        if (!*result) co_return;
        forget_found(name, index);
    }
}

Task<wire::StopReplicaResponse> Replicas::State::stop_replica(std::shared_ptr<const wire::StopReplicaRequest> request) {
    wire::StopReplicaResponse response;
    co_await turn.acquire(1);
    response.error_code = stopping ? ErrorCode::stale_broker_epoch : admit(*this, *request);
    if (response.error_code != ErrorCode::none) {
        turn.release(1);
        co_return response;
    }
    std::size_t count = 0;
    for (const auto& topic : request->topic_states) count += topic.partition_states.size();
    std::vector<Result<>> results(count);
    response.partition_errors.reserve(count);
    std::size_t next = 0;
    Steps under_way;
    for (const auto& topic : request->topic_states) {
        bool removed = false;
        for (const auto& told : topic.partition_states) {
            auto& answer = response.partition_errors.emplace_back(topic.topic_name, told.partition_index);
            Result<>* result = &results[next++];
            const log::PartitionName name{topic.topic_name, told.partition_index};
            const auto known = hosted.find(name);
            if (known != hosted.end() && told.leader_epoch.value >= 0 &&
                told.leader_epoch < known->second.leader_epoch) {
                answer.error_code = ErrorCode::fenced_leader_epoch;
                continue;
            }
            removed = removed || (told.delete_partition && told.leader_epoch == epoch_during_delete);
            under_way.scope.spawn(with_place(&under_way, stop_one(name, told.delete_partition, result)));
        }
        if (removed) feed->forget_topic(topic.topic_name);
    }
    co_await under_way.scope.join();
    for (std::size_t i = 0; i < count; ++i) {
        if (results[i]) continue;
        base::log_error("{}", results[i].error().message);
        response.partition_errors[i].error_code = ErrorCode::kafka_storage_error;
    }
    turn.release(1);
    co_return response;
}

}  // namespace klog::replica
