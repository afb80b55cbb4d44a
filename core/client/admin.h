// SPDX-License-Identifier: Apache-2.0
// What administers a cluster: topics, partitions, configurations, records, log directories. Each call answers for every
// item that it was given; the Result itself fails when the cluster could not be asked. On the cluster's shard.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/base/types.h"
#include "core/client/cluster.h"

namespace klog::client {

struct ItemResult {
    std::string name;
    std::optional<base::Error> error;
};
using ItemResults = base::Result<std::vector<ItemResult>>;

struct NewTopic {
    std::string name;
    std::int32_t partitions = -1;   // -1: the broker's default.
    std::int16_t replication = -1;  // Likewise.
    std::vector<std::pair<std::string, std::string>> configs;
};
runtime::Task<ItemResults> create_topics(Cluster& cluster, std::vector<NewTopic> topics, bool validate_only = false);
runtime::Task<ItemResults> delete_topics(Cluster& cluster, std::vector<std::string> names);
/// `count`: partitions in all.
runtime::Task<ItemResults> create_partitions(Cluster& cluster, std::string topic, std::int32_t count,
                                             bool validate_only = false);

struct ConfigEntry {
    std::string name;
    std::optional<std::string> value;  // Null: sensitive.
    bool read_only = false;
    bool is_default = false;
    bool sensitive = false;
    std::int8_t source = -1;  // 1 topic, 2 and 3 dynamic broker, 4 static broker, 5 default.
    std::string documentation;
};
enum class ConfigResource : std::int8_t { topic = 2, broker = 4 };
struct DescribedConfigs {
    std::string name;
    std::optional<base::Error> error;
    std::vector<ConfigEntry> entries;
};
runtime::Task<base::Result<std::vector<DescribedConfigs>>> describe_configs(Cluster& cluster, ConfigResource kind,
                                                                            std::vector<std::string> names,
                                                                            bool documentation = false);
enum class ConfigOperation : std::int8_t { set = 0, remove = 1, append = 2, subtract = 3 };
struct ConfigChange {
    std::string name;
    ConfigOperation operation = ConfigOperation::set;
    std::optional<std::string> value;
};
runtime::Task<ItemResults> alter_configs(Cluster& cluster, ConfigResource kind, std::vector<std::string> names,
                                         std::vector<ConfigChange> changes, bool validate_only = false);

struct TrimPoint {
    base::PartitionId partition;
    base::Offset before;  // Records before it go; -1: all that is committed.
};
struct Trimmed {
    base::PartitionId partition;
    base::Offset start{-1};
    std::optional<base::Error> error;
};
runtime::Task<base::Result<std::vector<Trimmed>>> delete_records(Cluster& cluster, std::string topic,
                                                                 std::vector<TrimPoint> points);

struct ReplicaSize {
    base::NodeId broker;
    std::string directory;
    TopicPartition where;
    std::int64_t bytes = 0;
};
struct LogDirectory {
    base::NodeId broker;
    std::string path;
    std::optional<base::Error> error;
    std::int64_t total_bytes = -1, usable_bytes = -1;  // -1: unknown.
};
struct LogDirectories {
    std::vector<LogDirectory> directories;
    std::vector<ReplicaSize> replicas;
};
/// From all brokers that are known; those that do not answer appear as a directory with an error.
runtime::Task<base::Result<LogDirectories>> describe_log_dirs(Cluster& cluster);

}  // namespace klog::client
