// SPDX-License-Identifier: Apache-2.0
// Which partitions this broker has, and the broker's one entry for the controller's three requests. One per broker. Its
// requests are worked off one after another on the home shard (the one that made it, which is also the metadata
// store's); the partitions themselves live on their owner shards, and every shard has its own table of them and its own
// pointer to the current image.
//
// Methods say where they may be called: [home], [owner] (the shard that owns the partition) or [any].
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/base/types.h"
#include "core/base/uuid.h"
#include "core/meta/image.h"
#include "core/replica/partition.h"
#include "core/runtime/shard.h"
#include "core/runtime/task.h"

namespace klog::os {
class Disk;
}
namespace klog::meta {
class Store;
struct ConfigEntity;
}  // namespace klog::meta
namespace klog::log {
struct LogConfig;
}
namespace klog::wire {
struct LeaderAndIsrRequest;
struct LeaderAndIsrResponse;
struct UpdateMetadataRequest;
struct UpdateMetadataResponse;
struct StopReplicaRequest;
struct StopReplicaResponse;
}  // namespace klog::wire

namespace klog::replica {

struct ReplicasOptions {
    NodeId node_id;
    std::string cluster_id;
    std::vector<std::string> log_dirs;
    /// The configuration of a topic's logs: the topic's own keys over the broker's dynamic ones over the static ones.
    /// Called on any shard.
    std::function<log::LogConfig(const meta::Image& image, std::string_view topic)> log_config;
    /// What of a stored configuration may be believed; none: all of it.
    std::function<meta::Config(const meta::ConfigEntity& entity, meta::Config stored)> usable_config;
    /// min.insync.replicas, found the same way.
    std::function<std::int32_t(const meta::Image& image, std::string_view topic)> min_insync_replicas;
    std::vector<meta::FeatureRange> supported_features;
    /// Called on the home shard when the last log directory has failed: there is nothing left to do here.
    std::function<void()> all_offline;
    std::chrono::milliseconds high_watermark_checkpoint_interval{
        5'000};                                                         // replica.high.watermark.checkpoint.interval.ms
    std::chrono::milliseconds retention_check_interval{300'000};        // log.retention.check.interval.ms
    std::chrono::milliseconds recovery_checkpoint_interval{60'000};     // log.flush.offset.checkpoint.interval.ms
    std::chrono::milliseconds log_start_checkpoint_interval{60'000};    // log.flush.start.offset.checkpoint.interval.ms
    std::chrono::milliseconds producer_expiry_check_interval{600'000};  // producer.id.expiration.check.interval.ms
};

/// For DescribeLogDirs.
struct LogDirInfo {
    struct Replica {
        std::string topic;
        PartitionId partition;
        std::uint64_t size_bytes = 0;
        std::int64_t offset_lag = 0;
    };
    std::string path;
    bool offline = false;
    std::uint64_t total_bytes = 0;
    std::uint64_t usable_bytes = 0;
    std::vector<Replica> replicas;  // By topic and partition.
};

class Replicas {
public:
    Replicas(ReplicasOptions options, runtime::Runtime& runtime, os::Disk& disk, meta::Store& store);
    ~Replicas();  // After stop().

    /// [home] Locks the log directories, checks meta.properties (writing it where there is none), finds the partitions
    /// in them and reads the dynamic configuration from the store. Logs are opened when they are first needed, and all
    /// of them in the background once the controller has named them. busy: another process has a directory;
    /// invalid_config: meta.properties belongs to another cluster or node; exists: one directory has a partition twice.
    /// A directory that cannot be read is offline; io when that is so for all.
    runtime::Task<base::Result<>> start();
    /// [home] No more appends; flushes, writes the checkpoints and the clean-shutdown mark, closes the logs.
    runtime::Task<void> stop();

    // ---- From the controller [home]. Refused as a whole with STALE_CONTROLLER_EPOCH or STALE_BROKER_EPOCH; else one
    // answer per partition. Each may be repeated: an epoch is recorded only after its step is complete.
    runtime::Task<wire::LeaderAndIsrResponse> leader_and_isr(std::shared_ptr<const wire::LeaderAndIsrRequest> request);
    runtime::Task<wire::UpdateMetadataResponse> update_metadata(
        std::shared_ptr<const wire::UpdateMetadataRequest> request);
    runtime::Task<wire::StopReplicaResponse> stop_replica(std::shared_ptr<const wire::StopReplicaRequest> request);

    /// [home] After this broker has registered: requests for another life of it are refused.
    void set_broker_epoch(base::BrokerEpoch epoch);
    /// [home] Applies the configuration changes that are in the store by now, on every shard, before it ends.
    runtime::Task<base::Result<>> catch_up_config();

    // ---- Lookup

    /// [any] The current image, never null. After each co_await a newer one may be current.
    const meta::Image::Ptr& image() const;
    /// [any] Calls back on the current shard after each new image; for the life of this object.
    void on_image(std::function<void(const meta::Image::Ptr&)> changed);
    /// [any] The same on every shard and in every run.
    runtime::Shard& owner(const PartitionKey& key) const;
    /// [owner] Null: this broker has no such replica. Good until the next suspension.
    Partition* find(const PartitionKey& key) const;
    /// [owner] By name, through the current image.
    Partition* find(std::string_view topic, PartitionId partition) const;

    /// [any]
    runtime::Task<std::vector<LogDirInfo>> describe_log_dirs();

    struct State;  // The inside (replicas_state.h); private to this room.

private:
    std::unique_ptr<State> state_;
};

}  // namespace klog::replica
