// SPDX-License-Identifier: Apache-2.0
#include "core/broker/run.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <sched.h>

#include "core/net/asio_network.h"
#include "core/runtime/asio_runtime.h"

namespace klog::broker {
namespace {

/// A second ^C that comes later than this ends the process at once.
constexpr std::chrono::milliseconds same_wish{300};

/// Those that this process may use.
unsigned cores() {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return static_cast<unsigned>(CPU_COUNT(&set));
    return std::max(1u, std::thread::hardware_concurrency());
}

runtime::AsioOptions runtime_options(const Config& config) {
    runtime::AsioOptions options;
    const auto shards = static_cast<unsigned>(config.integer("shards"));
    const auto threads = static_cast<unsigned>(config.integer("pool.threads"));
    options.shards = shards != 0 ? shards : cores();
    options.pool_threads_max = threads != 0 ? threads : std::max(4u, 2 * cores());
    return options;
}

runtime::Task<base::Result<>> begin(Broker* broker, std::vector<InitialTopic> topics, const RunHooks* hooks) {
    KLOG_CO_TRY_VOID(co_await broker->start());
    base::Result<> good;
    if (!topics.empty()) good = co_await broker->create(std::move(topics));
    if (good) good = hooks->ready(*broker);
    if (!good) co_await broker->stop();
    co_return good;
}

}  // namespace

base::Result<int> run(const Config& config, std::vector<InitialTopic> topics, const RunHooks& hooks) {
    std::signal(SIGPIPE, SIG_IGN);
    runtime::AsioRuntime runtime(runtime_options(config));
    net::AsioNetwork network(runtime);
    std::promise<base::Result<int>> promise;
    std::once_flag ended;
    const auto end = [&](base::Result<int> why) { std::call_once(ended, [&] { promise.set_value(std::move(why)); }); };
    runtime.on_signals({SIGTERM, SIGINT, SIGHUP},
                       [&end, &runtime, asked = std::optional<base::MonotonicTime>()](int signal) mutable {
                           const auto now = runtime.clock().now();
                           // timeout(1) signals the process and then its group: that is one wish, not two.
                           if (asked && signal == SIGINT && now - *asked > same_wish) std::_Exit(128 + signal);
                           if (asked) return;
                           asked = now;
                           end(signal);
                       });
    // What the runtime still holds when it stops may refer to the broker.
    Broker broker(config, Seams{runtime, network, os::posix_disk(), base::Random::from_system()});
    broker.on_all_offline(
        [&end] { end(base::fail(base::Errc::offline, "no log directory can be used any more: see the lines above")); });
    const auto begun = runtime.run(begin(&broker, std::move(topics), &hooks));
    if (!begun) {
        runtime.stop();
        return std::unexpected(begun.error());
    }
    auto why = promise.get_future().get();
    hooks.stopping();
    runtime.run(broker.stop());
    runtime.stop();
    return why;
}

}  // namespace klog::broker
