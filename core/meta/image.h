// SPDX-License-Identifier: Apache-2.0
// The cluster image: what this broker knows of brokers, topics, partitions, configuration and features. It is one
// immutable snapshot behind a shared pointer, read by every shard and replaced whole: replica/replicas.h makes the next
// one out of UpdateMetadata requests and configuration changes and hands it to all shards. Everything in it is ordered,
// so that answers made from it are the same on every run.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/types.h"
#include "core/base/uuid.h"

namespace klog::meta {

/// Dynamic configuration of one topic or broker: only what was set, as it was written.
using Config = std::map<std::string, std::string, std::less<>>;

struct Endpoint {
    std::string listener;           // The listener's name: PLAINTEXT, INTERNAL ...
    std::string security_protocol;  // PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL.
    std::string host;
    std::int32_t port = 0;
    bool operator==(const Endpoint&) const = default;
};

struct Broker {
    base::NodeId id;
    base::BrokerEpoch epoch;          // The czxid of its registration: one life of the broker.
    std::vector<Endpoint> endpoints;  // In the order of its `advertised.listeners`.
    std::optional<std::string> rack;
    bool operator==(const Broker&) const = default;

    /// Null when it has no listener of that name.
    const Endpoint* endpoint(std::string_view listener) const;
};

/// No leader: none of the in-sync replicas is alive (Kafka's LeaderAndIsr.NoLeader).
inline constexpr base::NodeId no_leader{-1};
/// In UpdateMetadata: the partition is being deleted and leaves the image (LeaderAndIsr.LeaderDuringDelete).
inline constexpr base::NodeId leader_during_delete{-2};

struct Partition {
    base::NodeId leader = no_leader;
    base::LeaderEpoch leader_epoch = base::no_leader_epoch;
    std::vector<base::NodeId> replicas;  // The preferred leader first.
    std::vector<base::NodeId> isr;
    std::vector<base::NodeId> offline_replicas;  // Of `replicas`: the broker or its log directory is away.
    std::int32_t version = 0;                    // Of the partition's state node: Kafka's partition epoch.
    bool operator==(const Partition&) const = default;
};

struct Topic {
    std::string name;
    base::Uuid id;
    std::vector<Partition> partitions;  // Indexed by partition id.
    bool operator==(const Topic&) const = default;

    /// Null when the topic has no such partition.
    const Partition* partition(base::PartitionId partition_id) const {
        const auto index = static_cast<std::size_t>(partition_id.value);
        return partition_id.value >= 0 && index < partitions.size() ? &partitions[index] : nullptr;
    }
};

/// Kafka's own topics: __consumer_offsets, __transaction_state, __share_group_state.
bool is_internal_topic(std::string_view name);

struct FeatureRange {
    std::string name;
    std::int16_t min = 0;
    std::int16_t max = 0;
    bool operator==(const FeatureRange&) const = default;
};
struct Features {
    std::vector<FeatureRange> supported;  // By name.
    std::vector<FeatureRange> finalized;  // By name.
    std::int64_t finalized_epoch = -1;    // The version of /feature; -1: not known.
    bool operator==(const Features&) const = default;
};

class Image {
public:
    using Ptr = std::shared_ptr<const Image>;
    using Topics = std::vector<std::shared_ptr<const Topic>>;

    const std::string& cluster_id() const { return cluster_id_; }
    /// no_node when no controller is known.
    base::NodeId controller_id() const { return controller_id_; }
    /// Grows with every image of this process.
    std::int64_t version() const { return version_; }

    const std::map<base::NodeId, Broker>& brokers() const { return brokers_; }
    const Broker* broker(base::NodeId id) const;

    /// Sorted by name. All lookups are O(log n); null when there is none.
    std::span<const std::shared_ptr<const Topic>> topics() const { return by_name_; }
    const Topic* topic(std::string_view name) const { return topic_ptr(name).get(); }
    const Topic* topic(const base::Uuid& id) const { return topic_ptr(id).get(); }
    /// The same with shared ownership, for use beyond the life of this image.
    const std::shared_ptr<const Topic>& topic_ptr(std::string_view name) const;
    const std::shared_ptr<const Topic>& topic_ptr(const base::Uuid& id) const;
    const Partition* partition(std::string_view topic_name, base::PartitionId id) const;

    /// What was set for a topic, for one broker, for all brokers; empty when nothing was.
    const Config& topic_config(std::string_view name) const;
    const Config& broker_config(base::NodeId id) const;
    const Config& default_broker_config() const { return *default_broker_config_; }

    const Features& features() const { return features_; }

    /// Starts from one image and ends in the next; the shared parts are not copied.
    class Change;

private:
    friend class Change;
    using ConfigPtr = std::shared_ptr<const Config>;

    std::string cluster_id_;
    base::NodeId controller_id_ = base::no_node;
    std::int64_t version_ = 0;
    std::map<base::NodeId, Broker> brokers_;
    Topics by_name_;
    Topics by_id_;
    std::map<std::string, ConfigPtr, std::less<>> topic_configs_;
    std::map<base::NodeId, ConfigPtr> broker_configs_;
    ConfigPtr default_broker_config_ = std::make_shared<const Config>();
    Features features_;
};

class Image::Change {
public:
    explicit Change(const Image& before) : next_(std::make_shared<Image>(before)) { ++next_->version_; }

    void set_cluster_id(std::string id) { next_->cluster_id_ = std::move(id); }
    void set_controller(base::NodeId id) { next_->controller_id_ = id; }
    void set_features(Features features) { next_->features_ = std::move(features); }
    /// Replaces all brokers, as each UpdateMetadata request does.
    void set_brokers(std::map<base::NodeId, Broker> brokers) { next_->brokers_ = std::move(brokers); }
    /// Adds or replaces by name; a topic of that name with another id (made anew) goes.
    void set_topic(Topic topic);
    void remove_topic(std::string_view name);
    /// An empty config removes.
    void set_topic_config(std::string_view name, Config config);
    void set_broker_config(base::NodeId id, Config config);
    void set_default_broker_config(Config config);

    /// The change so far, for lookups while more is changed.
    const Image& image() const { return *next_; }
    Image::Ptr finish() && { return std::move(next_); }

private:
    std::shared_ptr<Image> next_;
};

}  // namespace klog::meta
