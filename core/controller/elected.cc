// SPDX-License-Identifier: Apache-2.0
// Standing for election; what a new controller does before it serves; brokers that come and go.
#include <algorithm>

#include "core/base/log.h"
#include "core/controller/state.h"

namespace klog::controller {

using base::Errc;
using base::Result;
using runtime::Task;

namespace {

namespace paths = meta::paths;

Task<Result<>> ensure(meta::Store* store, std::string path, std::string data) {
    meta::Create node{std::move(path), std::move(data)};
    const auto made = co_await store->create(std::move(node));
    if (!made && made.error().code != Errc::exists) co_return std::unexpected(made.error());
    co_return Result<>();
}

}  // namespace

Task<Result<>> Controller::State::stand() {
    const Turn held = co_await take(&turn);
    for (const std::string& path : paths::persistent()) KLOG_CO_TRY_VOID(co_await ensure(&store, path, ""));
    std::string no_epoch = meta::encode_controller_epoch({0});
    KLOG_CO_TRY_VOID(co_await ensure(&store, std::string(paths::controller_epoch), std::move(no_epoch)));
    std::string no_features = meta::encode_features({});
    KLOG_CO_TRY_VOID(co_await ensure(&store, std::string(paths::feature), std::move(no_features)));
    if (active || stopping) co_return Result<>();

    // A watch is a hint: whoever is called looks again, if this object is still there.
    const auto watch = [this, alive = std::weak_ptr(alive_token)](const std::string&) {
        if (const auto token = alive.lock(); token && *token && !stopping) scope.spawn(post_vacant());
    };
    const auto post = co_await store.exists(std::string(paths::controller), watch);
    if (!post) co_return std::unexpected(post.error());
    if (post->has_value()) {
        // Somebody else's, for as long as the watch is silent; or ours from a term that could not begin.
        if ((*post)->ephemeral_owner != store.session_id()) co_return Result<>();
        meta::Remove left{std::string(paths::controller), (*post)->version};
        KLOG_CO_TRY_VOID(co_await store.remove(std::move(left)));
    }

    KLOG_CO_TRY(const meta::Node before, co_await store.get(std::string(paths::controller_epoch)));
    KLOG_CO_TRY(const base::ControllerEpoch last, meta::decode_controller_epoch(paths::controller_epoch, before.data));
    const base::ControllerEpoch mine = last + 1;
    const meta::ControllerRegistration registration{options.node_id, home.clock().wall_ms()};
    std::vector<meta::Operation> election{
        meta::Create{std::string(paths::controller), meta::encode_controller(registration), meta::Lifetime::ephemeral},
        meta::Set{std::string(paths::controller_epoch), meta::encode_controller_epoch(mine), before.stat.version}};
    const auto won = co_await store.multi(std::move(election));
    if (!won) {
        const Errc code = won.error().code;
        if (code == Errc::exists || code == Errc::bad_version) co_return Result<>();  // Another was quicker.
        co_return std::unexpected(won.error());
    }
    epoch = mine;
    epoch_version = won->back().stat.version;
    auto served = co_await win();
    if (!served) resign(served.error().message);
    co_return served;
}

/// Elected: everything is read anew, what was left half done is finished, leaders are settled, brokers are told.
Task<Result<>> Controller::State::win() {
    KLOG_CO_TRY_VOID(co_await load());
    active = true;
    KLOG_CO_TRY_VOID(co_await finish_deletions());
    KLOG_CO_TRY_VOID(co_await look_at_log_dirs());
    KLOG_CO_TRY_VOID(co_await settle_and_tell(true));
    base::log_debug("controller of epoch {}: {} topics, {} brokers", epoch, topics.size(), brokers.size());
    co_return Result<>();
}

void Controller::State::resign(std::string_view why) {
    if (active) base::log_warn("this broker is not the controller any more: {}", why);
    active = false;
    brokers.clear();
    topics.clear();
    names.clear();
    deleting.clear();
    offline_replicas.clear();
}

Task<void> Controller::State::post_vacant() {
    const auto stood = co_await stand();
    if (stood) co_return;
    base::log_warn("election of a controller: {}", stood.error().message);
    try_again_later();
}

void Controller::State::try_again_later() {
    if (stopping || retry != runtime::TimerId::none) return;
    retry = home.set_timer(home.now() + retry_interval, [this, alive = std::weak_ptr(alive_token)] {
        if (const auto token = alive.lock(); !token || !*token || stopping) return;
        retry = runtime::TimerId::none;
        scope.spawn(active ? take_up() : post_vacant());
    });
}

Task<void> Controller::State::take_up() {
    const Turn held = co_await take(&turn);
    if (!active || stopping) co_return;
    auto done = co_await settle_and_tell(true);
    if (done && active) done = co_await finish_deletions();
    if (done) co_return;
    base::log_warn("controller: {}", done.error().message);
    try_again_later();
}

Task<Result<>> Controller::State::load() {
    topics.clear();
    names.clear();
    deleting.clear();
    KLOG_CO_TRY_VOID(co_await load_brokers());
    KLOG_CO_TRY(const std::vector<std::string> found, co_await store.children(std::string(paths::topics)));
    for (const std::string& name : found) KLOG_CO_TRY_VOID(co_await load_topic(name));
    KLOG_CO_TRY(const std::vector<std::string> marked, co_await store.children(std::string(paths::delete_topics)));
    deleting.insert(marked.begin(), marked.end());
    co_return Result<>();
}

Task<Result<>> Controller::State::load_brokers() {
    const auto watch = [this, alive = std::weak_ptr(alive_token)](const std::string&) {
        if (const auto token = alive.lock(); token && *token && !stopping) scope.spawn(brokers_changed());
    };
    KLOG_CO_TRY(const std::vector<std::string> ids, co_await store.children(std::string(paths::broker_ids), watch));
    std::map<base::NodeId, LiveBroker> found;
    for (const std::string& id : ids) {
        const std::string path = fmt::format("{}/{}", paths::broker_ids, id);
        const auto node = co_await store.get(path);
        if (!node && node.error().code == Errc::not_found) continue;  // Gone since; the watch has said so.
        if (!node) co_return std::unexpected(node.error());
        KLOG_CO_TRY(meta::BrokerRegistration registration, meta::decode_broker(path, node->data));
        found[base::NodeId{static_cast<std::int32_t>(std::strtol(id.c_str(), nullptr, 10))}] = {
            std::move(registration), base::BrokerEpoch{node->stat.czxid}};
    }
    for (const auto& [id, broker] : found) {
        const auto before = brokers.find(id);
        if (before != brokers.end() && before->second.epoch == broker.epoch) continue;
        std::erase_if(offline_replicas, [anew = id](const auto& replica) { return replica.first == anew; });
    }
    brokers = std::move(found);
    co_return Result<>();
}

Task<Result<>> Controller::State::load_topic(std::string name) {
    const std::string path = paths::topic(name);
    KLOG_CO_TRY(const meta::Node node, co_await store.get(path));
    TopicEntry entry;
    KLOG_CO_TRY(entry.assignment, meta::decode_topic(path, node.data));
    entry.version = node.stat.version;
    if (entry.assignment.id.is_zero()) {
        entry.assignment.id = base::Uuid::random(random);
        std::vector<meta::Operation> identity{meta::Set{path, meta::encode_topic(entry.assignment), entry.version}};
        KLOG_CO_TRY(const auto written, co_await write(std::move(identity)));
        entry.version = written.front().stat.version;
    }
    for (const auto& [id, replicas] : entry.assignment.partitions) {
        const std::string at = paths::partition_state(name, id);
        const auto state = co_await store.get(at);
        if (!state && state.error().code == Errc::not_found) continue;  // Not made yet, or removed already.
        if (!state) co_return std::unexpected(state.error());
        KLOG_CO_TRY(meta::PartitionState decoded, meta::decode_partition_state(at, state->data));
        entry.partitions[id] = {std::move(decoded), state->stat.version, state->stat.mzxid};
    }
    names[entry.assignment.id] = name;
    topics[name] = std::move(entry);
    co_return Result<>();
}

Task<Result<>> Controller::State::finish_deletions() {
    const std::set<std::string> left = deleting;
    for (const std::string& name : left) KLOG_CO_TRY_VOID(co_await delete_topic(name));
    co_return Result<>();
}

Task<Result<PartitionSet>> Controller::State::settle() {
    PartitionSet changed;
    struct Change {
        std::string topic;
        base::PartitionId id;
        meta::PartitionState after;
    };
    std::vector<Change> changes;
    std::vector<std::string> unborn;
    for (const auto& [name, topic] : topics) {
        if (deleting.contains(name)) continue;
        if (topic.partitions.size() < topic.assignment.partitions.size()) unborn.push_back(name);
        for (const auto& [id, entry] : topic.partitions) {
            const auto leader = brokers.find(entry.state.leader);
            const auto here = [this, &topic_name = name, number = id](base::NodeId broker) {
                return usable(broker, topic_name, number);
            };
            const bool stands = leader != brokers.end() && here(leader->first) &&
                                !epoch_of_earlier_life(entry.mzxid, leader->second.epoch);
            if (stands) continue;
            const auto replicas = topic.assignment.partitions.find(id);
            if (replicas == topic.assignment.partitions.end()) continue;
            auto after = elect(entry.state, replicas->second.replicas, epoch, here, false);
            if (after.leader == entry.state.leader && after.leader == meta::no_leader) continue;
            changes.push_back({name, id, std::move(after)});
        }
    }
    for (std::size_t begin = 0; begin < changes.size(); begin += operations_per_multi_max) {
        const std::size_t end = std::min(changes.size(), begin + operations_per_multi_max);
        std::vector<meta::Operation> operations;
        for (std::size_t i = begin; i < end; ++i) {
            const Change& change = changes[i];
            operations.push_back(meta::Set{paths::partition_state(change.topic, change.id),
                                           meta::encode_partition_state(change.after),
                                           topics[change.topic].partitions[change.id].version});
        }
        KLOG_CO_TRY(const auto written, co_await write(std::move(operations)));
        for (std::size_t i = begin; i < end; ++i) {
            const Change& change = changes[i];
            const meta::Stat& stat = written[i - begin].stat;
            topics[change.topic].partitions[change.id] = {change.after, stat.version, stat.mzxid};
            changed[change.topic].insert(change.id);
        }
    }
    for (const std::string& name : unborn) {
        KLOG_CO_TRY_VOID(co_await write_first_states(name));
        for (const auto& [id, entry] : topics[name].partitions) changed[name].insert(id);
    }
    co_return changed;
}

/// A hint that registrations changed: one read, compared by czxid, so that a broker that died and came back between two
/// looks counts as a new one.
Task<void> Controller::State::brokers_changed() {
    const Turn held = co_await take(&turn);
    if (!active || stopping) co_return;
    std::map<base::NodeId, base::BrokerEpoch> before;
    for (const auto& [id, broker] : brokers) before[id] = broker.epoch;
    const auto loaded = co_await load_brokers();
    if (!loaded) {
        base::log_warn("reading the brokers: {}", loaded.error().message);
        co_return;
    }
    const bool same = std::ranges::equal(before, brokers, [](const auto& was, const auto& is) {
        return was.first == is.first && was.second == is.second.epoch;
    });
    if (same || !active) co_return;
    // A broker that is new knows nothing: it is told everything, and so are the others, who must know of it.
    const auto settled = co_await settle_and_tell(true);
    if (!settled) {
        base::log_warn("electing leaders: {}", settled.error().message);
        try_again_later();
        co_return;
    }
    const auto finished = co_await finish_deletions();
    if (finished) co_return;
    base::log_warn("deleting topics: {}", finished.error().message);
    try_again_later();
}

Task<Result<>> Controller::State::settle_and_tell(bool all) {
    for (;;) {
        const std::size_t offline_before = offline_replicas.size();
        KLOG_CO_TRY(PartitionSet changed, co_await settle());
        co_await tell(all ? all_partitions() : std::move(changed), all);
        KLOG_CO_TRY_VOID(check_active());
        if (offline_replicas.size() == offline_before) co_return Result<>();
        all = false;  // Some replica cannot be served: once more, for those that it concerns.
    }
}

/// A broker that lost a log directory leaves a note. The notes are removed, and the brokers, told everything, answer
/// which replicas they cannot serve.
Task<Result<>> Controller::State::look_at_log_dirs() {
    const auto watch = [this, alive = std::weak_ptr(alive_token)](const std::string&) {
        if (const auto token = alive.lock(); token && *token && !stopping) scope.spawn(log_dirs_changed());
    };
    const std::string parent(paths::log_dir_event_notification);
    KLOG_CO_TRY(const std::vector<std::string> notes, co_await store.children(parent, watch));
    for (const std::string& note : notes) {
        std::vector<meta::Operation> operations{meta::Remove{parent + "/" + note}};
        const auto removed = co_await write(std::move(operations));
        if (!removed && removed.error().code != Errc::not_found) co_return std::unexpected(removed.error());
    }
    co_return Result<>();
}

Task<void> Controller::State::log_dirs_changed() {
    const Turn held = co_await take(&turn);
    if (!active || stopping) co_return;
    auto done = co_await look_at_log_dirs();
    if (done) done = co_await settle_and_tell(true);
    if (done) co_return;
    base::log_warn("controller: {}", done.error().message);
    try_again_later();
}

}  // namespace klog::controller
