// SPDX-License-Identifier: Apache-2.0
#include "core/broker/broker.h"

#include "core/base/log.h"
#include "core/broker/broker_shard.h"
#include "core/broker/effective_config.h"
#include "core/broker/endpoints.h"
#include "core/broker/listeners.h"
#include "core/broker/local_link.h"
#include "core/broker/properties.h"
#include "core/controller/controller.h"
#include "core/log/file_names.h"
#include "core/meta/embedded_store.h"
#include "core/meta/paths.h"
#include "core/replica/replicas.h"

namespace klog::broker {

using base::Errc;
using base::Result;
using runtime::Task;

namespace {

/// meta.properties is a few lines.
constexpr std::uint64_t meta_properties_bytes_max = 64u << 10;

}  // namespace

struct Broker::Parts {
    Parts(Config made, Seams given) : config(std::move(made)), seams(std::move(given)), node_id(config.node_id()) {}

    Task<Result<>> open_store();
    Task<Result<std::string>> find_cluster_id();
    Task<Result<>> make_paths();
    Task<Result<>> register_broker();
    Result<> take_ports();
    void open_listeners();
    void make_replicas();
    void make_controller();
    controller::ConfigRules config_rules();
    Task<Result<>> start();
    Task<void> stop();

    EffectiveConfig effective() const { return {config, *replicas->image(), node_id}; }

    const Config config;
    Seams seams;
    const base::NodeId node_id;
    std::string cluster_id;
    Endpoints endpoints;
    std::vector<Listening> listening;
    std::vector<Listeners::Taken> ports;  // Until there are listeners.
    const security::AllowAll allow_all;
    std::function<void()> all_offline;

    // In the order in which they are made; stopped in the reverse.
    std::unique_ptr<os::Lock> store_lock;
    std::unique_ptr<meta::EmbeddedStore> store;
    std::unique_ptr<replica::Replicas> replicas;
    bool replicas_started = false;
    std::unique_ptr<LocalLink> link;
    std::unique_ptr<controller::Controller> controller;
    bool controller_started = false;
    std::unique_ptr<ProducerIds> producer_ids;
    std::unique_ptr<Shared> shared;
    std::unique_ptr<Listeners> listeners;
};

Broker::Broker(Config config, Seams seams) : parts_(std::make_unique<Parts>(std::move(config), std::move(seams))) {}
Broker::~Broker() = default;
const std::vector<Broker::Listening>& Broker::listening() const { return parts_->listening; }
const std::string& Broker::cluster_id() const { return parts_->cluster_id; }
base::NodeId Broker::node_id() const { return parts_->node_id; }

/// The store is locked by itself: it is opened before the directories are.
Task<Result<>> Broker::Parts::open_store() {
    const std::string directory = config.log_dirs().front() + "/" + std::string(log::metadata_directory_name);
    os::Disk* disk = &seams.disk;
    auto locked =
        co_await runtime::on_pool(seams.runtime.pool(), [disk, directory]() -> Result<std::unique_ptr<os::Lock>> {
            KLOG_TRY_VOID(disk->make_directory(directory));
            return disk->lock(directory + "/.lock");
        });
    if (!locked) {
        if (locked.error().code == Errc::busy)
            co_return base::fail(Errc::busy,
                                 "another broker uses the data directory {}; give this one its own with --data-dir",
                                 config.log_dirs().front());
        co_return std::unexpected(std::move(locked.error()));
    }
    store_lock = std::move(*locked);
    meta::Journal::Options options{.directory = directory};
    KLOG_CO_TRY(store, co_await meta::EmbeddedStore::open(seams.disk, seams.runtime, std::move(options)));
    co_return Result<>{};
}

/// What the store says; else what a data directory says; else what was configured; else a new one.
Task<Result<std::string>> Broker::Parts::find_cluster_id() {
    const std::string path(meta::paths::cluster_id);
    auto known = co_await store->get(path, {});
    if (known && !known->data.empty()) co_return meta::decode_cluster_id(path, known->data);
    if (!known && known.error().code != Errc::not_found) co_return std::unexpected(std::move(known.error()));
    const std::string file = config.log_dirs().front() + "/meta.properties";
    os::Disk* disk = &seams.disk;
    const auto text = co_await runtime::on_pool(
        seams.runtime.pool(), [disk, file] { return os::read_file(*disk, file, meta_properties_bytes_max); });
    if (text)
        if (const auto properties = parse_properties(*text, file))
            for (const Property& property : *properties)
                if (property.key == "cluster.id") co_return property.value;
    if (const auto configured = config.text("cluster.id")) co_return std::string(*configured);
    co_return base::Uuid::random(seams.random).to_string();
}

/// The nodes that everybody expects, and the cluster's id.
Task<Result<>> Broker::Parts::make_paths() {
    for (const std::string& path : meta::paths::persistent()) {
        meta::Create node{path, "", meta::Lifetime::persistent, false};
        const auto made = co_await store->create(std::move(node));
        if (!made && made.error().code != Errc::exists) co_return std::unexpected(made.error());
    }
    const std::string path(meta::paths::cluster_id);
    meta::Create node{path, meta::encode_cluster_id(cluster_id), meta::Lifetime::persistent, false};
    const auto made = co_await store->create(std::move(node));
    if (!made && made.error().code != Errc::exists) co_return std::unexpected(made.error());
    co_return Result<>{};
}

void Broker::Parts::make_replicas() {
    replica::ReplicasOptions options;
    options.node_id = node_id;
    options.cluster_id = cluster_id;
    options.log_dirs = config.log_dirs();
    // Kafka 4.3's names; level 0 is without what they switch on (KIP-848, KIP-890).
    options.supported_features = {{"group.version", 0, 0}, {"transaction.version", 0, 0}};
    options.log_config = [this](const meta::Image& image, std::string_view topic) {
        return EffectiveConfig(config, image, node_id).log_config(topic);
    };
    options.usable_config = usable_config;
    options.min_insync_replicas = [this](const meta::Image& image, std::string_view topic) {
        const EffectiveConfig values(config, image, node_id);
        return static_cast<std::int32_t>(values.topic_integer(topic, "min.insync.replicas"));
    };
    options.all_offline = [this] {
        if (all_offline) all_offline();
    };
    using std::chrono::milliseconds;
    options.high_watermark_checkpoint_interval =
        milliseconds(config.integer("replica.high.watermark.checkpoint.interval.ms"));
    options.retention_check_interval = milliseconds(config.integer("log.retention.check.interval.ms"));
    options.recovery_checkpoint_interval = milliseconds(config.integer("log.flush.offset.checkpoint.interval.ms"));
    options.log_start_checkpoint_interval =
        milliseconds(config.integer("log.flush.start.offset.checkpoint.interval.ms"));
    replicas = std::make_unique<replica::Replicas>(std::move(options), seams.runtime, seams.disk, *store);
}

controller::ConfigRules Broker::Parts::config_rules() {
    using controller::ConfigResource;
    using controller::ResourceType;
    controller::ConfigRules rules;
    rules.check = [](const ConfigResource& resource, const meta::Config& keys) {
        return resource.type == ResourceType::topic ? check_topic_config(keys)
                                                    : check_broker_config(resource.name, keys);
    };
    rules.is_list = [](const ConfigResource& resource, std::string_view key) {
        const Key* row = resource.type == ResourceType::topic ? find_topic_key(key) : find_broker_key(key);
        return row != nullptr && row->type == KeyType::list;
    };
    rules.inherited = [this](const ConfigResource& resource, std::string_view key) -> std::optional<std::string> {
        const EffectiveConfig values = effective();
        if (resource.type == ResourceType::topic) {
            if (find_topic_key(key) == nullptr) return std::nullopt;
            return values.topic_value({}, key);
        }
        if (find_broker_key(key) == nullptr) return std::nullopt;
        const auto value = values.broker_value(key);
        return value ? std::optional(std::string(*value)) : std::nullopt;
    };
    return rules;
}

void Broker::Parts::make_controller() {
    link = std::make_unique<LocalLink>(*replicas, node_id);
    controller::ControllerOptions options;
    options.node_id = node_id;
    options.config_rules = config_rules();
    options.defaults = [this] {
        return controller::TopicDefaults{static_cast<std::int32_t>(config.integer("num.partitions")),
                                         static_cast<std::int16_t>(config.integer("default.replication.factor")),
                                         config.boolean("delete.topic.enable")};
    };
    options.config_changed = [this] { return replicas->catch_up_config(); };
    controller =
        std::make_unique<controller::Controller>(std::move(options), seams.runtime, *store, *link, seams.random);
}

/// First of all: a broker that finds its port taken has made nothing on disk.
Result<> Broker::Parts::take_ports() {
    KLOG_TRY(ports, Listeners::take(seams.network, endpoints.listeners,
                                    [this]() -> runtime::Shard& { return listeners->place(); }));
    for (const auto& one : ports) listening.push_back({one.open.name, one.open.address});
    return {};
}

void Broker::Parts::open_listeners() {
    shared = std::make_unique<Shared>(config, node_id, seams.runtime, *replicas, *controller,
                                      seams.authorizer != nullptr ? *seams.authorizer : allow_all, *producer_ids);
    for (const ListenerAddress& one : endpoints.advertised) shared->advertised.push_back(one.name);
    for (runtime::ShardIndex i = 0; i < seams.runtime.shard_count(); ++i)
        shared->shards.push_back(
            std::make_unique<BrokerShard>(*shared, seams.runtime.shard(i), base::Random(seams.random.next())));
    listeners = std::make_unique<Listeners>(*shared, seams.runtime.shard(0));
    listeners->add(std::move(ports));
}

/// From here on the cluster knows this broker.
Task<Result<>> Broker::Parts::register_broker() {
    meta::BrokerRegistration registration;
    for (std::size_t i = 0; i < listening.size(); ++i) {
        net::Address told = listening[i].address;
        if (told.host.empty() || told.host == "0.0.0.0" || told.host == "::") told.host = "localhost";
        for (const ListenerAddress& one : endpoints.advertised) {
            if (one.name != listening[i].listener) continue;
            told = one.address;
            if (told.port == 0) told.port = listening[i].address.port;
        }
        registration.endpoints.push_back(
            {listening[i].listener, endpoints.listeners[i].protocol, told.host, told.port});
    }
    if (const auto rack = config.text("broker.rack")) registration.rack = std::string(*rack);
    registration.timestamp_ms = seams.runtime.clock().wall_ms();
    registration.boot_id = base::Uuid::random(seams.random);
    meta::Create create{meta::paths::broker(node_id), meta::encode_broker(registration), meta::Lifetime::ephemeral,
                        false};
    KLOG_CO_TRY(const auto made, co_await store->create(std::move(create)));
    replicas->set_broker_epoch(base::BrokerEpoch{made.stat.czxid});
    co_return Result<>{};
}

Task<Result<>> Broker::Parts::start() {
    KLOG_CO_TRY(endpoints, endpoints_of(config));
    KLOG_CO_TRY_VOID(take_ports());
    KLOG_CO_TRY_VOID(co_await open_store());
    KLOG_CO_TRY(cluster_id, co_await find_cluster_id());
    KLOG_CO_TRY_VOID(co_await make_paths());
    make_replicas();
    KLOG_CO_TRY_VOID(co_await replicas->start());
    replicas_started = true;
    make_controller();
    producer_ids = std::make_unique<ProducerIds>(*controller, seams.runtime.shard(0), node_id);
    open_listeners();
    KLOG_CO_TRY_VOID(co_await register_broker());
    controller_started = true;
    KLOG_CO_TRY_VOID(co_await controller->start());
    listeners->start();
    co_return Result<>{};
}

Task<void> Broker::Parts::stop() {
    ports.clear();
    if (listeners) co_await listeners->stop();
    if (controller_started) co_await controller->stop();
    if (replicas_started) co_await replicas->stop();
    if (shared) {
        for (const auto& shard : shared->shards) {
            BrokerShard* there = shard.get();
            co_await runtime::call_on(there->shard, [there] { return there->waiting.join(); });
        }
    }
    if (store) co_await store->close();
    store_lock.reset();
}

Task<Result<>> Broker::start() {
    auto started = co_await parts_->start();
    if (!started) co_await parts_->stop();
    co_return started;
}

void Broker::on_all_offline(std::function<void()> call) { parts_->all_offline = std::move(call); }
Task<void> Broker::stop() { return parts_->stop(); }

Task<Result<>> Broker::create(std::vector<InitialTopic> topics) {
    std::vector<controller::NewTopic> wanted;
    for (const InitialTopic& topic : topics) wanted.push_back({.name = topic.name, .partitions = topic.partitions});
    const auto deadline = runtime::Shard::current()->now() + std::chrono::seconds(30);
    auto created = co_await parts_->controller->create_topics(std::move(wanted), false, deadline);
    for (std::size_t i = 0; i < created.size(); ++i)
        if (!created[i] && created[i].error().code != Errc::exists)
            co_return base::fail(created[i].error().code, "topic {}: {}", topics[i].name, created[i].error().message);
    co_return Result<>{};
}

}  // namespace klog::broker
