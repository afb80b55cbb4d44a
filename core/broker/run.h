// SPDX-License-Identifier: Apache-2.0
// One broker on the real machine: its threads, its network, its disk, its signals. For the command.
#pragma once

#include <functional>
#include <vector>

#include "core/broker/broker.h"

namespace klog::broker {

struct RunHooks {
    /// The broker serves; an error stops it again.
    std::function<base::Result<>(const Broker& broker)> ready;
    /// A signal has come, or nothing can be served any more: it stops.
    std::function<void()> stopping;
};

/// Serves until SIGTERM, SIGINT or SIGHUP and returns which it was; a second SIGINT, a moment later, ends the process
/// at once. Errors as Broker::start; offline: the last log directory has failed, and the broker was stopped.
base::Result<int> run(const Config& config, std::vector<InitialTopic> topics, const RunHooks& hooks);

}  // namespace klog::broker
