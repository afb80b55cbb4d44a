// SPDX-License-Identifier: Apache-2.0
// Start, stop, images and configuration. The controller's requests are in replicas_requests.cc, background work in
// replicas_jobs.cc.
#include "core/replica/replicas.h"

#include "core/base/check.h"
#include "core/base/log.h"
#include "core/meta/paths.h"
#include "core/replica/replicas_state.h"
#include "core/wire/messages/04_leader_and_isr.h"
#include "core/wire/messages/05_stop_replica.h"
#include "core/wire/messages/06_update_metadata.h"

namespace klog::replica {

using base::Errc;
using base::fail;
using base::Result;
using runtime::Task;

Replicas::Replicas(ReplicasOptions options, runtime::Runtime& runtime, os::Disk& disk, meta::Store& store)
    : state_(std::make_unique<State>(std::move(options), runtime, disk, store)) {}
Replicas::~Replicas() { *state_->alive = false; }

Replicas::State::State(ReplicasOptions given, runtime::Runtime& with, os::Disk& on, meta::Store& in)
    : options(std::move(given)),
      runtime(with),
      disk(on),
      store(in),
      home(*runtime::Shard::current()),
      tables(with.shard_count()) {}

Task<Result<>> Replicas::start() { return state_->start(); }
Task<void> Replicas::stop() { return state_->stop(); }
Task<Result<>> Replicas::catch_up_config() { return state_->catch_up_config(); }
void Replicas::set_broker_epoch(base::BrokerEpoch epoch) { state_->broker_epoch = epoch; }
Task<std::vector<LogDirInfo>> Replicas::describe_log_dirs() {
    return runtime::call_on(state_->home, [state = state_.get()] { return state->describe_log_dirs(); });
}
Task<wire::LeaderAndIsrResponse> Replicas::leader_and_isr(std::shared_ptr<const wire::LeaderAndIsrRequest> request) {
    return state_->leader_and_isr(std::move(request));
}
Task<wire::UpdateMetadataResponse> Replicas::update_metadata(
    std::shared_ptr<const wire::UpdateMetadataRequest> request) {
    return state_->update_metadata(std::move(request));
}
Task<wire::StopReplicaResponse> Replicas::stop_replica(std::shared_ptr<const wire::StopReplicaRequest> request) {
    return state_->stop_replica(std::move(request));
}

// ---- Lookup

runtime::Shard& Replicas::State::shard_of(const PartitionKey& key) const {
    // splitmix64 over both: uuids of topics made in one burst, and neighbouring partitions, spread evenly.
    std::uint64_t x = std::hash<base::Uuid>{}(key.topic_id) + static_cast<std::uint64_t>(key.partition.value);
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return runtime.shard_of(x ^ (x >> 31));
}

Replicas::State::Table& Replicas::State::here() {
    runtime::Shard* shard = runtime::Shard::current();
    KLOG_CHECK(shard != nullptr, "tables are looked at on shards");
    return tables[shard->index()];
}

const meta::Image::Ptr& Replicas::image() const { return state_->here().image; }

void Replicas::on_image(std::function<void(const meta::Image::Ptr&)> changed) {
    state_->here().listeners.push_back(std::move(changed));
}

runtime::Shard& Replicas::owner(const PartitionKey& key) const { return state_->shard_of(key); }

Partition* Replicas::find(const PartitionKey& key) const {
    const auto& partitions = state_->here().partitions;
    const auto at = partitions.find(key);
    return at == partitions.end() ? nullptr : at->second.get();
}

Partition* Replicas::find(std::string_view topic, PartitionId partition) const {
    const meta::Topic* known = image()->topic(topic);
    return known == nullptr ? nullptr : find(PartitionKey{known->id, partition});
}

PartitionSetup Replicas::State::setup_for(const PartitionKey& key, const std::string& topic,
                                          std::size_t directory) const {
    const meta::Image& image = *tables[home.index()].image;
    PartitionSetup setup;
    setup.key = key;
    setup.topic = topic;
    setup.self = options.node_id;
    setup.directory = directories[directory].directory.get();
    setup.runtime = &runtime;
    setup.owner = &shard_of(key);
    setup.config = std::make_shared<const log::LogConfig>(options.log_config(image, topic));
    setup.min_insync_replicas = options.min_insync_replicas(image, topic);
    return setup;
}

// ---- Start

namespace {

struct OpenedDirectory {
    std::unique_ptr<log::LogDirectory> directory;
    std::vector<log::FoundPartition> partitions;
};

Result<OpenedDirectory> open_directory(os::Disk& disk, runtime::Runtime& runtime, const std::string& path,
                                       const std::string& cluster_id, NodeId node_id) {
    log::LogDirectoryOptions options;
    options.path = path;
    KLOG_TRY(auto directory, log::LogDirectory::open(disk, runtime, std::move(options)));
    KLOG_TRY_VOID(directory->adopt(cluster_id, node_id));
    KLOG_TRY(auto partitions, directory->scan());
    return OpenedDirectory{std::move(directory), std::move(partitions)};
}

}  // namespace

Task<Result<>> Replicas::State::start() {
    KLOG_CHECK(runtime::Shard::current() == &home, "started at home");
    KLOG_CO_TRY_VOID(co_await open_directories());
    KLOG_CO_TRY_VOID(co_await load_metadata());
    store.on_session_change([this, life = alive](meta::SessionState session) {
        if (!*life || session != meta::SessionState::connected) return;
        feed->rearm();
        config_news();
    });
    scope.spawn(run_jobs());
    co_return Result<>();
}

Task<Result<>> Replicas::State::open_directories() {
    std::size_t online = 0;
    for (const auto& path : options.log_dirs) {
        auto opened = co_await runtime::on_pool(runtime.pool(), [this, path] {
            return open_directory(disk, runtime, path, options.cluster_id, options.node_id);
        });
        const std::size_t index = directories.size();
        auto& entry = directories.emplace_back(path);
        if (!opened) {
            if (opened.error().code != Errc::io) co_return std::unexpected(std::move(opened).error());
            base::log_error("log directory {} is offline: {}", path, opened.error().message);
            entry.offline = true;
            continue;
        }
        ++online;
        const auto id = [](const log::LogDirectory& of) { return of.meta_properties()->directory_id; };
        for (const auto& other : directories)
            if (other.directory && id(*other.directory) == id(*opened->directory))
                co_return fail(Errc::invalid_config,
                               "{} and {} have the same directory.id in meta.properties: one is a copy", other.path,
                               path);
        entry.directory = std::move(opened->directory);
        entry.partitions = opened->partitions.size();
        for (const auto& [name, where, topic_id] : opened->partitions) found[name].push_back({index, topic_id});
        entry.directory->on_offline([this, life = alive, index, home_shard = &home](const base::Error& why) {
            home_shard->post([this, life, index, why] {
                if (*life) directory_failed(index, why);
            });
        });
    }
    if (online == 0) co_return fail(Errc::io, "no log directory can be used");
    co_return Result<>();
}

Task<Result<>> Replicas::State::load_metadata() {
    feed = std::make_unique<meta::ConfigFeed>(store, [this](const meta::ConfigEntity& entity, meta::Config config) {
        take_config(entity, std::move(config));
    });
    feed->on_news([this] { config_news(); });
    KLOG_CO_TRY_VOID(co_await feed->load());
    co_await load_features();
    meta::Image::Change change(*here().image);
    change.set_cluster_id(options.cluster_id);
    co_await publish(std::move(change), {}, true);
    co_await publish_config();
    co_return Result<>();
}

/// The finalized features, and a watch on them.
Task<void> Replicas::State::load_features() {
    const std::string path(meta::paths::feature);
    meta::Watch watch = [this, life = alive](const std::string&) {
        if (*life && !stopping) scope.spawn(load_features());
    };
    auto stat = co_await store.exists(path, std::move(watch));
    meta::Features features;
    features.supported = options.supported_features;
    if (stat && *stat) {
        const auto node = co_await store.get(path, {});
        const auto levels = node ? meta::decode_features(path, node->data) : std::unexpected(node.error());
        if (levels) {
            features.finalized_epoch = node->stat.version;
            for (const auto& [name, level] : *levels) features.finalized.push_back({name, level, level});
        } else if (levels.error().code != Errc::not_found) {
            base::log_error("finalized features are not known: {}", levels.error().message);
        }
    }
    co_await turn.acquire(1);
    meta::Image::Change change(*here().image);
    change.set_features(std::move(features));
    co_await publish(std::move(change), {}, false);
    turn.release(1);
}

// ---- Images

/// Gives the next image to every shard; ends when all have it. `topics` (or all of them) have another configuration.
/// The caller has the turn, or is alone.
Task<void> Replicas::State::publish(meta::Image::Change change, std::set<std::string> topics, bool all_topics) {
    const meta::Image::Ptr next = std::move(change).finish();
    for (runtime::ShardIndex i = 0; i < runtime.shard_count(); ++i) {
        runtime::Shard* shard = &runtime.shard(i);
        co_await runtime::call_on(
            *shard, [this, shard, next, topics, all_topics] { return install(shard, next, topics, all_topics); });
    }
}

Task<void> Replicas::State::install(runtime::Shard* shard, meta::Image::Ptr next, std::set<std::string> topics,
                                    bool all_topics) {
    Table& table = table_of(*shard);
    table.image = next;
    if (all_topics || !topics.empty()) {
        std::map<std::string, std::shared_ptr<const log::LogConfig>> made;  // Partitions of a topic share one.
        for (const auto& [key, partition] : table.partitions) {
            const auto& topic = partition->topic();
            if (!all_topics && !topics.contains(topic)) continue;
            auto& config = made[topic];
            if (!config) config = std::make_shared<const log::LogConfig>(options.log_config(*next, topic));
            partition->set_config(config, options.min_insync_replicas(*next, topic));
        }
    }
    for (const auto& listener : table.listeners) listener(next);
    co_return;
}

// ---- Configuration

void Replicas::State::take_config(const meta::ConfigEntity& entity, meta::Config config) {
    fresh_config[entity] = options.usable_config ? options.usable_config(entity, std::move(config)) : std::move(config);
}

/// Puts what was read into the image. The caller has the turn, or is alone.
Task<void> Replicas::State::publish_config() {
    if (fresh_config.empty()) co_return;
    using Kind = meta::ConfigEntity::Kind;
    meta::Image::Change change(*here().image);
    std::set<std::string> topics;
    bool all = false;
    for (auto& [entity, config] : std::exchange(fresh_config, {})) {
        switch (entity.kind) {
            case Kind::topic:
                if (change.image().topic_config(entity.topic) == config) break;
                change.set_topic_config(entity.topic, config);
                topics.insert(entity.topic);
                break;
            case Kind::broker:
                change.set_broker_config(entity.broker, config);
                all = all || entity.broker == options.node_id;
                break;
            case Kind::all_brokers:
                change.set_default_broker_config(config);
                all = true;
                break;
        }
    }
    say_what_is_not_done(change.image(), topics);
    co_await publish(std::move(change), std::move(topics), all);
}

/// A topic that is to be compacted grows without end; whoever asks for it should know.
void Replicas::State::say_what_is_not_done(const meta::Image& image, const std::set<std::string>& topics) {
    for (const auto& topic : topics) {
        if (!options.log_config(image, topic).cleanup_compact) {
            told_of_compaction.erase(topic);
        } else if (told_of_compaction.insert(topic).second) {
            base::log_warn(
                "{}: cleanup.policy=compact: this version of klog does not compact; records with old values stay",
                topic);
        }
    }
}

Task<Result<>> Replicas::State::catch_up_config() {
    const auto changed = co_await feed->catch_up();
    co_await turn.acquire(1);
    co_await publish_config();
    turn.release(1);
    if (!changed) co_return std::unexpected(changed.error());
    co_return Result<>();
}

void Replicas::State::config_news() {
    if (following_config || stopping) return;
    following_config = true;
    scope.spawn(follow_config());
}

Task<void> Replicas::State::follow_config() {
    following_config = false;  // News from here on need another look.
    const auto done = co_await catch_up_config();
    if (!done && !stopping) base::log_warn("configuration changes could not be read: {}", done.error().message);
}

// ---- Failure of a directory

void Replicas::State::directory_failed(std::size_t index, const base::Error& why) {
    auto& entry = directories[index];
    if (std::exchange(entry.offline, true)) return;
    base::log_error("log directory {} has failed and is offline: {}", entry.path, why.message);
    if (stopping) return;
    scope.spawn(tell_directory_failed());
    for (const auto& other : directories) {
        if (!other.offline) return;
    }
    base::log_error("no log directory is left");
    if (options.all_offline) options.all_offline();
}

Task<void> Replicas::State::tell_directory_failed() {
    meta::Create note{std::string(meta::paths::log_dir_event_prefix), meta::encode_log_dir_failure(options.node_id),
                      meta::Lifetime::persistent, true};
    const auto made = co_await store.create(std::move(note));
    if (!made) base::log_warn("the controller could not be told of a failed directory: {}", made.error().message);
}

// ---- Stop

namespace {

/// A log that this life never opened stays as it is. If the life before ended badly it may have a torn tail, and the
/// directory then gets no clean-shutdown mark: the next start recovers it, and stopping does not wait for that.
Task<void> close_one(Steps* steps, std::shared_ptr<Partition> partition) {
    co_await steps->places.acquire(1);
    partition->report_high_watermark();
    partition->stop();
    const auto closed = co_await partition->close();
    if (!closed) base::log_error("{}", closed.error().message);
    steps->places.release(1);
}

Task<void> close_all_on(Replicas::State* state, runtime::Shard* shard) {
    Steps steps;
    auto& table = state->table_of(*shard);
    for (const auto& [key, partition] : table.partitions) {
        steps.scope.spawn(close_one(&steps, partition));
    }
    co_await steps.scope.join();
    table.partitions.clear();
}

}  // namespace

Task<void> Replicas::State::stop() {
    stopping = true;
    stop_signal.notify_all();
    co_await scope.join();
    co_await turn.acquire(1);
    co_await on_each_shard(close_all_on);
    for (auto& entry : directories) {
        if (!entry.directory) continue;
        const auto closed = co_await runtime::on_pool(
            runtime.pool(), [directory = entry.directory.get()] { return directory->close(); });
        if (!closed) base::log_error("log directory {}: {}", entry.path, closed.error().message);
        entry.directory.reset();
    }
    turn.release(1);
}

}  // namespace klog::replica
