// SPDX-License-Identifier: Apache-2.0
// klog offsets TOPIC: where its partitions begin and end, how many records that is, and the offset at a time.
#include <fmt/format.h>

#include "cmd/cluster_command.h"
#include "cmd/quantity.h"
#include "cmd/selection.h"
#include "core/base/clock.h"
#include "core/client/position.h"

namespace klog::cmd {
namespace {

using client::Cluster;
using runtime::Task;

struct OffsetsWish {
    ConnectionOptions connection;
    TopicSelection topics;
    OutputFormat output = OutputFormat::text;
    std::optional<base::TimestampMs> at;
    bool committed = false;
};

Task<base::Result<>> add_topic(Cluster* cluster, OffsetsWish* wish, std::string name, Listing* listing) {
    auto looking = cluster->topic(name);
    KLOG_CO_TRY(const client::TopicPtr topic, co_await std::move(looking));
    const auto isolation = wish->committed ? client::Isolation::read_committed : client::Isolation::read_uncommitted;
    const auto ask = [&](base::TimestampMs time) {
        std::vector<client::OffsetQuestion> questions;
        for (const auto& partition : topic->partitions) questions.push_back({partition.id, time});
        return client::list_offsets(*cluster, name, std::move(questions), isolation);
    };
    auto asking_starts = ask(client::earliest_time);
    KLOG_CO_TRY(const auto starts, co_await std::move(asking_starts));
    auto asking_ends = ask(client::latest_time);
    KLOG_CO_TRY(const auto ends, co_await std::move(asking_ends));
    std::vector<client::ListedOffset> at(starts.size());
    if (wish->at) {
        auto asking = ask(*wish->at);
        KLOG_CO_TRY(at, co_await std::move(asking));
    }
    for (std::size_t i = 0; i < starts.size(); ++i) {
        // No record is that late: the next one will be.
        const Cell at_cell =
            !wish->at ? Cell() : Cell(at[i].offset.value < 0 ? ends[i].offset.value : at[i].offset.value);
        listing->add({name, std::int64_t{topic->partitions[i].id.value}, starts[i].offset.value, ends[i].offset.value,
                      ends[i].offset - starts[i].offset, at_cell,
                      std::int64_t{topic->partitions[i].leader_epoch.value}});
    }
    co_return base::Result<>{};
}

Task<int> offsets(Cluster* cluster, OffsetsWish* wish) {
    std::vector<Column> columns{{"topic"},
                                {"partition", Column::number},
                                {"start", Column::number},
                                {"end", Column::number},
                                {"count", Column::number},
                                {"at", Column::number, !wish->at},
                                {"leader_epoch", Column::number, true}};
    Listing listing("klog.offsets/1", "partitions", std::move(columns));
    auto selecting = select_topics(cluster, wish->topics);
    const auto names = co_await std::move(selecting);
    if (!names) co_return complain("", names.error());
    ItemCodes codes(names->size());
    for (const std::string& topic : *names) {
        auto adding = add_topic(cluster, wish, topic, &listing);
        if (const auto added = co_await std::move(adding); !added) codes.add(complain(topic, added.error()));
    }
    if (listing.empty()) co_return codes.code();
    const ExitCode printed = print_listing(listing, wish->output);
    co_return printed != code_of(Exit::done) ? printed : codes.code();
}

}  // namespace

Run declare_offsets(CLI::App& app) {
    const auto options = std::make_shared<Options>(app);
    const auto wish = std::make_shared<OffsetsWish>();
    options->positional("TOPIC", "topics", wish->topics.words);
    add_regex_option(*options, wish->topics);
    options->add(
        {"--at", "TIME", "also the first offset at or after a time (2026-02-14T10:00:00Z, -1h30m, ...)", "What"},
        [wish = wish.get()](std::string_view text) -> base::Result<> {
            if (text.starts_with('@')) text.remove_prefix(1);
            KLOG_TRY(wish->at, parse_time(text, base::system_clock().wall_ms()));
            return {};
        });
    options->add({"--committed", nullptr, "end: the last stable offset, before open transactions", "What"},
                 wish->committed);
    add_output_option(*options, wish->output);
    add_connection_options(*options, wish->connection);
    const Run run = options->run([wish = wish.get()] {
        if (wish->topics.empty()) return usage_error("which topic? klog offsets TOPIC");
        if (auto good = check(wish->topics); !good) return usage_error(good.error().message);
        return on_cluster(wish->connection, [&](Cluster& cluster) { return offsets(&cluster, wish); });
    });
    return [options, wish, run] { return run(); };
}

}  // namespace klog::cmd
