// SPDX-License-Identifier: Apache-2.0
// Runs a program that is a client and nothing else: a runtime of one shard, the network, a Cluster, and the signals
// that end it. For main threads; not used inside a broker.
#pragma once

#include <functional>

#include "core/client/cluster.h"
#include "core/client/config.h"
#include "core/runtime/task.h"

namespace klog::client {

/// What happens on SIGINT and SIGTERM. The first calls what was set, on the shard; where nothing was set, and at the
/// second, the program leaves at once with 128 + n.
class Interrupts {
public:
    void on_first(std::function<void(int signal)> handler) { handler_ = std::move(handler); }
    /// The signal that came, 0: none.
    int received() const { return received_; }

    void arrived(int signal);

private:
    std::function<void(int)> handler_;
    int received_ = 0;
};

/// Runs `body` on the shard and returns what it returns. `body` is a plain function: it makes the task, and outlives
/// it.
int run_client(Config config, const std::function<runtime::Task<int>(Cluster&, Interrupts&)>& body);

}  // namespace klog::client
