// SPDX-License-Identifier: Apache-2.0
#include "core/client/run.h"

#include <csignal>

#include <unistd.h>

#include "core/net/asio_network.h"
#include "core/runtime/asio_runtime.h"

namespace klog::client {
namespace {

runtime::Task<int> with_cluster(runtime::AsioRuntime* runtime, net::AsioNetwork* network, Config config,
                                Interrupts* interrupts,
                                const std::function<runtime::Task<int>(Cluster&, Interrupts&)>* body) {
    Cluster cluster(*runtime, *network, std::move(config), base::Random::from_system());
    const int code = co_await (*body)(cluster, *interrupts);
    co_await cluster.close();
    co_return code;
}

}  // namespace

void Interrupts::arrived(int signal, base::MonotonicTime now) {
    if (received_ != 0 && now - received_at_ < same_interrupt) return;
    if (received_ != 0 && last_words_) last_words_();
    if (received_ != 0 || !handler_) _exit(128 + signal);
    received_ = signal;
    received_at_ = now;
    handler_(signal);
}

int run_client(Config config, const std::function<runtime::Task<int>(Cluster&, Interrupts&)>& body) {
    runtime::AsioRuntime runtime(runtime::AsioOptions{1, 4});
    net::AsioNetwork network(runtime);
    Interrupts interrupts;
    runtime.on_signals({SIGINT, SIGTERM}, [&](int signal) { interrupts.arrived(signal, runtime.clock().now()); });
    const int code = runtime.run(with_cluster(&runtime, &network, std::move(config), &interrupts, &body));
    runtime.stop();
    return code;
}

}  // namespace klog::client
