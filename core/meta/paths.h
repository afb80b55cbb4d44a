// SPDX-License-Identifier: Apache-2.0
// The paths of the metadata store and the JSON bodies of its nodes: those of Kafka 3.9 (kafka.zk.ZkData), so that tools
// for Kafka's ZooKeeper read what klog writes. docs/metadata.md lists them with who writes what.
//
// encode_* gives the body; decode_* takes it apart. Members that are not known are ignored; a body that is not what it
// should be is corrupt, and the error names the path.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/base/types.h"
#include "core/base/uuid.h"
#include "core/meta/image.h"

namespace klog::meta {

namespace paths {

inline constexpr std::string_view broker_ids = "/brokers/ids";
inline constexpr std::string_view topics = "/brokers/topics";
inline constexpr std::string_view broker_sequence = "/brokers/seqid";
inline constexpr std::string_view controller = "/controller";
inline constexpr std::string_view controller_epoch = "/controller_epoch";
inline constexpr std::string_view cluster_id = "/cluster/id";
inline constexpr std::string_view config_topics = "/config/topics";
inline constexpr std::string_view config_brokers = "/config/brokers";
inline constexpr std::string_view config_changes = "/config/changes";
inline constexpr std::string_view config_change_prefix = "/config/changes/config_change_";
inline constexpr std::string_view delete_topics = "/admin/delete_topics";
inline constexpr std::string_view producer_id_block = "/latest_producer_id_block";
inline constexpr std::string_view feature = "/feature";
inline constexpr std::string_view isr_change_notification = "/isr_change_notification";
inline constexpr std::string_view log_dir_event_notification = "/log_dir_event_notification";
inline constexpr std::string_view log_dir_event_prefix = "/log_dir_event_notification/log_dir_event_";
/// The name of "all brokers" below /config/brokers.
inline constexpr std::string_view default_entity = "<default>";

std::string broker(base::NodeId id);
std::string topic(std::string_view name);
std::string partitions(std::string_view topic_name);
std::string partition(std::string_view topic_name, base::PartitionId id);
std::string partition_state(std::string_view topic_name, base::PartitionId id);
std::string topic_config(std::string_view topic_name);
/// no_node: of all brokers.
std::string broker_config(base::NodeId id);
std::string delete_topic(std::string_view topic_name);

/// The nodes that a broker makes sure of when it starts, parents first.
std::vector<std::string> persistent();

}  // namespace paths

/// /brokers/ids/N, version 5.
struct BrokerRegistration {
    std::vector<Endpoint> endpoints;
    std::optional<std::string> rack;
    base::TimestampMs timestamp_ms = 0;
    std::vector<FeatureRange> features;
    // klog's own members, which Kafka ignores.
    std::vector<base::Uuid> directory_ids;  // Of its log directories.
    std::optional<base::Uuid> boot_id;      // A new one for each life of the process.
    bool operator==(const BrokerRegistration&) const = default;
};
std::string encode_broker(const BrokerRegistration& registration);
base::Result<BrokerRegistration> decode_broker(std::string_view path, std::string_view json);

struct ReplicaAssignment {
    std::vector<base::NodeId> replicas;  // The preferred leader first.
    std::vector<base::NodeId> adding;
    std::vector<base::NodeId> removing;
    bool operator==(const ReplicaAssignment&) const = default;
};

/// /brokers/topics/T, version 3.
struct TopicAssignment {
    base::Uuid id;  // Zero: written by a Kafka before 2.8; the controller gives it one.
    std::map<base::PartitionId, ReplicaAssignment> partitions;
    bool operator==(const TopicAssignment&) const = default;
};
std::string encode_topic(const TopicAssignment& topic);
base::Result<TopicAssignment> decode_topic(std::string_view path, std::string_view json);

/// .../partitions/P/state, version 1.
struct PartitionState {
    base::ControllerEpoch controller_epoch;
    base::NodeId leader = no_leader;
    base::LeaderEpoch leader_epoch;
    std::vector<base::NodeId> isr;
    std::int8_t leader_recovery_state = 0;  // 1: elected outside the ISR and not yet recovered; left out when 0.
    bool operator==(const PartitionState&) const = default;
};
std::string encode_partition_state(const PartitionState& state);
base::Result<PartitionState> decode_partition_state(std::string_view path, std::string_view json);

/// /controller, version 2.
struct ControllerRegistration {
    base::NodeId broker;
    base::TimestampMs timestamp_ms = 0;
    bool operator==(const ControllerRegistration&) const = default;
};
std::string encode_controller(const ControllerRegistration& registration);
base::Result<ControllerRegistration> decode_controller(std::string_view path, std::string_view json);

/// /controller_epoch: a number.
std::string encode_controller_epoch(base::ControllerEpoch epoch);
base::Result<base::ControllerEpoch> decode_controller_epoch(std::string_view path, std::string_view text);

/// /cluster/id
std::string encode_cluster_id(std::string_view id);
base::Result<std::string> decode_cluster_id(std::string_view path, std::string_view json);

/// /config/topics/T, /config/brokers/N. An empty body is an empty config.
std::string encode_config(const Config& config);
base::Result<Config> decode_config(std::string_view path, std::string_view json);

/// /config/changes/config_change_*, version 2: which entity to look at again, such as "topics/T".
std::string encode_config_change(std::string_view entity_path);
base::Result<std::string> decode_config_change(std::string_view path, std::string_view json);

/// /log_dir_event_notification/log_dir_event_*, version 1: a log directory of this broker has failed.
std::string encode_log_dir_failure(base::NodeId broker);
base::Result<base::NodeId> decode_log_dir_failure(std::string_view path, std::string_view json);

/// /latest_producer_id_block: the last block that was given away, both ends included.
struct ProducerIdRange {
    base::NodeId broker;
    std::int64_t first = 0;
    std::int64_t last = -1;
    bool operator==(const ProducerIdRange&) const = default;
};
std::string encode_producer_ids(const ProducerIdRange& range);
/// Nothing: the node is empty, no block was ever given away.
base::Result<std::optional<ProducerIdRange>> decode_producer_ids(std::string_view path, std::string_view json);

/// /feature, version 2: the finalized levels.
std::string encode_features(const std::map<std::string, std::int16_t>& levels);
base::Result<std::map<std::string, std::int16_t>> decode_features(std::string_view path, std::string_view json);

}  // namespace klog::meta
