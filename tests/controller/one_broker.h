// SPDX-License-Identifier: Apache-2.0
// One broker without its network: store, replicas and controller on a simulated machine with a memory disk, which can
// be stopped, killed, and started again on what is left. What Broker wires together, wired for tests.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/log.h"
#include "core/base/random.h"
#include "core/controller/controller.h"
#include "core/log/log_config.h"
#include "core/meta/embedded_store.h"
#include "core/meta/paths.h"
#include "core/os/memory_disk.h"
#include "core/replica/replicas.h"
#include "core/runtime/sim_runtime.h"
#include "core/wire/messages/04_leader_and_isr.h"
#include "core/wire/messages/05_stop_replica.h"
#include "core/wire/messages/06_update_metadata.h"

namespace klog::controller::testing {

using base::Errc;
using base::NodeId;
using base::PartitionId;
using base::Result;
using runtime::Task;
using namespace std::chrono_literals;

template <class T>
T good(Result<T> result) {
    REQUIRE_MESSAGE(result.has_value(), result.error().message);
    return *std::move(result);
}
inline void good(Result<> result) { REQUIRE_MESSAGE(result.has_value(), result.error().message); }
template <class T>
std::string code(const Result<T>& result) {
    return result ? "ok" : std::string(base::name_of(result.error().code));
}

/// The broker's own controller reaches it by a call.
class LocalLink final : public BrokerLink {
public:
    explicit LocalLink(replica::Replicas& replicas) : replicas_(replicas) {}
    Task<Result<wire::LeaderAndIsrResponse>> leader_and_isr(
        NodeId, std::shared_ptr<const wire::LeaderAndIsrRequest> request) override {
        co_return co_await replicas_.leader_and_isr(std::move(request));
    }
    Task<Result<wire::UpdateMetadataResponse>> update_metadata(
        NodeId, std::shared_ptr<const wire::UpdateMetadataRequest> request) override {
        co_return co_await replicas_.update_metadata(std::move(request));
    }
    Task<Result<wire::StopReplicaResponse>> stop_replica(
        NodeId, std::shared_ptr<const wire::StopReplicaRequest> request) override {
        co_return co_await replicas_.stop_replica(std::move(request));
    }

private:
    replica::Replicas& replicas_;
};

/// Rules that know one key too few: "bad" is refused, "list" is a list.
inline ConfigRules test_rules() {
    ConfigRules rules;
    rules.check = [](const ConfigResource&, const meta::Config& config) -> Result<> {
        if (config.contains("bad")) return base::fail(Errc::invalid_config, "bad is not a key");
        return {};
    };
    rules.is_list = [](const ConfigResource&, std::string_view key) { return key == "list"; };
    rules.inherited = [](const ConfigResource&, std::string_view key) -> std::optional<std::string> {
        if (key == "list") return "x";
        return std::nullopt;
    };
    return rules;
}

/// Stands between controller and store; may refuse or kill.
class StoreTap : public meta::Store {
public:
    explicit StoreTap(meta::Store& under) : under_(under) {}
    /// Called before each multi that writes; false: the store is away from here on (as if the process had died).
    std::function<bool()> before_write = [] { return true; };
    /// Called after each multi that wrote, before its answer.
    std::function<bool()> after_write = [] { return true; };

    Task<Result<std::vector<meta::Outcome>>> multi(std::vector<meta::Operation> operations) override {
        if (dead_ || !before_write()) {
            dead_ = true;
            co_return base::fail(Errc::timed_out, "the store is away");
        }
        auto outcomes = co_await under_.multi(std::move(operations));
        if (outcomes && !after_write()) dead_ = true;
        if (dead_) co_return base::fail(Errc::timed_out, "the store is away");
        co_return outcomes;
    }
    Task<Result<meta::Node>> get(std::string path, meta::Watch watch) override {
        if (dead_) co_return base::fail(Errc::timed_out, "the store is away");
        co_return co_await under_.get(std::move(path), std::move(watch));
    }
    Task<Result<std::optional<meta::Stat>>> exists(std::string path, meta::Watch watch) override {
        if (dead_) co_return base::fail(Errc::timed_out, "the store is away");
        co_return co_await under_.exists(std::move(path), std::move(watch));
    }
    Task<Result<std::vector<std::string>>> children(std::string path, meta::Watch watch) override {
        if (dead_) co_return base::fail(Errc::timed_out, "the store is away");
        co_return co_await under_.children(std::move(path), std::move(watch));
    }
    meta::SessionState session_state() const override { return under_.session_state(); }
    std::int64_t session_id() const override { return under_.session_id(); }
    void on_session_change(std::function<void(meta::SessionState)> changed) override {
        under_.on_session_change(std::move(changed));
    }
    Task<void> close() override { return under_.close(); }

private:
    meta::Store& under_;
    bool dead_ = false;
};

/// Tests that kill and refuse make log lines; they are not looked at.
struct Quiet {
    Quiet() { base::set_log_level(base::LogLevel::off); }
    ~Quiet() { base::set_log_level(base::LogLevel::info); }
};

/// One life of the broker.
struct Life {
    Life(os::MemoryDisk& on, runtime::SimRuntime& in, std::vector<std::string> dirs, log::LogConfig config)
        : disk(on), sim(in), log_dirs(std::move(dirs)), log_config(config) {}

    os::MemoryDisk& disk;
    runtime::SimRuntime& sim;
    std::vector<std::string> log_dirs;
    log::LogConfig log_config;
    NodeId node{1};
    TopicDefaults defaults;
    base::Random random{99};
    std::unique_ptr<meta::EmbeddedStore> store;
    std::unique_ptr<StoreTap> tap;
    std::unique_ptr<replica::Replicas> replicas;
    std::unique_ptr<LocalLink> link;
    std::unique_ptr<Controller> controller;
    bool all_offline = false;
    std::function<void(StoreTap&)> prepare_tap = [](StoreTap&) {};

    static Task<Result<>> start(Life* life) {
        meta::Journal::Options journal;
        journal.directory = life->log_dirs.front() + "/metadata";
        KLOG_CO_TRY(life->store, co_await meta::EmbeddedStore::open(life->disk, life->sim, std::move(journal)));
        for (const auto& path : meta::paths::persistent()) {
            meta::Create node{path, "", meta::Lifetime::persistent, false};
            (void)co_await life->store->create(std::move(node));
        }
        life->tap = std::make_unique<StoreTap>(*life->store);
        life->prepare_tap(*life->tap);
        life->make();
        KLOG_CO_TRY_VOID(co_await life->replicas->start());
        meta::BrokerRegistration registration;
        registration.endpoints = {{"PLAINTEXT", "PLAINTEXT", "localhost", 9092}};
        meta::Create registered{meta::paths::broker(life->node), meta::encode_broker(registration),
                                meta::Lifetime::ephemeral, false};
        KLOG_CO_TRY(const auto made, co_await life->store->create(std::move(registered)));
        life->replicas->set_broker_epoch(base::BrokerEpoch{made.stat.czxid});
        co_return co_await life->controller->start();
    }

    void make() {
        replica::ReplicasOptions options;
        options.node_id = node;
        options.cluster_id = "test-cluster";
        options.log_dirs = log_dirs;
        options.log_config = [this](const meta::Image& image, std::string_view topic) {
            auto config = log_config;
            const auto& own = image.topic_config(topic);
            if (const auto at = own.find("segment.bytes"); at != own.end())
                config.segment_bytes = std::stoi(at->second);
            return config;
        };
        options.min_insync_replicas = [](const meta::Image&, std::string_view) { return 1; };
        options.all_offline = [this] { all_offline = true; };
        replicas = std::make_unique<replica::Replicas>(std::move(options), sim, disk, *store);
        link = std::make_unique<LocalLink>(*replicas);
        ControllerOptions controls;
        controls.node_id = node;
        controls.config_rules = test_rules();
        controls.defaults = [this] { return defaults; };
        controls.config_changed = [this] { return replicas->catch_up_config(); };
        controller = std::make_unique<Controller>(std::move(controls), sim, *tap, *link, random);
    }

    static Task<void> stop(Life* life) {
        co_await life->controller->stop();
        co_await life->replicas->stop();
        co_await life->store->close();
    }
};

/// A machine with a disk, on which lives follow each other.
struct OneBroker {
    Quiet quiet;
    os::MemoryDisk disk;
    base::Random random{5};
    std::uint64_t seed = 1;
    std::vector<std::string> log_dirs{"/data"};
    log::LogConfig log_config;
    // In the order of their deaths: a killed machine takes its coroutines before what they use goes.
    std::unique_ptr<Life> life;
    std::unique_ptr<runtime::SimRuntime> sim;

    explicit OneBroker(bool started = true) {
        if (started) good(start());
    }
    ~OneBroker() {
        if (sim && !sim->crashed() && life && life->controller) stop();
        kill_machine();
    }

    Result<> start(const std::function<void(Life&)>& prepare = [](Life&) {}) {
        sim = std::make_unique<runtime::SimRuntime>(seed++, 2);
        life = std::make_unique<Life>(disk, *sim, log_dirs, log_config);
        prepare(*life);
        return sim->run(Life::start(life.get()));
    }
    void stop() {
        sim->run(Life::stop(life.get()));
        kill_machine();
    }
    /// kill -9, or a power cut.
    void kill(os::Crash how = os::Crash::process) {
        kill_machine();
        disk.crash(how, random);
    }
    void kill_machine() {
        if (sim) sim->crash();
        life.reset();
        sim.reset();
    }

    Controller& controller() { return *life->controller; }
    replica::Replicas& replicas() { return *life->replicas; }
    meta::Store& store() { return *life->store; }
    runtime::MonotonicTime soon() const { return sim->clock().now() + 60s; }
    template <class T>
    T run(Task<T> task) {
        return sim->run(std::move(task));
    }
    void run(Task<void> task) { sim->run(std::move(task)); }

    // ---- Words

    static NewTopic topic(std::string name, std::int32_t partitions = 1) {
        NewTopic wanted;
        wanted.name = std::move(name);
        wanted.partitions = partitions;
        return wanted;
    }
    Result<CreatedTopic> create(NewTopic wanted, bool validate_only = false) {
        std::vector<NewTopic> topics;
        topics.push_back(std::move(wanted));
        auto results = run(controller().create_topics(std::move(topics), validate_only, soon()));
        REQUIRE(results.size() == 1);
        return results.front();
    }
    Result<CreatedTopic> create(std::string name, std::int32_t partitions = 1) {
        return create(topic(std::move(name), partitions));
    }
    Result<DeletedTopic> remove(TopicRef which) {
        std::vector<TopicRef> topics;
        topics.push_back(std::move(which));
        auto results = run(controller().delete_topics(std::move(topics), soon()));
        REQUIRE(results.size() == 1);
        return results.front();
    }
    Result<> grow(std::string name, std::int32_t partitions, std::vector<std::vector<NodeId>> assignments = {},
                  bool validate_only = false) {
        std::vector<GrownTopic> topics;
        topics.push_back({std::move(name), partitions, std::move(assignments)});
        auto results = run(controller().create_partitions(std::move(topics), validate_only, soon()));
        REQUIRE(results.size() == 1);
        return results.front();
    }
    Result<> alter(ConfigResource resource, std::vector<ConfigEdit> edits, bool incremental = true) {
        std::vector<ConfigAlteration> alterations;
        alterations.push_back({std::move(resource), incremental, std::move(edits)});
        auto results = run(controller().alter_configs(std::move(alterations), false));
        REQUIRE(results.size() == 1);
        return results.front();
    }
    static Task<meta::Image::Ptr> take_image(replica::Replicas* replicas) { co_return replicas->image(); }
    /// As the second shard sees it.
    meta::Image::Ptr image() { return sim->run(take_image(&replicas()), 1h, 1); }

    static Task<std::string> read(meta::Store* store, std::string path) {
        const auto node = co_await store->get(std::move(path), {});
        co_return node ? node->data : "(" + code(node) + ")";
    }
    std::string node(std::string path) { return run(read(&store(), std::move(path))); }
    static Task<std::vector<std::string>> list(meta::Store* store, std::string path) {
        const auto names = co_await store->children(std::move(path), {});
        co_return names.value_or(std::vector<std::string>{"(" + code(names) + ")"});
    }
    std::vector<std::string> nodes(std::string path) { return run(list(&store(), std::move(path))); }
    std::vector<std::string> directories(const std::string& below = "/data") {
        std::vector<std::string> names;
        for (const auto& entry : good(disk.list(below))) {
            if (entry.is_directory) names.push_back(entry.name);
        }
        return names;
    }
};

}  // namespace klog::controller::testing
