// SPDX-License-Identifier: Apache-2.0
#include "core/controller/controller.h"

#include "core/controller/state.h"

namespace klog::controller {

using base::Errc;
using base::fail;
using base::Result;
using runtime::call_on;
using runtime::Task;

Task<Turn> take(runtime::Semaphore* turn) {
    co_await turn->acquire(1);
    co_return Turn(*turn);
}

Controller::Controller(ControllerOptions options, runtime::Runtime& runtime, meta::Store& store, BrokerLink& link,
                       base::Random& random)
    : state_(std::make_unique<State>(std::move(options), runtime, store, link, random)) {}

Controller::~Controller() { *state_->alive_token = false; }

Task<Result<>> Controller::start() { return state_->stand(); }

Task<void> Controller::stop() {
    State* state = state_.get();
    state->stopping = true;
    if (state->retry != runtime::TimerId::none) state->home.cancel_timer(std::exchange(state->retry, {}));
    const Turn turn = co_await take(&state->turn);
    if (state->active) {
        // The condition keeps this from removing a successor's node.
        std::vector<meta::Operation> resignation{meta::Remove{std::string(meta::paths::controller)}};
        (void)co_await state->write(std::move(resignation));
        state->active = false;
    }
    co_await state->scope.join();
}

bool Controller::is_active() const { return state_->active; }

Task<PerItem<CreatedTopic>> Controller::create_topics(std::vector<NewTopic> topics, bool validate_only,
                                                      runtime::MonotonicTime deadline) {
    return call_on(state_->home, [state = state_.get(), topics = std::move(topics), validate_only, deadline]() mutable {
        return state->create_topics(std::move(topics), validate_only, deadline);
    });
}

Task<PerItem<DeletedTopic>> Controller::delete_topics(std::vector<TopicRef> topics, runtime::MonotonicTime deadline) {
    return call_on(state_->home, [state = state_.get(), topics = std::move(topics), deadline]() mutable {
        return state->delete_topics(std::move(topics), deadline);
    });
}

Task<PerItem<void>> Controller::create_partitions(std::vector<GrownTopic> topics, bool validate_only,
                                                  runtime::MonotonicTime deadline) {
    return call_on(state_->home, [state = state_.get(), topics = std::move(topics), validate_only, deadline]() mutable {
        return state->create_partitions(std::move(topics), validate_only, deadline);
    });
}

Task<PerItem<void>> Controller::alter_configs(std::vector<ConfigAlteration> alterations, bool validate_only) {
    return call_on(state_->home, [state = state_.get(), all = std::move(alterations), validate_only]() mutable {
        return state->alter_configs(std::move(all), validate_only);
    });
}

Task<Result<ProducerIdBlock>> Controller::allocate_producer_id_block(base::NodeId for_broker) {
    return call_on(state_->home,
                   [state = state_.get(), for_broker] { return state->allocate_producer_ids(for_broker); });
}

// ---- State: what all steps share.

Result<> Controller::State::check_active() const {
    if (!active || stopping) return fail(Errc::not_controller, "broker {} is not the controller", options.node_id);
    return {};
}

std::vector<base::NodeId> Controller::State::live() const {
    std::vector<base::NodeId> ids;
    for (const auto& [id, broker] : brokers) ids.push_back(id);
    return ids;
}

PartitionSet Controller::State::all_partitions() const {
    PartitionSet all;
    for (const auto& [name, topic] : topics) {
        if (deleting.contains(name)) continue;
        auto& ids = all[name];
        for (const auto& [id, partition] : topic.partitions) ids.insert(id);
    }
    return all;
}

Task<Result<std::vector<meta::Outcome>>> Controller::State::write(std::vector<meta::Operation> operations) {
    operations.insert(operations.begin(),
                      meta::CheckVersion{std::string(meta::paths::controller_epoch), epoch_version});
    auto written = co_await store.multi(std::move(operations));
    if (written) {
        written->erase(written->begin());
        co_return written;
    }
    const Errc code = written.error().code;
    if (code == Errc::bad_version || code == Errc::session_expired || code == Errc::not_found) {
        const auto stands = co_await store.get(std::string(meta::paths::controller_epoch));
        if (stands && stands->stat.version != epoch_version) {
            resign("another controller was elected");
            co_return fail(Errc::not_controller, "broker {} is not the controller any more", options.node_id);
        }
    }
    co_return written;
}

Task<Result<>> Controller::State::write_first_states(std::string topic) {
    const auto entry = topics.find(topic);
    if (entry == topics.end()) co_return Result<>();
    const meta::TopicAssignment assignment = entry->second.assignment;
    std::vector<std::pair<base::PartitionId, meta::PartitionState>> fresh;
    for (const auto& [id, replicas] : assignment.partitions) {
        if (entry->second.partitions.contains(id)) continue;
        const base::PartitionId number = id;
        const auto here = [&](base::NodeId broker) { return usable(broker, topic, number); };
        if (auto first = first_state(replicas.replicas, epoch, here)) fresh.emplace_back(id, *std::move(first));
    }
    if (fresh.empty()) co_return Result<>();

    const auto parent = co_await store.exists(meta::paths::partitions(topic));
    if (!parent) co_return std::unexpected(parent.error());
    bool parent_missing = !parent->has_value();
    constexpr std::size_t per_partition = 2;
    for (std::size_t begin = 0; begin < fresh.size(); begin += operations_per_multi_max / per_partition) {
        const std::size_t end = std::min(fresh.size(), begin + operations_per_multi_max / per_partition);
        std::vector<meta::Operation> operations;
        if (std::exchange(parent_missing, false))
            operations.push_back(meta::Create{meta::paths::partitions(topic), {}});
        for (std::size_t i = begin; i < end; ++i) {
            const auto& [id, state] = fresh[i];
            operations.push_back(meta::Create{meta::paths::partition(topic, id), {}});
            operations.push_back(
                meta::Create{meta::paths::partition_state(topic, id), meta::encode_partition_state(state)});
        }
        const auto written = co_await write(std::move(operations));
        if (!written) co_return std::unexpected(written.error());
        const auto still = topics.find(topic);
        if (still == topics.end()) co_return fail(Errc::not_controller, "resigned while creating {}", topic);
        const std::size_t skip = written->size() - (end - begin) * per_partition;
        for (std::size_t i = begin; i < end; ++i) {
            const meta::Stat& stat = (*written)[skip + (i - begin) * per_partition + 1].stat;
            still->second.partitions[fresh[i].first] = {fresh[i].second, stat.version, stat.czxid};
        }
    }
    co_return Result<>();
}

}  // namespace klog::controller
