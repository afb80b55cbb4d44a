// SPDX-License-Identifier: Apache-2.0
// One broker, whole: log directories, metadata store, controller, replicas, listeners, put together and taken apart in
// order. The outside world is handed in, so that a test can own all of it. Made by main (or a test); it lives on the
// home shard, shard 0, where start() and stop() run.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/random.h"
#include "core/broker/config.h"
#include "core/net/stream.h"
#include "core/os/disk.h"
#include "core/runtime/shard.h"
#include "core/runtime/task.h"
#include "core/security/authorizer.h"

namespace klog::broker {

/// The five seams, a seed for what is chosen at random, and who may do what (none: everybody everything).
struct Seams {
    runtime::Runtime& runtime;
    net::Network& network;
    os::Disk& disk;
    base::Random random;
    const security::Authorizer* authorizer = nullptr;
};

/// A topic to be made at start, when it is not there.
struct InitialTopic {
    std::string name;
    std::int32_t partitions = -1;  // -1: num.partitions.
};

class Broker {
public:
    Broker(Config config, Seams seams);
    ~Broker();  // After stop(), or when start() has failed.
    Broker(const Broker&) = delete;
    Broker& operator=(const Broker&) = delete;

    /// Before start(). Called at home, once, when the last log directory has failed: nothing can be served any more,
    /// and whoever made the broker should stop it.
    void on_all_offline(std::function<void()> call);
    /// Opens everything and serves. busy: a data directory or a port is somebody else's, and the message names it.
    /// invalid_config; invalid_argument: a data directory of another cluster or node; io; corrupt. After an error what
    /// was opened is closed again.
    runtime::Task<base::Result<>> start();
    /// Stops accepting, answers what is under way, flushes, writes the clean-shutdown marks. Once, after start().
    runtime::Task<void> stop();

    runtime::Task<base::Result<>> create(std::vector<InitialTopic> topics);

    struct Listening {
        std::string listener;
        net::Address address;  // With the port that was taken; an empty host: every address.
    };
    const std::vector<Listening>& listening() const;
    const std::string& cluster_id() const;
    base::NodeId node_id() const;

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace klog::broker
