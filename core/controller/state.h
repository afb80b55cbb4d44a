// SPDX-License-Identifier: Apache-2.0
// What the controller holds between events, and the steps that controller.h is made of. All on the home shard, one
// event at a time: whoever changes anything holds `turn`. Every write to the store carries the condition that this
// controller's epoch still stands; when it does not, the controller resigns and drops everything.
//
//   elected.cc    standing for election, loading, finishing what an earlier controller left, brokers that come and go
//   topics.cc     create, delete, grow
//   configs.cc    configurations and producer ids
//   tell.cc       what brokers are told
#pragma once

#include <atomic>
#include <map>
#include <set>

#include "core/controller/controller.h"
#include "core/controller/election.h"
#include "core/meta/paths.h"
#include "core/meta/store.h"
#include "core/runtime/scope.h"
#include "core/wire/messages/04_leader_and_isr.h"

namespace klog::controller {

/// Operations of one multi, beside the condition. Keeps a multi well below ZooKeeper's 1 MB.
inline constexpr std::size_t operations_per_multi_max = 1000;
inline constexpr std::int32_t producer_ids_per_block = 1000;
/// A topic's assignments are one node of the store, which is at most 1 MB.
inline constexpr std::size_t topic_bytes_max = 900'000;
/// What could not be finished (a full disk, a store that is away, a broker that does not answer) is tried again.
inline constexpr std::chrono::milliseconds retry_interval{1000};

struct PartitionEntry {
    meta::PartitionState state;
    std::int32_t version = 0;
    std::int64_t mzxid = 0;
};

struct TopicEntry {
    meta::TopicAssignment assignment;
    std::int32_t version = 0;
    std::map<base::PartitionId, PartitionEntry> partitions;  // Those that have a state.
};

struct LiveBroker {
    meta::BrokerRegistration registration;
    base::BrokerEpoch epoch;
};

/// Names of partitions, for what is to be told.
using PartitionSet = std::map<std::string, std::set<base::PartitionId>>;

/// The topics by what their names must differ in.
using CollisionForms = std::map<std::string, std::string>;

struct Controller::State {
    State(ControllerOptions options_, runtime::Runtime& runtime_, meta::Store& store_, BrokerLink& link_,
          base::Random& random_)
        : options(std::move(options_)),
          home(*runtime::Shard::current()),
          runtime(runtime_),
          store(store_),
          link(link_),
          random(random_) {}

    // ---- elected.cc
    runtime::Task<base::Result<>> stand();
    runtime::Task<base::Result<>> win();
    runtime::Task<base::Result<>> load();
    runtime::Task<base::Result<>> load_brokers();
    runtime::Task<base::Result<>> load_topic(std::string name);
    runtime::Task<base::Result<>> finish_deletions();
    /// Gives every partition the leader it should have: those without a state, those whose leader is gone, and those
    /// whose leader's epoch belongs to an earlier life of that broker. Returns what changed.
    runtime::Task<base::Result<PartitionSet>> settle();
    /// Settles and tells what changed (or all), until no broker answers that it cannot serve a replica.
    runtime::Task<base::Result<>> settle_and_tell(bool all);
    runtime::Task<void> brokers_changed();
    runtime::Task<base::Result<>> look_at_log_dirs();
    runtime::Task<void> log_dirs_changed();
    /// Takes up, after a while, what was left undone.
    void try_again_later();
    runtime::Task<void> take_up();
    runtime::Task<void> post_vacant();
    void resign(std::string_view why);

    // ---- Writing.
    /// All or nothing, under the condition of this controller's epoch. not_controller: it does not stand any more.
    runtime::Task<base::Result<std::vector<meta::Outcome>>> write(std::vector<meta::Operation> operations);
    /// First states for those partitions of the topic that have none.
    runtime::Task<base::Result<>> write_first_states(std::string topic);
    base::Result<> check_active() const;

    // ---- topics.cc
    runtime::Task<PerItem<CreatedTopic>> create_topics(std::vector<NewTopic> topics, bool validate_only,
                                                       runtime::MonotonicTime deadline);
    runtime::Task<base::Result<CreatedTopic>> create_topic(NewTopic topic, bool validate_only, CollisionForms* forms);
    runtime::Task<base::Result<>> bring_up(std::string topic, PartitionSet fresh);
    base::Result<std::vector<std::vector<base::NodeId>>> plan_assignment(const NewTopic& topic);
    runtime::Task<PerItem<DeletedTopic>> delete_topics(std::vector<TopicRef> topics, runtime::MonotonicTime deadline);
    runtime::Task<base::Result<>> delete_topic(std::string name);
    runtime::Task<PerItem<void>> create_partitions(std::vector<GrownTopic> topics, bool validate_only,
                                                   runtime::MonotonicTime deadline);
    runtime::Task<base::Result<>> grow_topic(GrownTopic topic, bool validate_only);

    // ---- configs.cc
    runtime::Task<PerItem<void>> alter_configs(std::vector<ConfigAlteration> alterations, bool validate_only);
    runtime::Task<base::Result<>> alter_config(ConfigAlteration alteration, bool validate_only);
    base::Result<meta::Config> edited(const ConfigAlteration& alteration, meta::Config before) const;
    runtime::Task<base::Result<ProducerIdBlock>> allocate_producer_ids(base::NodeId for_broker);

    // ---- tell.cc
    /// LeaderAndIsr to the brokers that have replicas of these partitions, then UpdateMetadata to all. `full`: these
    /// are all partitions there are.
    runtime::Task<void> tell(PartitionSet partitions, bool full);
    runtime::Task<void> tell_leaders(PartitionSet partitions, bool full);
    runtime::Task<void> tell_metadata(PartitionSet partitions, bool full, bool deleting);
    /// True: every broker that has a replica has removed it.
    runtime::Task<bool> tell_removal(std::string topic);

    std::vector<base::NodeId> live() const;
    bool alive(base::NodeId id) const { return brokers.contains(id); }
    bool usable(base::NodeId id, const std::string& topic, base::PartitionId partition) const {
        return alive(id) && !offline_replicas.contains({id, {topic, partition}});
    }
    runtime::Task<void> send_leaders(base::NodeId to, std::shared_ptr<const wire::LeaderAndIsrRequest> request);
    runtime::Task<void> send_metadata(base::NodeId to, std::shared_ptr<const wire::UpdateMetadataRequest> request);
    void take_answer(base::NodeId from, const wire::LeaderAndIsrRequest& request,
                     const base::Result<wire::LeaderAndIsrResponse>& answer);
    PartitionSet all_partitions() const;

    ControllerOptions options;
    runtime::Shard& home;
    runtime::Runtime& runtime;
    meta::Store& store;
    BrokerLink& link;
    base::Random& random;

    runtime::Semaphore turn{1};
    runtime::Scope scope;
    bool stopping = false;
    std::shared_ptr<bool> alive_token = std::make_shared<bool>(true);  // Watches outlive this object.

    std::atomic<bool> active = false;  // Asked for on every shard.
    base::ControllerEpoch epoch;
    std::int32_t epoch_version = 0;  // Of /controller_epoch, as this controller wrote it.
    std::map<base::NodeId, LiveBroker> brokers;
    std::map<std::string, TopicEntry, std::less<>> topics;
    std::map<base::Uuid, std::string> names;  // Of `topics`.
    std::set<std::string> deleting;           // Marked in the store, not yet gone.
    /// Replicas that their broker could not serve (its log directory failed), until it starts anew.
    std::set<std::pair<base::NodeId, std::pair<std::string, base::PartitionId>>> offline_replicas;
    std::uint64_t refusals = 0;  // Of partitions, by brokers, so far.
    runtime::TimerId retry = runtime::TimerId::none;
};

/// Holds the turn until it dies.
class [[nodiscard]] Turn {
public:
    explicit Turn(runtime::Semaphore& turn) : turn_(&turn) {}
    Turn(Turn&& other) noexcept : turn_(std::exchange(other.turn_, nullptr)) {}
    Turn& operator=(Turn&&) = delete;
    ~Turn() {
        if (turn_ != nullptr) turn_->release(1);
    }

private:
    runtime::Semaphore* turn_;
};
/// Waits for the turn.
runtime::Task<Turn> take(runtime::Semaphore* turn);

}  // namespace klog::controller
