// SPDX-License-Identifier: Apache-2.0
// Topics created, grown and deleted. Each change is one conditional write that decides, and steps after it that a new
// controller finishes when this one dies between them: a topic without states gets them (settle), a topic that is
// marked for deletion is deleted (finish_deletions).
#include <algorithm>

#include "core/base/log.h"
#include "core/base/random.h"
#include "core/controller/assignment.h"
#include "core/controller/state.h"
#include "core/controller/topic_names.h"

namespace klog::controller {

using base::Errc;
using base::fail;
using base::Result;
using runtime::Task;
namespace paths = meta::paths;

namespace {

meta::TopicAssignment to_assignment(base::Uuid id, const std::vector<Replicas>& replicas) {
    meta::TopicAssignment assignment{id, {}};
    for (std::size_t i = 0; i < replicas.size(); ++i) {
        assignment.partitions[base::PartitionId{static_cast<std::int32_t>(i)}] = {replicas[i], {}, {}};
    }
    return assignment;
}

std::set<base::PartitionId> ids_of(const meta::TopicAssignment& assignment) {
    std::set<base::PartitionId> ids;
    for (const auto& [id, replicas] : assignment.partitions) ids.insert(id);
    return ids;
}

/// All nodes below `path`, children before their parents.
Task<Result<std::vector<std::string>>> nodes_below(meta::Store* store, std::string path) {
    std::vector<std::string> found;
    std::vector<std::string> open{path};
    while (!open.empty()) {
        const std::string at = std::move(open.back());
        open.pop_back();
        const auto names = co_await store->children(at);
        if (!names && names.error().code == Errc::not_found) continue;
        if (!names) co_return std::unexpected(names.error());
        for (const std::string& name : *names) {
            found.push_back(at + "/" + name);
            open.push_back(found.back());
        }
    }
    std::ranges::reverse(found);
    co_return found;
}

/// A topic is one node of the store.
Result<> check_fits(std::string_view name, const meta::TopicAssignment& assignment) {
    const std::size_t bytes = meta::encode_topic(assignment).size();
    if (bytes <= topic_bytes_max) return {};
    return fail(Errc::policy_violation, "topic '{}' would have too many partitions: {} bytes of assignments, not {}",
                name, bytes, topic_bytes_max);
}

template <class T>
base::Error too_late(const T& what) {
    return {Errc::timed_out, fmt::format("{}: the time allowed was over before it began", what)};
}

}  // namespace

Task<PerItem<CreatedTopic>> Controller::State::create_topics(std::vector<NewTopic> wanted, bool validate_only,
                                                             runtime::MonotonicTime deadline) {
    std::map<std::string, int> named;
    for (const NewTopic& topic : wanted) ++named[topic.name];
    const Turn held = co_await take(&turn);
    PerItem<CreatedTopic> results;
    CollisionForms forms;
    for (const auto& [name, entry] : topics) forms.emplace(collision_form(name), name);
    for (NewTopic& topic : wanted) {
        const std::string name = topic.name;
        co_await runtime::yield_now();  // A request may name many, and this shard has other work.
        if (wanted.size() > topics_per_request_max) {
            results.push_back(fail(Errc::policy_violation, "a request creates at most {} topics, not {}",
                                   topics_per_request_max, wanted.size()));
        } else if (named[name] > 1) {
            results.push_back(fail(Errc::invalid_argument, "topic {} is named twice in one request", name));
        } else if (home.now() > deadline) {
            results.push_back(std::unexpected(too_late(name)));
        } else {
            results.push_back(co_await create_topic(std::move(topic), validate_only, &forms));
        }
    }
    co_return results;
}

Result<std::vector<Replicas>> Controller::State::plan_assignment(const NewTopic& topic) {
    const std::vector<base::NodeId> ids = live();
    if (!topic.assignments.empty()) {
        if (topic.partitions != -1 || topic.replication_factor != -1) {
            return fail(Errc::invalid_argument,
                        "replicas are assigned by hand: partitions and replication factor must be -1");
        }
        std::vector<Replicas> assignment(topic.assignments.size());
        for (const auto& [id, replicas] : topic.assignments) {
            const auto index = static_cast<std::size_t>(id.value);
            if (id.value < 0 || index >= assignment.size() || !assignment[index].empty()) {
                return fail(Errc::invalid_replica_assignment, "partitions are not numbered from 0 without gaps");
            }
            assignment[index] = replicas;
        }
        KLOG_TRY_VOID(check_assignment(assignment, ids));
        return assignment;
    }
    const TopicDefaults defaults = options.defaults();
    const std::int32_t partitions = topic.partitions == -1 ? defaults.partitions : topic.partitions;
    const std::int16_t factor = topic.replication_factor == -1 ? defaults.replication_factor : topic.replication_factor;
    if (partitions < 1 || partitions > partitions_per_topic_max) {
        return fail(Errc::invalid_partitions, "a topic has 1 to {} partitions, not {}", partitions_per_topic_max,
                    partitions);
    }
    return assign_replicas(ids, partitions, factor, ids.empty() ? 0 : random.below(ids.size()));
}

Task<Result<CreatedTopic>> Controller::State::create_topic(NewTopic topic, bool validate_only, CollisionForms* forms) {
    KLOG_CO_TRY_VOID(check_active());
    KLOG_CO_TRY_VOID(check_topic_name(topic.name));
    if (topic.name == reserved_topic_name)
        co_return fail(Errc::invalid_argument, "topic '{}' is reserved for Kafka's metadata", topic.name);
    if (topics.contains(topic.name)) {
        const std::string_view why = deleting.contains(topic.name) ? "is being deleted" : "already exists";
        co_return fail(Errc::exists, "topic '{}' {}", topic.name, why);
    }
    if (const auto other = forms->find(collision_form(topic.name)); other != forms->end()) {
        co_return fail(Errc::invalid_topic, "topic '{}' collides with '{}': '.' and '_' are the same in metrics",
                       topic.name, other->second);
    }
    CreatedTopic created{topic.name, {}, 0, 0, {}};
    for (auto& [key, value] : topic.configs) {
        if (!value) co_return fail(Errc::invalid_config, "{} has no value", key);
        created.configs[key] = *std::move(value);
    }
    KLOG_CO_TRY_VOID(options.config_rules.check(ConfigResource{ResourceType::topic, topic.name}, created.configs));
    KLOG_CO_TRY(const std::vector<Replicas> replicas, plan_assignment(topic));
    created.partitions = static_cast<std::int32_t>(replicas.size());
    created.replication_factor = static_cast<std::int16_t>(replicas.front().size());
    created.id = base::Uuid::random(random);
    TopicEntry entry{to_assignment(created.id, replicas), 0, {}};
    KLOG_CO_TRY_VOID(check_fits(topic.name, entry.assignment));
    if (validate_only) {
        created.id = {};
        co_return created;
    }
    const std::string config_path = paths::topic_config(topic.name);
    const std::string config = meta::encode_config(created.configs);
    KLOG_CO_TRY(const std::optional<meta::Stat> old_config, co_await store.exists(config_path));
    std::vector<meta::Operation> operations;
    if (old_config)
        operations.push_back(meta::Set{config_path, config});
    else
        operations.push_back(meta::Create{config_path, config});
    operations.push_back(meta::Create{paths::topic(topic.name), meta::encode_topic(entry.assignment)});
    KLOG_CO_TRY(const auto written, co_await write(std::move(operations)));
    entry.version = written.back().stat.version;
    PartitionSet fresh{{topic.name, ids_of(entry.assignment)}};
    names[created.id] = topic.name;
    topics[topic.name] = std::move(entry);
    forms->emplace(collision_form(topic.name), topic.name);
    KLOG_CO_TRY_VOID(co_await bring_up(topic.name, std::move(fresh)));
    co_return created;
}

/// New partitions get their states, and brokers are told. From here on they exist: what fails is taken up again.
Task<Result<>> Controller::State::bring_up(std::string topic, PartitionSet fresh) {
    const std::uint64_t refusals_before = refusals;
    const auto written = co_await write_first_states(topic);
    if (!written) {
        try_again_later();
        co_return fail(Errc::timed_out, "topic {} is made, but not led yet: {}", topic, written.error().message);
    }
    co_await tell(std::move(fresh), false);
    if (refusals == refusals_before) co_return Result<>();
    try_again_later();
    co_return fail(Errc::timed_out, "topic {} is made, but a broker cannot serve it", topic);
}

Task<PerItem<DeletedTopic>> Controller::State::delete_topics(std::vector<TopicRef> wanted,
                                                             runtime::MonotonicTime deadline) {
    const Turn held = co_await take(&turn);
    PerItem<DeletedTopic> results;
    for (const TopicRef& ref : wanted) {
        if (const auto ready = check_active(); !ready) {
            results.push_back(std::unexpected(ready.error()));
            continue;
        }
        const auto* id = std::get_if<base::Uuid>(&ref);
        const auto by_id = id != nullptr ? names.find(*id) : names.end();
        const std::string name = id == nullptr ? std::get<std::string>(ref) : by_id != names.end() ? by_id->second : "";
        const auto topic = topics.find(name);
        if (topic == topics.end()) {
            results.push_back(fail(Errc::not_found, "there is no topic {}", id != nullptr ? id->to_string() : name));
        } else if (!options.defaults().delete_enabled) {
            results.push_back(fail(Errc::unsupported, "topics cannot be deleted here: delete.topic.enable=false"));
        } else if (home.now() > deadline) {
            results.push_back(std::unexpected(too_late(name)));
        } else {
            DeletedTopic deleted{name, topic->second.assignment.id};
            const auto done = co_await delete_topic(name);
            if (done) {
                results.push_back(std::move(deleted));
            } else {
                if (deleting.contains(name)) try_again_later();
                results.push_back(std::unexpected(done.error()));
            }
        }
    }
    co_return results;
}

Task<Result<>> Controller::State::delete_topic(std::string name) {
    if (!deleting.contains(name)) {
        std::vector<meta::Operation> mark{meta::Create{paths::delete_topic(name), {}}};
        const auto marked = co_await write(std::move(mark));
        if (!marked && marked.error().code != Errc::exists) co_return std::unexpected(marked.error());
        deleting.insert(name);
    }
    if (const auto topic = topics.find(name); topic != topics.end()) {
        PartitionSet gone{{name, ids_of(topic->second.assignment)}};
        co_await tell_metadata(std::move(gone), false, true);
        if (!co_await tell_removal(name)) {
            co_return fail(Errc::timed_out, "topic {} is deleted once all brokers that have it are back", name);
        }
    }
    // The nodes below go first; what says that there is such a topic, and that it must go, goes last and at once.
    KLOG_CO_TRY(const std::vector<std::string> below, co_await nodes_below(&store, paths::topic(name)));
    for (std::size_t begin = 0; begin < below.size(); begin += operations_per_multi_max) {
        std::vector<meta::Operation> operations;
        const std::size_t end = std::min(below.size(), begin + operations_per_multi_max);
        for (std::size_t i = begin; i < end; ++i) operations.push_back(meta::Remove{below[i]});
        const auto removed = co_await write(std::move(operations));
        if (!removed) co_return std::unexpected(removed.error());
    }
    std::vector<meta::Operation> last;
    for (const std::string& path : {paths::topic(name), paths::topic_config(name), paths::delete_topic(name)}) {
        KLOG_CO_TRY(const std::optional<meta::Stat> there, co_await store.exists(path));
        if (there) last.push_back(meta::Remove{path});
    }
    const auto ended = co_await write(std::move(last));
    if (!ended) co_return std::unexpected(ended.error());
    if (const auto topic = topics.find(name); topic != topics.end()) {
        names.erase(topic->second.assignment.id);
        topics.erase(topic);
    }
    deleting.erase(name);
    base::log_info("topic {} deleted", name);
    co_return Result<>();
}

Task<PerItem<void>> Controller::State::create_partitions(std::vector<GrownTopic> wanted, bool validate_only,
                                                         runtime::MonotonicTime deadline) {
    std::map<std::string, int> named;
    for (const GrownTopic& topic : wanted) ++named[topic.name];
    const Turn held = co_await take(&turn);
    PerItem<void> results;
    for (GrownTopic& topic : wanted) {
        const std::string name = topic.name;
        if (named[name] > 1) {
            results.push_back(fail(Errc::invalid_argument, "topic {} is named twice in one request", name));
        } else if (home.now() > deadline) {
            results.push_back(std::unexpected(too_late(name)));
        } else {
            results.push_back(co_await grow_topic(std::move(topic), validate_only));
        }
    }
    co_return results;
}

Task<Result<>> Controller::State::grow_topic(GrownTopic wanted, bool validate_only) {
    KLOG_CO_TRY_VOID(check_active());
    const auto topic = topics.find(wanted.name);
    if (topic == topics.end()) co_return fail(Errc::not_found, "there is no topic '{}'", wanted.name);
    if (deleting.contains(wanted.name)) co_return fail(Errc::busy, "topic '{}' is being deleted", wanted.name);
    const auto& partitions = topic->second.assignment.partitions;
    const auto before = static_cast<std::int32_t>(partitions.size());
    if (wanted.partitions <= before || wanted.partitions > partitions_per_topic_max) {
        co_return fail(Errc::invalid_partitions, "topic '{}' has {} partitions; it can grow up to {}, not become {}",
                       wanted.name, before, partitions_per_topic_max, wanted.partitions);
    }
    const Replicas& model = partitions.begin()->second.replicas;
    const std::vector<base::NodeId> ids = live();
    std::vector<Replicas> added;
    if (!wanted.assignments.empty()) {
        if (std::ssize(wanted.assignments) != wanted.partitions - before) {
            co_return fail(Errc::invalid_replica_assignment, "{} partitions are added, but {} are assigned",
                           wanted.partitions - before, wanted.assignments.size());
        }
        KLOG_CO_TRY_VOID(check_assignment(wanted.assignments, ids));
        if (wanted.assignments.front().size() != model.size()) {
            co_return fail(Errc::invalid_replica_assignment, "topic '{}' has replication factor {}, not {}",
                           wanted.name, model.size(), wanted.assignments.front().size());
        }
        added = wanted.assignments;
    } else {
        const auto first = std::ranges::find(ids, model.front());
        const auto start = first == ids.end() ? 0 : static_cast<std::uint64_t>(first - ids.begin());
        KLOG_CO_TRY(added, assign_replicas(ids, wanted.partitions - before, static_cast<std::int16_t>(model.size()),
                                           start, before));
    }

    meta::TopicAssignment grown = topic->second.assignment;
    PartitionSet fresh;
    for (std::size_t i = 0; i < added.size(); ++i) {
        const base::PartitionId id{before + static_cast<std::int32_t>(i)};
        grown.partitions[id] = {added[i], {}, {}};
        fresh[wanted.name].insert(id);
    }
    KLOG_CO_TRY_VOID(check_fits(wanted.name, grown));
    if (validate_only) co_return Result<>();
    std::vector<meta::Operation> operations{
        meta::Set{paths::topic(wanted.name), meta::encode_topic(grown), topic->second.version}};
    KLOG_CO_TRY(const auto written, co_await write(std::move(operations)));
    const auto still = topics.find(wanted.name);
    if (still == topics.end()) co_return fail(Errc::not_controller, "resigned while growing {}", wanted.name);
    still->second.assignment = std::move(grown);
    still->second.version = written.front().stat.version;
    co_return co_await bring_up(wanted.name, std::move(fresh));
}

}  // namespace klog::controller
