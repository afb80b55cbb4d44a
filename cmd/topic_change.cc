// SPDX-License-Identifier: Apache-2.0
// klog topic create, delete, alter, add-partitions, trim.
#include <algorithm>

#include <unistd.h>

#include <fmt/format.h>

#include "cmd/offsets_grammar.h"
#include "cmd/quantity.h"
#include "cmd/topic.h"
#include "core/base/clock.h"

namespace klog::cmd {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using client::Cluster;
using runtime::Task;

Result<std::pair<std::string, std::string>> parse_pair(std::string_view text) {
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos || equals == 0)
        return fail(Errc::invalid_argument, "'{}' is not key=value", text);
    return std::pair(std::string(text.substr(0, equals)), std::string(text.substr(equals + 1)));
}

struct CreateWish {
    TopicOptions common;
    std::int64_t partitions = -1, replication = -1;
    std::vector<std::string> configs;
    std::optional<std::string> like;
    bool if_not_exists = false;
};

/// Partitions, replication and configuration of another topic, where the wish leaves them open.
Task<Result<client::NewTopic>> take_after(Cluster* cluster, std::string other, client::NewTopic wanted) {
    auto looking = cluster->topic(other);
    KLOG_CO_TRY(const client::TopicPtr topic, co_await std::move(looking));
    if (wanted.partitions < 0) wanted.partitions = static_cast<std::int32_t>(topic->partitions.size());
    if (wanted.replication < 0)
        wanted.replication = static_cast<std::int16_t>(topic->partitions.front().replicas.size());
    std::vector<std::string> names{other};
    auto reading = client::describe_configs(*cluster, client::ConfigResource::topic, std::move(names));
    KLOG_CO_TRY(const auto described, co_await std::move(reading));
    for (const auto& one : described) {
        if (one.error) co_return std::unexpected(*one.error);
        for (const auto& entry : one.entries) {
            const bool named = std::any_of(wanted.configs.begin(), wanted.configs.end(),
                                           [&](const auto& c) { return c.first == entry.name; });
            if (entry.source == 1 && entry.value && !named) wanted.configs.emplace_back(entry.name, *entry.value);
        }
    }
    co_return wanted;
}

Task<int> create(Cluster* cluster, CreateWish* wish) {
    client::NewTopic pattern;
    pattern.partitions = static_cast<std::int32_t>(wish->partitions);
    pattern.replication = static_cast<std::int16_t>(wish->replication);
    for (const std::string& text : wish->configs) {
        auto pair = parse_pair(text);
        if (!pair) co_return usage_error(pair.error().message);
        pattern.configs.push_back(std::move(*pair));
    }
    if (wish->like) {
        auto taking = take_after(cluster, *wish->like, pattern);
        auto taken = co_await std::move(taking);
        if (!taken) co_return complain(*wish->like, taken.error());
        pattern = std::move(*taken);
    }
    std::vector<client::NewTopic> topics;
    for (const std::string& name : wish->common.topics.words) {
        topics.push_back(pattern);
        topics.back().name = name;
    }
    auto creating = client::create_topics(*cluster, std::move(topics), wish->common.care.dry_run);
    auto created = co_await std::move(creating);
    if (!created) co_return complain("", created.error());
    for (client::ItemResult& result : *created) {
        if (wish->if_not_exists && result.error && result.error->code == Errc::exists) result.error.reset();
        if (result.error || wish->common.care.dry_run) continue;
        // Kafka answers before its brokers know of the topic; what comes next in a script wants to use it.
        auto appearing = cluster->topic(result.name, Cluster::Expect::appears);
        if (const auto there = co_await std::move(appearing); !there) result.error = there.error();
    }
    co_return report_items(*created, wish->common.care.dry_run ? "would be created" : "created");
}

Task<int> remove(Cluster* cluster, TopicOptions* options) {
    auto selecting = select_topics(cluster, options->topics);
    auto selected = co_await std::move(selecting);
    if (!selected) co_return complain("", selected.error());
    const std::vector<std::string> names = std::move(*selected);
    auto looking = cluster->look_up(names);
    const auto topics = co_await std::move(looking);
    if (!topics) co_return complain("", topics.error());
    ItemCodes missing(topics->size());
    for (const client::TopicPtr& topic : *topics) {
        if (topic->error != wire::ErrorCode::none) {
            missing.add(complain(topic->name, topic_error(topic->error)));
            continue;
        }
        auto counting = count_records(cluster, topic);
        const auto records = co_await std::move(counting);
        say(fmt::format(
            "{}: {} partition{} and {} go", topic->name, topic->partitions.size(),
            topic->partitions.size() == 1 ? "" : "s",
            records ? fmt::format("{} record{}", *records, *records == 1 ? "" : "s") : "all their records"));
    }
    // All or none: a name that is not there is more likely a slip than a wish.
    if (missing.code() != code_of(Exit::done)) co_return missing.code();
    auto asking = consent(&options->care, &cluster->runtime().pool(), "delete?");
    if (const Consent given = co_await std::move(asking); given != Consent::given) co_return code_without(given);
    auto deleting = client::delete_topics(*cluster, names);
    const auto deleted = co_await std::move(deleting);
    if (!deleted) co_return complain("", deleted.error());
    co_return report_items(*deleted, "deleted");
}

struct AlterWish {
    TopicOptions common;
    std::vector<std::string> sets, removes, appends, subtracts;
};

Result<std::vector<client::ConfigChange>> changes_of(const AlterWish& wish) {
    using client::ConfigOperation;
    std::vector<client::ConfigChange> changes;
    const auto add = [&](const std::vector<std::string>& texts, ConfigOperation operation) -> Result<> {
        for (const std::string& text : texts) {
            KLOG_TRY(auto pair, parse_pair(text));
            changes.push_back({std::move(pair.first), operation, std::move(pair.second)});
        }
        return {};
    };
    KLOG_TRY_VOID(add(wish.sets, ConfigOperation::set));
    KLOG_TRY_VOID(add(wish.appends, ConfigOperation::append));
    KLOG_TRY_VOID(add(wish.subtracts, ConfigOperation::subtract));
    for (const std::string& name : wish.removes) changes.push_back({name, ConfigOperation::remove, std::nullopt});
    if (changes.empty()) return fail(Errc::invalid_argument, "nothing to alter: give --set key=value or --delete key");
    return changes;
}

/// Whether records may go that would otherwise stay. -1 is for ever.
bool may_delete(const client::ConfigChange& change, const std::optional<std::string>& before) {
    if (change.name == "cleanup.policy") return change.value != before;
    if (change.name != "retention.ms" && change.name != "retention.bytes") return false;
    const auto number = [](const std::optional<std::string>& text) -> std::optional<std::int64_t> {
        const auto parsed = text ? parse_integer(*text) : fail(Errc::invalid_argument, "none");
        if (!parsed) return std::nullopt;
        return *parsed < 0 ? INT64_MAX : *parsed;
    };
    const auto was = number(before), is = number(change.value);
    return !was || !is || *is < *was;
}

std::string plan_line(const client::ConfigChange& change, const std::optional<std::string>& before) {
    const std::string was = before.value_or("(unknown)"), value = change.value.value_or("");
    switch (change.operation) {
        case client::ConfigOperation::set: return fmt::format("{}: {} -> {}", change.name, was, value);
        case client::ConfigOperation::remove: return fmt::format("{}: {} -> the default", change.name, was);
        case client::ConfigOperation::append: return fmt::format("{}: {} and {}", change.name, was, value);
        case client::ConfigOperation::subtract: return fmt::format("{}: {} without {}", change.name, was, value);
    }
    return change.name;
}

Task<int> alter(Cluster* cluster, AlterWish* wish, std::vector<client::ConfigChange> changes) {
    auto selecting = select_topics(cluster, wish->common.topics);
    auto selected = co_await std::move(selecting);
    if (!selected) co_return complain("", selected.error());
    const std::vector<std::string> names = std::move(*selected);
    auto reading = client::describe_configs(*cluster, client::ConfigResource::topic, names);
    const auto described = co_await std::move(reading);
    if (!described) co_return complain("", described.error());
    bool destroys = false;
    for (const auto& topic : *described) {
        if (topic.error) continue;  // The broker says so again below.
        for (const client::ConfigChange& change : changes) {
            std::optional<std::string> before;
            for (const auto& entry : topic.entries)
                if (entry.name == change.name) before = entry.value;
            destroys |= may_delete(change, before);
            say(fmt::format("{}: {}", topic.name, plan_line(change, before)));
        }
    }
    if (destroys && !wish->common.care.dry_run) {
        say("records that are older or more than that will be deleted");
        auto asking = consent(&wish->common.care, &cluster->runtime().pool(), "alter?");
        if (const Consent given = co_await std::move(asking); given != Consent::given) co_return code_without(given);
    }
    auto altering = client::alter_configs(*cluster, client::ConfigResource::topic, names, std::move(changes),
                                          wish->common.care.dry_run);
    const auto altered = co_await std::move(altering);
    if (!altered) co_return complain("", altered.error());
    co_return report_items(*altered, wish->common.care.dry_run ? "would be altered" : "altered");
}

Task<int> add_partitions(Cluster* cluster, TopicOptions* options, std::int32_t count) {
    const std::string name = options->topics.words[0];
    auto looking = cluster->topic(name);
    const auto topic = co_await std::move(looking);
    if (!topic) co_return complain(name, topic.error());
    say(fmt::format("{}: from {} to {} partitions; keys will go to other partitions than before", name,
                    (*topic)->partitions.size(), count));
    auto adding = client::create_partitions(*cluster, name, count, options->care.dry_run);
    const auto added = co_await std::move(adding);
    if (!added) co_return complain(name, added.error());
    co_return report_items(*added, "grown");
}

struct TrimWish {
    TopicOptions common;
    std::vector<std::string> partitions;
    std::string before;
};

Task<int> trim(Cluster* cluster, TrimWish* wish, OffsetExpression expression) {
    const std::string name = wish->common.topics.words[0];
    auto looking = cluster->topic(name);
    const auto topic = co_await std::move(looking);
    if (!topic) co_return complain(name, topic.error());
    std::vector<base::PartitionId> partitions;
    for (const auto& partition : (*topic)->partitions) partitions.push_back(partition.id);
    auto resolving = client::resolve(*cluster, name, partitions, {}, client::Isolation::read_uncommitted, true);
    const auto whole = co_await std::move(resolving);
    if (!whole) co_return complain(name, whole.error());
    auto resolving_points =
        client::resolve(*cluster, name, partitions, expression, client::Isolation::read_uncommitted, true);
    const auto points = co_await std::move(resolving_points);
    if (!points) co_return complain(name, points.error());
    std::vector<client::TrimPoint> trims;
    for (const client::Stretch& point : *points) {
        const client::Stretch& all = (*whole)[static_cast<std::size_t>(point.partition.value)];
        say(fmt::format("{}/{}: {} of {} records go, those before offset {}", name, point.partition,
                        point.from - all.from, *all.until - all.from, point.from));
        if (point.from > all.from) trims.push_back({point.partition, point.from});
    }
    if (trims.empty()) co_return code_of(Exit::done);
    auto asking = consent(&wish->common.care, &cluster->runtime().pool(), "delete them?");
    if (const Consent given = co_await std::move(asking); given != Consent::given) co_return code_without(given);
    auto deleting = client::delete_records(*cluster, name, std::move(trims));
    const auto trimmed = co_await std::move(deleting);
    if (!trimmed) co_return complain(name, trimmed.error());
    ItemCodes codes(trimmed->size());
    for (const client::Trimmed& one : *trimmed)
        if (one.error) codes.add(complain(fmt::format("{}/{}", name, one.partition), *one.error));
    co_return codes.code();
}

}  // namespace

void declare_topic_create(Options& topic) {
    Options& o = topic.subcommand("create", "Make topics");
    const auto wish = std::make_shared<CreateWish>();
    o.positional("TOPIC", "topics", wish->common.topics.words);
    o.add_integer({"-p,--partitions", "N", "partitions (the broker's default)", "What"}, wish->partitions, 1,
                  INT32_MAX);
    o.add_integer({"-r,--replication,--replication-factor", "N", "copies of each (the broker's default)", "What"},
                  wish->replication, 1, INT16_MAX);
    o.add({"-c,--config", "KEY=VALUE", "a topic configuration; may be repeated", "What"}, wish->configs);
    o.add({"--like", "TOPIC", "as that topic, where nothing else is said", "What"}, wish->like);
    o.add({"--if-not-exists", nullptr, "one that is there is no error", "What"}, wish->if_not_exists);
    o.add({"--dry-run", nullptr, "only let the broker check it", "Care"}, wish->common.care.dry_run);
    add_connection_options(o, wish->common.connection);
    o.then([wish] {
        if (wish->common.topics.words.empty()) return usage_error("which topic? klog topic create TOPIC");
        return on_cluster(wish->common.connection, [&](Cluster& cluster) { return create(&cluster, wish.get()); });
    });
}

void declare_topic_delete(Options& topic) {
    Options& o = topic.subcommand("delete", "Delete topics and their records");
    const auto wish = std::make_shared<TopicOptions>();
    o.positional("TOPIC", "topics", wish->topics.words);
    add_regex_option(o, wish->topics);
    add_care_options(o, wish->care);
    add_connection_options(o, wish->connection);
    o.then([wish] {
        if (wish->topics.empty()) return usage_error("which topic? klog topic delete TOPIC");
        if (auto good = check(wish->topics); !good) return usage_error(good.error().message);
        return on_cluster(wish->connection, [&](Cluster& cluster) { return remove(&cluster, wish.get()); });
    });
}

void declare_topic_alter(Options& topic) {
    Options& o = topic.subcommand("alter", "Change the configuration of topics");
    const auto wish = std::make_shared<AlterWish>();
    o.positional("TOPIC", "topics", wish->common.topics.words);
    add_regex_option(o, wish->common.topics);
    o.add({"-s,--set,-c,--config", "KEY=VALUE", "set a key; may be repeated", "What"}, wish->sets);
    o.add({"-d,--delete", "KEY", "back to the default", "What"}, wish->removes);
    o.add({"--append", "KEY=VALUE", "add to a list", "What"}, wish->appends);
    o.add({"--subtract", "KEY=VALUE", "take from a list", "What"}, wish->subtracts);
    add_care_options(o, wish->common.care);
    add_connection_options(o, wish->common.connection);
    o.then([wish] {
        if (wish->common.topics.empty()) return usage_error("which topic? klog topic alter TOPIC --set key=value");
        if (auto good = check(wish->common.topics); !good) return usage_error(good.error().message);
        const auto changes = changes_of(*wish);
        if (!changes) return usage_error(changes.error().message);
        return on_cluster(wish->common.connection,
                          [&](Cluster& cluster) { return alter(&cluster, wish.get(), *changes); });
    });
}

void declare_topic_add_partitions(Options& topic) {
    Options& o = topic.subcommand("add-partitions", "Give a topic more partitions: TOPIC COUNT-IN-ALL");
    const auto wish = std::make_shared<TopicOptions>();
    o.positional("TOPIC COUNT", "the topic, and how many partitions it shall have in all", wish->topics.words);
    o.add({"--dry-run", nullptr, "only let the broker check it", "Care"}, wish->care.dry_run);
    add_connection_options(o, wish->connection);
    o.then([wish] {
        if (wish->topics.words.size() != 2) return usage_error("klog topic add-partitions TOPIC COUNT");
        const auto count = parse_integer(wish->topics.words[1]);
        if (!count || *count < 1 || *count > INT32_MAX)
            return usage_error(fmt::format("'{}' is not a number of partitions", wish->topics.words[1]));
        return on_cluster(wish->connection, [&](Cluster& cluster) {
            return add_partitions(&cluster, wish.get(), static_cast<std::int32_t>(*count));
        });
    });
}

void declare_topic_trim(Options& topic) {
    Options& o = topic.subcommand("trim", "Delete the records before an offset or time");
    const auto wish = std::make_shared<TrimWish>();
    o.positional("TOPIC", "the topic", wish->common.topics.words);
    o.add({"--offset,--before", "OFFSETS", "what to keep from: N, end, -N, @TIME, 0=N,1=M", "What"}, wish->before);
    add_care_options(o, wish->common.care);
    add_connection_options(o, wish->common.connection);
    o.then([wish] {
        if (wish->common.topics.words.size() != 1 || wish->before.empty())
            return usage_error("klog topic trim TOPIC --offset OFFSETS");
        const auto expression = parse_offsets(wish->before, base::system_clock().wall_ms());
        if (!expression) return usage_error(expression.error().message);
        return on_cluster(wish->common.connection,
                          [&](Cluster& cluster) { return trim(&cluster, wish.get(), *expression); });
    });
}

}  // namespace klog::cmd
