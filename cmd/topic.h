// SPDX-License-Identifier: Apache-2.0
// What the parts of `klog topic` share. Private to cmd/topic*.cc.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cmd/care.h"
#include "cmd/cluster_command.h"
#include "cmd/selection.h"

namespace klog::cmd {

/// Options that all of them have.
struct TopicOptions {
    ConnectionOptions connection;
    TopicSelection topics;
    OutputFormat output = OutputFormat::text;
    Care care;
};

/// End minus start over all partitions: exact unless the topic is compacted or has transactions. None: a partition has
/// no leader, or the cluster did not say.
runtime::Task<std::optional<std::int64_t>> count_records(client::Cluster* cluster, client::TopicPtr topic);

// Each declares one subcommand below `topic`.
void declare_topic_list(Options& topic);
void declare_topic_describe(Options& topic);
void declare_topic_create(Options& topic);
void declare_topic_delete(Options& topic);
void declare_topic_alter(Options& topic);
void declare_topic_add_partitions(Options& topic);
void declare_topic_trim(Options& topic);

}  // namespace klog::cmd
