// SPDX-License-Identifier: Apache-2.0
// What the two files of the producer share: its topics, partitions and leaders. Private to producer*.cc.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/client/producer.h"

namespace klog::client {

struct Producer::Partition {
    Partition(Topic& its_topic, base::PartitionId its_id, PartitionQueue its_queue, Backoff its_backoff)
        : topic(its_topic), id(its_id), queue(std::move(its_queue)), backoff(its_backoff) {}

    base::NodeId leader(const Cluster& cluster) const;

    Topic& topic;
    base::PartitionId id;
    PartitionQueue queue;
    Backoff backoff;
    bool active = false;

    records::BatchBuilder builder;  // The batch that is open.
    base::MonotonicTime opened{};
    std::uint64_t first_tag = 0;
    std::vector<std::uint64_t> tags;
    std::size_t accounted = 0;
};

struct Producer::Topic {
    Topic(std::string its_name, PartitionChooser its_chooser) : name(std::move(its_name)), chooser(its_chooser) {}

    /// Takes over what the cluster has learned of it.
    void refresh(const Cluster& cluster) {
        if (TopicPtr newer = cluster.known(name); newer && newer != info) info = std::move(newer);
        if (partitions.size() < info->partitions.size()) partitions.resize(info->partitions.size());
    }

    std::string name;
    TopicPtr info;
    PartitionChooser chooser;
    std::vector<std::unique_ptr<Partition>> partitions;
};

inline base::NodeId Producer::Partition::leader(const Cluster& cluster) const {
    const PartitionInfo* info = topic.info->find(id);
    return info != nullptr && cluster.brokers().contains(info->leader) ? info->leader : base::no_node;
}

struct Producer::Leader {
    std::int64_t in_flight = 0;
    std::size_t turn = 0;
    std::shared_ptr<Connection> told_on;  // With acks=0: what carried the last request.
};

}  // namespace klog::client
