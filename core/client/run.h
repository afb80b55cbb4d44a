// SPDX-License-Identifier: Apache-2.0
// Runs a program that is a client and nothing else: a runtime of one shard, the network, a Cluster, and the signals
// that end it. For main threads; not used inside a broker.
#pragma once

#include <chrono>
#include <functional>

#include "core/base/clock.h"
#include "core/client/cluster.h"
#include "core/client/config.h"
#include "core/runtime/task.h"

namespace klog::client {

/// What happens on SIGINT and SIGTERM. The first calls what was set, on the shard; where nothing was set, and at the
/// second, the program leaves at once with 128 + n. What comes within `same_interrupt` of the first is no second one:
/// timeout(1) and shells signal both the process and its group.
class Interrupts {
public:
    static constexpr auto same_interrupt = std::chrono::milliseconds(100);

    /// `last_words` is called before the program leaves because a second one came.
    void on_first(std::function<void(int signal)> handler, std::function<void()> last_words = {}) {
        handler_ = std::move(handler);
        last_words_ = std::move(last_words);
    }
    /// The signal that came, 0: none.
    int received() const { return received_; }

    void arrived(int signal, base::MonotonicTime now);

private:
    std::function<void(int)> handler_;
    std::function<void()> last_words_;
    int received_ = 0;
    base::MonotonicTime received_at_{};
};

/// Runs `body` on the shard and returns what it returns. `body` is a plain function: it makes the task, and outlives
/// it.
int run_client(Config config, const std::function<runtime::Task<int>(Cluster&, Interrupts&)>& body);

}  // namespace klog::client
