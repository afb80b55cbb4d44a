// SPDX-License-Identifier: Apache-2.0
// Which directory holds a partition that the controller names. What bears its name on disk may be another topic's
// (deleted since, or made by somebody else) or what a creation left that failed half way. A directory is never made
// where the partition may be in a log directory that is offline.
#include <algorithm>

#include "core/base/log.h"
#include "core/replica/replicas_state.h"

namespace klog::replica {

using base::Errc;
using base::fail;
using base::Result;
using runtime::Task;

namespace {

struct Candidate {
    log::LogDirectory* directory;
    std::size_t index;
};

/// [pool] Of several that may be it, the one with records. Empty ones are what failed creations left.
Result<std::size_t> only_with_records(const log::PartitionName& name, const std::vector<Candidate>& candidates) {
    std::optional<Candidate> chosen;
    for (const Candidate& candidate : candidates) {
        KLOG_TRY(const bool records, candidate.directory->holds_records(name));
        if (records && chosen) {
            return fail(Errc::corrupt, "{} is in two log directories, and both have records: {} and {}",
                        name.to_string(), chosen->directory->path(), candidate.directory->path());
        }
        if (records) chosen = candidate;
    }
    return chosen.value_or(candidates.front()).index;
}

/// [pool] Nothing is thrown away that may be somebody's.
Result<> clear_away(const log::PartitionName& name, log::LogDirectory& directory) {
    KLOG_TRY(const bool records, directory.holds_records(name));
    return records ? directory.put_aside(name) : directory.remove_partition(name);
}

}  // namespace

/// What the files of a new log need at least.
constexpr std::uint64_t new_log_bytes = 4096;

/// The directory with the fewest partitions; one that is full only when all are.
std::optional<std::size_t> Replicas::State::choose_directory() const {
    std::optional<std::size_t> best;
    std::pair<bool, std::size_t> least;
    for (std::size_t i = 0; i < directories.size(); ++i) {
        if (directories[i].offline) continue;
        const std::pair full_then_count(!directories[i].directory->has_room_for(new_log_bytes),
                                        directories[i].partitions);
        if (!best || full_then_count < least) best = i, least = full_then_count;
    }
    return best;
}

/// Where a partition is to be made that nothing was found of.
Result<std::size_t> Replicas::State::directory_for_new(const log::PartitionName& name, bool is_new) {
    const bool all_online = std::ranges::none_of(directories, &Directory::offline);
    if (!is_new && !all_online)
        return fail(Errc::offline, "{}: it may be in a log directory that is offline", name.to_string());
    const auto chosen = choose_directory();
    if (!chosen) return fail(Errc::offline, "{}: no log directory is online", name.to_string());
    ++directories[*chosen].partitions;
    return *chosen;
}

/// What bears the name is not without doubt the partition itself: the one that is stays, the others go. None: the
/// partition is to be made.
Task<Result<std::optional<std::size_t>>> Replicas::State::claim(log::PartitionName name, base::Uuid topic_id,
                                                                bool is_new) {
    const std::vector<OnDisk> all = found[name];
    const bool known_by_id = std::ranges::any_of(all, [&](const OnDisk& each) { return each.topic_id == topic_id; });
    std::vector<Candidate> candidates;
    for (const OnDisk& each : all) {
        const bool nobodys = each.topic_id.is_zero() && !known_by_id && !is_new;
        if (each.topic_id != topic_id && !nobodys) continue;
        candidates.push_back({directories[each.directory].directory.get(), each.directory});
    }
    std::optional<std::size_t> chosen;
    if (!candidates.empty()) {
        KLOG_CO_TRY(chosen, co_await runtime::on_pool(
                                runtime.pool(), [name, candidates] { return only_with_records(name, candidates); }));
    }
    for (const OnDisk& each : all) {
        if (each.directory == chosen || directories[each.directory].offline) continue;
        log::LogDirectory* directory = directories[each.directory].directory.get();
        KLOG_CO_TRY_VOID(
            co_await runtime::on_pool(runtime.pool(), [name, directory] { return clear_away(name, *directory); }));
        forget_found(name, each.directory);
    }
    co_return chosen;
}

void Replicas::State::forget_found(const log::PartitionName& name, std::size_t directory) {
    const auto at = found.find(name);
    if (at == found.end()) return;
    const auto gone = std::erase_if(at->second, [&](const OnDisk& each) { return each.directory == directory; });
    directories[directory].partitions -= gone;
    if (at->second.empty()) found.erase(at);
}

}  // namespace klog::replica
