// SPDX-License-Identifier: Apache-2.0
// The inside of Replicas. What is marked [home] is touched on the home shard only; a Table on its own shard only.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/log/log_directory.h"
#include "core/meta/config_feed.h"
#include "core/meta/store.h"
#include "core/os/disk.h"
#include "core/replica/replicas.h"
#include "core/runtime/scope.h"
#include "core/wire/messages/04_leader_and_isr.h"
#include "core/wire/messages/05_stop_replica.h"
#include "core/wire/messages/06_update_metadata.h"

namespace klog::replica {

/// Steps of one request, or logs being opened or closed, that are under way at the same time.
inline constexpr std::size_t steps_in_flight_max = 64;
/// Partitions that a background job treats before it lets others run.
inline constexpr std::size_t partitions_per_turn = 32;

struct Replicas::State {
    State(ReplicasOptions given, runtime::Runtime& with, os::Disk& on, meta::Store& in);

    struct Table {
        std::map<PartitionKey, std::shared_ptr<Partition>> partitions;
        meta::Image::Ptr image = std::make_shared<const meta::Image>();
        std::vector<std::function<void(const meta::Image::Ptr&)>> listeners;
    };
    struct Directory {
        std::string path;
        std::unique_ptr<log::LogDirectory> directory;  // Null: it could not be opened.
        std::size_t partitions = 0;
        bool offline = false;
    };
    /// A partition's directory that the controller has not named in this life.
    struct OnDisk {
        std::size_t directory = 0;
        base::Uuid topic_id;  // Zero: not known.
        bool whole = true;    // False: to make it has failed in this life.
    };
    struct Hosted {
        PartitionKey key;
        std::size_t directory = 0;
        LeaderEpoch leader_epoch = base::no_leader_epoch;  // Of the last step that was completed.
    };

    runtime::Shard& shard_of(const PartitionKey& key) const;
    Table& here();
    Table& table_of(runtime::Shard& shard) { return tables[shard.index()]; }

    // replicas.cc
    runtime::Task<base::Result<>> start();
    runtime::Task<base::Result<>> open_directories();
    runtime::Task<base::Result<>> load_metadata();
    runtime::Task<void> load_features();
    runtime::Task<void> stop();
    runtime::Task<void> publish(meta::Image::Change change, std::set<std::string> topics, bool all_topics);
    runtime::Task<void> install(runtime::Shard* shard, meta::Image::Ptr next, std::set<std::string> topics,
                                bool all_topics);
    runtime::Task<base::Result<>> catch_up_config();
    runtime::Task<void> follow_config();
    void config_news();
    void take_config(const meta::ConfigEntity& entity, meta::Config config);
    runtime::Task<void> publish_config();
    void directory_failed(std::size_t index, const base::Error& why);
    runtime::Task<void> tell_directory_failed();
    PartitionSetup setup_for(const PartitionKey& key, const std::string& topic, std::size_t directory) const;

    // replicas_requests.cc
    struct Step;
    runtime::Task<wire::LeaderAndIsrResponse> leader_and_isr(std::shared_ptr<const wire::LeaderAndIsrRequest> request);
    std::optional<Step> plan_step(const std::string& topic, const base::Uuid& topic_id,
                                  const wire::LeaderAndIsrRequest::Partition& told, wire::ErrorCode& error);
    wire::ErrorCode place_new(Step& step);
    runtime::Task<wire::ErrorCode> claim_for(Step* step);
    runtime::Task<void> lead_or_follow(Step* step);
    runtime::Task<wire::UpdateMetadataResponse> update_metadata(
        std::shared_ptr<const wire::UpdateMetadataRequest> request);
    runtime::Task<wire::StopReplicaResponse> stop_replica(std::shared_ptr<const wire::StopReplicaRequest> request);
    runtime::Task<void> stop_one(log::PartitionName name, bool remove, base::Result<>* result);

    void say_what_is_not_done(const meta::Image& image, const std::set<std::string>& topics);
    // replicas_found.cc
    std::optional<std::size_t> choose_directory() const;
    base::Result<std::size_t> directory_for_new(const log::PartitionName& name, bool is_new);
    runtime::Task<base::Result<std::optional<std::size_t>>> claim(log::PartitionName name, base::Uuid topic_id,
                                                                  bool is_new);

    void forget_found(const log::PartitionName& name, std::size_t directory);

    // replicas_jobs.cc
    runtime::Task<void> run_jobs();
    runtime::Task<void> on_all_partitions(runtime::Task<void> (*work)(std::shared_ptr<Partition>, base::TimestampMs));
    runtime::Task<void> on_each_shard(runtime::Task<void> (*work)(State*, runtime::Shard*));
    runtime::Task<void> write_on_directories(base::Result<> (log::LogDirectory::*write)());
    runtime::Task<void> checkpoint_high_watermarks();
    runtime::Task<void> open_all();
    runtime::Task<std::vector<LogDirInfo>> describe_log_dirs();

    const ReplicasOptions options;
    runtime::Runtime& runtime;
    os::Disk& disk;
    meta::Store& store;
    runtime::Shard& home;

    std::vector<Directory> directories;                       // [home] after start.
    std::map<log::PartitionName, std::vector<OnDisk>> found;  // [home] By name; more than one after a failure.
    std::map<log::PartitionName, Hosted> hosted;              // [home]
    base::ControllerEpoch controller_epoch{-1};               // [home] The highest seen.
    std::optional<base::BrokerEpoch> broker_epoch;            // [home]
    runtime::Semaphore turn{1};                               // [home] One request or image at a time.
    std::unique_ptr<meta::ConfigFeed> feed;                   // [home]
    std::map<meta::ConfigEntity, meta::Config> fresh_config;  // [home] Read, not yet in the image.
    std::set<std::string> told_of_compaction;                 // [home] Topics that ask for what klog does not do yet.
    bool following_config = false;                            // [home]
    bool opening_all = false;                                 // [home]
    std::atomic<bool> stopping = false;                       // Set at home; looked at everywhere.
    runtime::Signal stop_signal;                              // [home]
    runtime::Scope scope;                                     // [home] Jobs.
    std::vector<Table> tables;                                // By shard.
    std::shared_ptr<bool> alive = std::make_shared<bool>(true);
};

/// Work under way side by side, a bounded number at a time: each waits for a place, the caller for all.
struct Steps {
    runtime::Semaphore places{steps_in_flight_max};
    runtime::Scope scope;
};

}  // namespace klog::replica
