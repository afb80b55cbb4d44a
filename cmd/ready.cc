// SPDX-License-Identifier: Apache-2.0
// klog ready: whether a cluster can serve. Exit 0: it answers, knows its brokers, and the topics named have leaders.
#include <algorithm>

#include <fmt/format.h>

#include "cmd/cluster_command.h"
#include "cmd/pipes.h"

namespace klog::cmd {
namespace {

using base::Errc;
using base::fail;
using client::Cluster;
using runtime::Task;

struct ReadyWish {
    ConnectionOptions connection;
    std::vector<std::string> topics;
    std::int64_t wait_us = 0;
    bool quiet = false;
};

/// Between two looks while it waits.
constexpr std::chrono::milliseconds pause{10};
/// How long one look may take.
constexpr std::int64_t one_look_ms = 5000;

Task<base::Result<>> look(Cluster* cluster, const std::vector<std::string>* names) {
    auto asking = cluster->look_up(*names);
    KLOG_CO_TRY(const auto topics, co_await std::move(asking));
    if (cluster->brokers().empty()) co_return fail(Errc::not_enough_replicas, "the cluster knows no broker yet");
    for (const client::TopicPtr& topic : topics) {
        if (topic->error != wire::ErrorCode::none)
            co_return fail(
                topic->error == wire::ErrorCode::unknown_topic_or_partition ? Errc::not_found : Errc::not_leader,
                "topic {}: {} ({})", topic->name, wire::sentence_of(topic->error), wire::name_of(topic->error));
        if (const std::size_t missing = topic->partitions.size() - topic->available.size())
            co_return fail(Errc::not_leader, "topic {}: {} of {} partitions have no leader (LEADER_NOT_AVAILABLE)",
                           topic->name, missing, topic->partitions.size());
    }
    co_return base::Result<>{};
}

Task<int> ready(Cluster* cluster, const ReadyWish* wish) {
    const auto deadline = cluster->now() + std::chrono::microseconds(wish->wait_us);
    for (;;) {
        auto looking = look(cluster, &wish->topics);
        const auto seen = co_await std::move(looking);
        if (seen) break;
        const auto next = cluster->now() + pause;
        if (next > deadline) {
            const ExitCode code = code_of(wish->wait_us > 0 ? Exit::timed_out : exit_of(seen.error()));
            if (wish->quiet) co_return code;
            const std::string after = wish->wait_us > 0 ? fmt::format(" after {} ms", wish->wait_us / 1000) : "";
            complain("not ready" + after, seen.error());
            co_return code;
        }
        co_await runtime::sleep_until(next);
    }
    if (!wish->quiet)
        say(fmt::format("cluster {} is ready, {} broker{}", cluster->cluster_id(), cluster->brokers().size(),
                        cluster->brokers().size() == 1 ? "" : "s"));
    co_return code_of(Exit::done);
}

ExitCode run_ready(const ReadyWish& wish) {
    // A broker that is there and does not answer must not hold it up for longer than was asked for.
    client::Config defaults;
    const std::int64_t patience_ms = wish.wait_us > 0 ? std::max<std::int64_t>(1, wish.wait_us / 1000) : one_look_ms;
    defaults.connect_timeout_ms = defaults.request_timeout_ms = defaults.metadata_timeout_ms = patience_ms;
    defaults.bootstrap_patience_ms = 0;
    auto config = client_config(wish.connection, defaults);
    if (!config) return usage_error(config.error().message);
    ignore_sigpipe();
    return client::run_client(std::move(*config),
                              [&wish](Cluster& cluster, client::Interrupts&) { return ready(&cluster, &wish); });
}

}  // namespace

Run declare_ready(CLI::App& app) {
    const auto options = std::make_shared<Options>(app);
    const auto wish = std::make_shared<ReadyWish>();
    options->positional("TOPIC", "topics that have to be there, every partition with a leader", wish->topics);
    options->add_duration({"-w,--wait,--timeout", "TIME", "try again for so long (30s); else one look", "What"},
                          wish->wait_us);
    options->add({"-q,--quiet", nullptr, "say nothing: the exit code tells", "Output"}, wish->quiet);
    add_connection_options(*options, wish->connection);
    const Run run = options->run([wish = wish.get()] { return run_ready(*wish); });
    return [options, wish, run] { return run(); };
}

}  // namespace klog::cmd
