// SPDX-License-Identifier: Apache-2.0
// A cluster as a client sees it: finds it by its bootstrap list, keeps what it knows of brokers, topics and leaders,
// keeps connections, and tries again where trying again helps. Producer, Consumer and the admin calls use one.
// Belongs to one shard. close() before it dies.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/base/random.h"
#include "core/client/config.h"
#include "core/client/connection.h"
#include "core/client/metadata.h"
#include "core/runtime/scope.h"
#include "core/runtime/shard.h"

namespace klog::client {

/// What a connection is for: a fetch that waits for data must not hold up anything else.
enum class Lane { general, fetch };

/// Pauses that double, with jitter, up to a limit.
class Backoff {
public:
    explicit Backoff(const Config& config) : next_ms_(config.retry_backoff_ms), max_ms_(config.retry_backoff_max_ms) {}
    std::chrono::nanoseconds next(base::Random& random);

private:
    std::int64_t next_ms_, max_ms_;
};

class Cluster {
public:
    Cluster(runtime::Runtime& runtime, net::Network& network, Config config, base::Random random);
    ~Cluster();
    Cluster(const Cluster&) = delete;
    Cluster& operator=(const Cluster&) = delete;
    runtime::Task<void> close();

    const Config& config() const { return config_; }
    runtime::Runtime& runtime() { return runtime_; }
    base::Random& random() { return random_; }
    base::MonotonicTime now() const { return runtime_.clock().now(); }

    /// How patient topic() is: a topic that was just created may be unknown to a broker for a moment.
    enum class Expect {
        exists,   // Not there is an error, found out by one look (two, when a leader is missing).
        appears,  // It was just created: wait for it and its leaders.
    };
    /// The topic with at least one leader. not_found, not_authorized, timed_out, connect_failed ...
    runtime::Task<base::Result<TopicPtr>> topic(std::string name, Expect expect = Expect::exists);
    /// What is known without asking; null when nothing is.
    TopicPtr known(const std::string& name) const;
    /// All topics, asked for now; internal ones too.
    runtime::Task<base::Result<std::vector<TopicPtr>>> all_topics();
    /// Asks for these topics now. Topics that are not there come back with their error.
    runtime::Task<base::Result<std::vector<TopicPtr>>> look_up(std::vector<std::string> names, bool create = false);

    /// What was believed of this topic is wrong: the next wait_for_news asks again.
    void doubt(const std::string& topic) { doubted_.insert(topic); }
    /// Nobody has looked for longer than metadata.max.age.ms: it may have grown.
    bool is_old(const TopicInfo& topic) const {
        return now() - topic.learned > std::chrono::milliseconds(config_.metadata_max_age_ms);
    }
    /// Asks again for the topics in doubt, after a pause that grows; one call at a time does the asking.
    runtime::Task<base::Result<>> refresh_doubted();
    bool in_doubt() const { return !doubted_.empty(); }
    /// A broker named the new leader (KIP-951). False: this is older than what is known.
    bool learn_leader(const std::string& topic, base::PartitionId partition, base::NodeId leader,
                      base::LeaderEpoch epoch);
    void learn_broker(base::NodeId id, net::Address address) { brokers_[id] = {id, std::move(address), {}}; }

    const std::map<base::NodeId, BrokerInfo>& brokers() const { return brokers_; }
    base::NodeId controller() const { return controller_; }
    const std::string& cluster_id() const { return cluster_id_; }
    /// The name behind an id, for answers that carry ids only.
    const std::string* name_of(const base::Uuid& id) const;

    runtime::Task<base::Result<std::shared_ptr<Connection>>> connection(base::NodeId broker, Lane lane = Lane::general);
    /// A connection of the caller's own, which nobody else uses.
    runtime::Task<base::Result<std::shared_ptr<Connection>>> another_connection(base::NodeId broker);
    /// Any broker that answers.
    runtime::Task<base::Result<std::shared_ptr<Connection>>> any_connection();
    /// The controller, or any broker where the controller is nobody's business (KRaft).
    runtime::Task<base::Result<std::shared_ptr<Connection>>> controller_connection();
    /// Forget who is controller: it said it is not.
    void doubt_controller() { controller_doubted_ = true; }

private:
    struct Slot;

    runtime::Task<base::Result<std::shared_ptr<Connection>>> open(net::Address address, bool* refused = nullptr);
    runtime::Task<base::Result<std::shared_ptr<Connection>>> bootstrap();
    runtime::Task<base::Result<std::shared_ptr<Connection>>> open_bootstrap();
    runtime::Task<base::Result<std::vector<TopicPtr>>> ask(std::optional<std::vector<std::string>> names, bool create);

    runtime::Runtime& runtime_;
    net::Network& network_;
    Config config_;
    base::Random random_;
    std::unique_ptr<runtime::Scope> scope_;

    std::map<base::NodeId, BrokerInfo> brokers_;
    std::map<std::string, TopicPtr> topics_;
    std::map<base::Uuid, std::string> names_;
    base::NodeId controller_ = base::no_node;
    bool controller_doubted_ = false;
    std::string cluster_id_;

    std::map<std::pair<base::NodeId, Lane>, std::shared_ptr<Slot>> slots_;
    std::shared_ptr<Connection> bootstrapped_;
    std::vector<std::weak_ptr<Connection>> others_;  // Of another_connection(): close() ends them as well.
    bool bootstrapping_ = false;
    std::unique_ptr<runtime::Signal> bootstrap_done_;
    std::set<std::string> doubted_;
    bool refreshing_ = false;
    std::unique_ptr<runtime::Signal> refreshed_;
    bool closed_ = false;
};

}  // namespace klog::client
