// SPDX-License-Identifier: Apache-2.0
// klog topic list, klog topic describe.
#include <algorithm>
#include <map>

#include <unistd.h>

#include <fmt/format.h>

#include "cmd/pipes.h"
#include "cmd/text_codec.h"
#include "cmd/topic.h"
#include "core/client/position.h"

namespace klog::cmd {
namespace {

using client::Cluster;
using client::TopicPtr;
using runtime::Task;

/// What a listing knows of one topic beyond its metadata.
struct TopicNumbers {
    std::optional<std::int64_t> bytes, records;
};

std::int64_t under_replicated(const client::TopicInfo& topic) {
    return std::count_if(topic.partitions.begin(), topic.partitions.end(),
                         [](const auto& p) { return p.isr.size() < p.replicas.size(); });
}

std::int64_t replication(const client::TopicInfo& topic) {
    return topic.partitions.empty() ? 0 : static_cast<std::int64_t>(topic.partitions.front().replicas.size());
}

/// Bytes of the leaders' copies, by topic. Empty where the brokers do not tell.
Task<std::map<std::string, std::int64_t>> sizes_of_leaders(Cluster* cluster, std::vector<TopicPtr> topics) {
    std::map<client::TopicPartition, base::NodeId> leaders;
    for (const TopicPtr& topic : topics)
        for (const auto& partition : topic->partitions) leaders[{topic->name, partition.id}] = partition.leader;
    std::map<std::string, std::int64_t> sizes;
    const auto directories = co_await client::describe_log_dirs(*cluster);
    if (!directories) co_return sizes;
    for (const client::ReplicaSize& replica : directories->replicas) {
        const auto leader = leaders.find(replica.where);
        if (leader != leaders.end() && leader->second == replica.broker) sizes[replica.where.topic] += replica.bytes;
    }
    co_return sizes;
}

struct ListWish {
    TopicOptions common;
    bool internal = false;
};

Task<int> list(Cluster* cluster, ListWish* wish) {
    const auto all = co_await cluster->all_topics();
    if (!all) co_return complain("", all.error());
    auto selecting = select_topics(cluster, wish->common.topics);
    const auto wanted = co_await std::move(selecting);
    if (!wanted) co_return complain("", wanted.error());
    std::vector<TopicPtr> topics;
    for (const TopicPtr& topic : *all) {
        const bool named = std::find(wanted->begin(), wanted->end(), topic->name) != wanted->end();
        if ((wanted->empty() ? wish->internal || !topic->internal : named) && topic->error == wire::ErrorCode::none)
            topics.push_back(topic);
    }
    ItemCodes codes(wanted->size());
    for (const std::string& name : *wanted)
        if (std::none_of(topics.begin(), topics.end(), [&](const TopicPtr& topic) { return topic->name == name; }))
            codes.add(complain(name, topic_error(wire::ErrorCode::unknown_topic_or_partition)));
    std::sort(topics.begin(), topics.end(), [](const TopicPtr& a, const TopicPtr& b) { return a->name < b->name; });
    const OutputFormat format = wish->common.output;
    const bool numbers = format != OutputFormat::text && format != OutputFormat::name;
    std::map<std::string, std::int64_t> sizes;
    if (numbers) sizes = co_await sizes_of_leaders(cluster, topics);
    Listing listing("klog.topic.list/1", "topics",
                    {{"name"},
                     {"partitions", Column::number},
                     {"replication", Column::number},
                     {"bytes", Column::bytes, true},
                     {"records", Column::number, true},
                     {"under_replicated", Column::number, true},
                     {"internal", Column::text, true},
                     {"id", Column::text, true}});
    for (const TopicPtr& topic : topics) {
        Cell records, bytes;
        if (numbers) {
            if (const auto counted = co_await count_records(cluster, topic)) records = *counted;
            if (const auto size = sizes.find(topic->name); size != sizes.end()) bytes = size->second;
        }
        listing.add({topic->name, static_cast<std::int64_t>(topic->partitions.size()), replication(*topic), bytes,
                     records, under_replicated(*topic), topic->internal,
                     topic->id.is_zero() ? Cell() : Cell(topic->id.to_string())});
    }
    const ExitCode printed = print_listing(listing, format);
    co_return printed != code_of(Exit::done) ? printed : codes.code();
}

Numbers numbers_of(const std::vector<base::NodeId>& nodes) {
    Numbers numbers;
    for (const base::NodeId node : nodes) numbers.push_back(node.value);
    return numbers;
}

/// One topic in JSON: summary, partitions with offsets, configuration.
std::string describe_json(const client::TopicInfo& topic,
                          const std::vector<std::pair<std::int64_t, std::int64_t>>& offsets,
                          const std::vector<client::ConfigEntry>& configs) {
    std::string out = "{\"name\":";
    append_json_string(out, topic.name);
    out += fmt::format(",\"id\":\"{}\",\"internal\":{},\"partitions\":[", topic.id.to_string(), topic.internal);
    for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
        const auto& p = topic.partitions[i];
        out += fmt::format(
            "{}{{\"partition\":{},\"leader\":{},\"leader_epoch\":{},\"replicas\":[{}],\"isr\":[{}],\"offline\":[{}],"
            "\"start\":{},\"end\":{}}}",
            i > 0 ? "," : "", p.id, p.leader, p.leader_epoch, fmt::join(numbers_of(p.replicas), ","),
            fmt::join(numbers_of(p.isr), ","), fmt::join(numbers_of(p.offline), ","), offsets[i].first,
            offsets[i].second);
    }
    out += "],\"configs\":[";
    bool first = true;
    for (const client::ConfigEntry& entry : configs) {
        out += first ? "{\"name\":" : ",{\"name\":";
        first = false;
        append_json_string(out, entry.name);
        out += ",\"value\":";
        if (entry.value)
            append_json_string(out, *entry.value);
        else
            out += "null";
        out += fmt::format(",\"default\":{}}}", entry.is_default);
    }
    return out + "]}";
}

struct DescribeWish {
    TopicOptions common;
    bool all_configs = false;
};

/// Start and end of each partition; -1 where there is no leader.
Task<std::vector<std::pair<std::int64_t, std::int64_t>>> offsets_of(Cluster* cluster, TopicPtr topic) {
    std::vector<std::pair<std::int64_t, std::int64_t>> offsets(topic->partitions.size(), {-1, -1});
    std::vector<client::OffsetQuestion> questions;
    for (const auto& partition : topic->partitions)
        if (partition.leader.value >= 0) questions.push_back({partition.id, client::earliest_time});
    auto asking = client::list_offsets(*cluster, topic->name, questions, client::Isolation::read_uncommitted);
    const auto starts = co_await std::move(asking);
    for (auto& question : questions) question.time = client::latest_time;
    auto asking_ends = client::list_offsets(*cluster, topic->name, questions, client::Isolation::read_uncommitted);
    const auto ends = co_await std::move(asking_ends);
    for (std::size_t i = 0; i < questions.size() && starts && ends; ++i)
        offsets[static_cast<std::size_t>(questions[i].partition.value)] = {(*starts)[i].offset.value,
                                                                           (*ends)[i].offset.value};
    co_return offsets;
}

std::vector<Column> partition_columns(bool of_several) {
    std::vector<Column> columns;
    if (of_several) columns.push_back({"topic"});
    for (const Column& column :
         {Column{"partition", Column::number}, Column{"leader", Column::number}, Column{"epoch", Column::number},
          Column{"replicas", Column::list}, Column{"isr", Column::list}, Column{"start", Column::number},
          Column{"end", Column::number}})
        columns.push_back(column);
    return columns;
}

void add_partitions(Listing& listing, const client::TopicInfo& topic,
                    const std::vector<std::pair<std::int64_t, std::int64_t>>& offsets, bool of_several) {
    for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
        const auto& p = topic.partitions[i];
        std::vector<Cell> row;
        if (of_several) row.emplace_back(topic.name);
        for (Cell cell : {Cell(std::int64_t{p.id.value}), Cell(std::int64_t{p.leader.value}),
                          Cell(std::int64_t{p.leader_epoch.value}), Cell(numbers_of(p.replicas)),
                          Cell(numbers_of(p.isr)), Cell(offsets[i].first), Cell(offsets[i].second)})
            row.push_back(std::move(cell));
        listing.add(std::move(row));
    }
}

std::string describe_text(const client::TopicInfo& topic,
                          const std::vector<std::pair<std::int64_t, std::int64_t>>& offsets,
                          const std::vector<client::ConfigEntry>& configs, bool terminal) {
    std::string out = fmt::format("name\t{}\nid\t{}\npartitions\t{}\nreplication\t{}\n", topic.name,
                                  topic.id.to_string(), topic.partitions.size(), replication(topic));
    if (const auto behind = under_replicated(topic); behind > 0) out += fmt::format("under-replicated\t{}\n", behind);
    for (const client::ConfigEntry& entry : configs)
        out += fmt::format("config\t{}={}{}\n", entry.name, entry.value.value_or("(hidden)"),
                           entry.is_default ? "\t(default)" : "");
    out += '\n';
    Listing partitions("klog.topic.partitions/1", "partitions", partition_columns(false));
    add_partitions(partitions, topic, offsets, false);
    return out + partitions.render(OutputFormat::text, terminal);
}

struct Described {
    TopicPtr topic;
    std::vector<std::pair<std::int64_t, std::int64_t>> offsets;
    std::vector<client::ConfigEntry> configs;
};

std::string describe_all(const std::vector<Described>& all, OutputFormat format) {
    std::string out;
    if (format == OutputFormat::name) {
        for (const Described& one : all) out += one.topic->name + '\n';
    } else if (format == OutputFormat::csv) {
        Listing listing("klog.topic.partitions/1", "partitions", partition_columns(true));
        for (const Described& one : all) add_partitions(listing, *one.topic, one.offsets, true);
        out = listing.render(format, false);
    } else if (format == OutputFormat::json) {
        out = "{\"schema\":\"klog.topic.describe/1\",\"topics\":[\n";
        for (std::size_t i = 0; i < all.size(); ++i)
            out += (i > 0 ? ",\n" : "") + describe_json(*all[i].topic, all[i].offsets, all[i].configs);
        out += "\n]}\n";
    } else if (format == OutputFormat::ndjson) {
        for (const Described& one : all) out += describe_json(*one.topic, one.offsets, one.configs) + '\n';
    } else {
        for (std::size_t i = 0; i < all.size(); ++i)
            out += (i > 0 ? "\n" : "") +
                   describe_text(*all[i].topic, all[i].offsets, all[i].configs, isatty(STDOUT_FILENO) != 0);
    }
    return out;
}

Task<int> describe(Cluster* cluster, DescribeWish* wish) {
    auto selecting = select_topics(cluster, wish->common.topics);
    auto selected = co_await std::move(selecting);
    if (!selected) co_return complain("", selected.error());
    std::vector<std::string> names = std::move(*selected);
    auto looking = cluster->look_up(names);
    const auto topics = co_await std::move(looking);
    if (!topics) co_return complain("", topics.error());
    auto reading = client::describe_configs(*cluster, client::ConfigResource::topic, std::move(names));
    const auto configs = co_await std::move(reading);
    if (!configs) co_return complain("", configs.error());
    ItemCodes codes(topics->size());
    std::vector<Described> all;
    for (const TopicPtr& topic : *topics) {
        if (topic->error != wire::ErrorCode::none) {
            codes.add(complain(topic->name, topic_error(topic->error)));
            continue;
        }
        Described one{topic, {}, {}};
        for (const auto& described : *configs) {
            if (described.name != topic->name) continue;
            // What may not be seen is left out, and that is said; the rest is worth showing.
            if (described.error) codes.add(complain(topic->name + " (configuration)", *described.error));
            for (const auto& entry : described.entries)
                if (wish->all_configs || !entry.is_default) one.configs.push_back(entry);
        }
        auto asking = offsets_of(cluster, topic);
        one.offsets = co_await std::move(asking);
        all.push_back(std::move(one));
    }
    const auto written = write_stdout(all.empty() ? std::string() : describe_all(all, wish->common.output));
    co_return written ? codes.code() : complain("", written.error());
}

}  // namespace

Task<std::optional<std::int64_t>> count_records(client::Cluster* cluster, client::TopicPtr topic) {
    std::vector<client::OffsetQuestion> questions;
    for (const auto& partition : topic->partitions) {
        if (partition.leader.value < 0) co_return std::nullopt;
        questions.push_back({partition.id, client::latest_time});
    }
    auto asking = client::list_offsets(*cluster, topic->name, questions, client::Isolation::read_uncommitted);
    const auto ends = co_await std::move(asking);
    for (auto& question : questions) question.time = client::earliest_time;
    auto asking_starts = client::list_offsets(*cluster, topic->name, questions, client::Isolation::read_uncommitted);
    const auto starts = co_await std::move(asking_starts);
    if (!ends || !starts) co_return std::nullopt;
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < ends->size(); ++i) sum += (*ends)[i].offset - (*starts)[i].offset;
    co_return sum;
}

void declare_topic_list(Options& topic) {
    Options& o = topic.subcommand("list", "Topics, and with -o wide their sizes and records");
    const auto wish = std::make_shared<ListWish>();
    o.positional("TOPIC", "only these topics", wish->common.topics.words);
    add_regex_option(o, wish->common.topics);
    add_output_option(o, wish->common.output);
    o.add({"--internal", nullptr, "internal topics too", "What"}, wish->internal);
    add_connection_options(o, wish->common.connection);
    o.then([wish] {
        if (auto good = check(wish->common.topics); !good) return usage_error(good.error().message);
        return on_cluster(wish->common.connection, [&](Cluster& cluster) { return list(&cluster, wish.get()); });
    });
}

void declare_topic_describe(Options& topic) {
    Options& o = topic.subcommand("describe", "Partitions, replicas, offsets and configuration of topics");
    const auto wish = std::make_shared<DescribeWish>();
    o.positional("TOPIC", "topics", wish->common.topics.words);
    add_regex_option(o, wish->common.topics);
    o.add({"--all-configs", nullptr, "defaults too", "What"}, wish->all_configs);
    add_output_option(o, wish->common.output);
    add_connection_options(o, wish->common.connection);
    o.then([wish] {
        if (wish->common.topics.empty()) return usage_error("which topic? klog topic describe TOPIC");
        if (auto good = check(wish->common.topics); !good) return usage_error(good.error().message);
        return on_cluster(wish->common.connection, [&](Cluster& cluster) { return describe(&cluster, wish.get()); });
    });
}

}  // namespace klog::cmd
