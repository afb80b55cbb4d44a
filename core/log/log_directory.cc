// SPDX-License-Identifier: Apache-2.0
#include "core/log/log_directory.h"

#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "core/base/log.h"
#include "core/log/log_directory_parts.h"

namespace klog::log {

using base::Errc;
using base::Error;
using base::fail;
using base::Offset;
using base::Result;

namespace {

constexpr std::uint64_t meta_properties_bytes_max = 64 << 10;
/// A full directory takes writes again once so much is free beyond what is to be written.
constexpr std::uint64_t room_to_spare_bytes = 1 << 20;
constexpr std::string_view clean_shutdown_text = "{\"version\":0,\"brokerEpoch\":-1}";

Result<std::optional<MetaFile>> read_meta(os::Disk& disk, const std::string& path) {
    auto text = os::read_file(disk, path, meta_properties_bytes_max);
    if (!text && text.error().code == Errc::not_found) return std::nullopt;
    if (!text) return std::unexpected(std::move(text).error());
    const auto keys = parse_properties(*text);
    const auto get = [&](const char* key) {
        const auto found = keys.find(key);
        return found == keys.end() ? std::string() : found->second;
    };
    MetaFile meta;
    const std::string version = get("version");
    if (version.empty()) return fail(Errc::invalid_config, "{}: damaged: it has no version", path);
    if (version != "0" && version != "1")
        return fail(Errc::invalid_config, "{}: version '{}' is not known", path, version);
    meta.version = version == "0" ? 0 : 1;
    meta.properties.cluster_id = get("cluster.id");
    const std::string node = get(meta.version == 0 ? "broker.id" : "node.id");
    const auto [end, error] = std::from_chars(node.data(), node.data() + node.size(), meta.properties.node_id.value);
    if (!node.empty() && (error != std::errc{} || end != node.data() + node.size()))
        return fail(Errc::invalid_config, "{}: node id '{}' is no number", path, node);
    if (const auto id = base::Uuid::parse(get("directory.id"))) meta.properties.directory_id = *id;
    return meta;
}

std::string format_meta(const MetaFile& meta) {
    return fmt::format("version={}\n{}={}\ncluster.id={}\ndirectory.id={}\n", meta.version,
                       meta.version == 0 ? "broker.id" : "node.id", meta.properties.node_id, meta.properties.cluster_id,
                       meta.properties.directory_id.to_string());
}

}  // namespace

void LogDirectory::Parts::fail_all(const Error& why) {
    std::vector<std::function<void(const Error&)>> calls;
    std::vector<std::shared_ptr<PartitionSlot>> told;
    {
        const std::scoped_lock guard(mutex);
        if (failure || !alive) return;
        failure = Error{Errc::offline, fmt::format("{} is offline: {}", options.path, why.message)};
        state = DirectoryState::offline;
        calls = std::exchange(offline_calls, {});
        for (const auto& [name, slot] : slots) told.push_back(slot);
    }
    base::log_error("log directory {} goes offline: {}", options.path, why.message);
    flushes->stop();
    for (const auto& slot : told) {
        if (slot->owner == nullptr) continue;
        slot->owner->post([slot, error = *failure] {
            if (slot->client != nullptr) slot->client->directory_offline(error);
        });
    }
    for (const auto& call : calls) call(*failure);
}

Error LogDirectory::Parts::report(Error error) {
    if (error.code == Errc::io) fail_all(error);
    if (error.code != Errc::no_space) return error;
    const std::scoped_lock guard(mutex);
    if (state == DirectoryState::online) {
        state = DirectoryState::full;
        base::log_warn("log directory {} is full; appends are refused until there is room", options.path);
    }
    return error;
}

LogDirectory::LogDirectory(std::shared_ptr<Parts> parts) : parts_(std::move(parts)) {}

LogDirectory::~LogDirectory() {
    parts_->flushes->stop();
    const std::scoped_lock guard(parts_->mutex);
    parts_->alive = false;
    parts_->lock.reset();
}

Result<std::unique_ptr<LogDirectory>> LogDirectory::open(os::Disk& disk, runtime::Runtime& runtime,
                                                         LogDirectoryOptions options) {
    auto parts = std::make_shared<Parts>(disk, runtime, std::move(options));
    const std::string& path = parts->options.path;
    parts->flushes =
        std::make_shared<FlushRounds>(disk, runtime.pool(), FlushRounds::Options{path, parts->options.flush_files_max},
                                      [weak = std::weak_ptr(parts)](const Error& why) {
                                          if (const auto held = weak.lock()) held->fail_all(why);
                                      });
    KLOG_TRY_VOID(os::make_directory_durable(disk, path));
    KLOG_TRY_VOID(disk.watch_filesystem(path));
    KLOG_TRY(parts->lock, disk.lock(parts->at(lock_name)));
    KLOG_TRY(parts->meta, read_meta(disk, parts->at(meta_properties_name)));
    KLOG_TRY_VOID(parts->read_checkpoints());
    const std::string marker = parts->at(clean_shutdown_name);
    parts->started_clean = disk.info(marker).has_value();
    if (parts->started_clean) KLOG_TRY_VOID(disk.remove(marker));
    // Also for what a killed life left: partitions that are found now must not vanish later.
    KLOG_TRY_VOID(disk.sync_directory(path));
    return std::unique_ptr<LogDirectory>(new LogDirectory(std::move(parts)));
}

const std::string& LogDirectory::path() const { return parts_->options.path; }
os::Disk& LogDirectory::disk() const { return parts_->disk; }
runtime::Runtime& LogDirectory::runtime() const { return parts_->runtime; }
bool LogDirectory::started_clean() const { return parts_->started_clean; }
DescriptorCache& LogDirectory::files() { return parts_->files; }
FlushRounds& LogDirectory::flushes() { return *parts_->flushes; }

std::optional<MetaProperties> LogDirectory::meta_properties() const {
    const std::scoped_lock guard(parts_->mutex);
    if (!parts_->meta) return std::nullopt;
    return parts_->meta->properties;
}

Result<MetaProperties> LogDirectory::adopt(const std::string& cluster_id, base::NodeId node_id) {
    MetaFile meta;
    const std::string where = parts_->at(meta_properties_name);
    {
        const std::scoped_lock guard(parts_->mutex);
        meta = parts_->meta.value_or(MetaFile{});
        auto& found = meta.properties;
        if (!found.cluster_id.empty() && found.cluster_id != cluster_id)
            return fail(Errc::invalid_config, "{}: belongs to cluster {}, not {}", where, found.cluster_id, cluster_id);
        if (found.node_id != base::no_node && found.node_id != node_id)
            return fail(Errc::invalid_config, "{}: belongs to node {}, not {}", where, found.node_id, node_id);
        const bool whole =
            parts_->meta && !found.cluster_id.empty() && found.node_id == node_id && !found.directory_id.is_zero();
        if (whole) return found;
        found.cluster_id = cluster_id;
        found.node_id = node_id;
        if (found.directory_id.is_zero()) found.directory_id = base::Uuid::random(parts_->random);
    }
    if (auto written = os::replace_file(parts_->disk, where, format_meta(meta)); !written)
        return std::unexpected(parts_->report(std::move(written).error()));
    const std::scoped_lock guard(parts_->mutex);
    parts_->meta = meta;
    return meta.properties;
}

Result<std::vector<FoundPartition>> LogDirectory::scan() {
    KLOG_TRY(const auto entries, parts_->disk.list(path()));
    std::map<PartitionName, std::string> found;
    std::map<PartitionName, std::string> kafka_named;
    std::vector<std::string> deleted;
    for (const auto& entry : entries) {
        if (!entry.is_directory) continue;
        const auto parsed = parse_directory_name(entry.name);
        switch (parsed.kind) {
            case DirectoryKind::deleted: deleted.push_back(parts_->at(entry.name)); break;
            case DirectoryKind::kafka_partition: kafka_named.emplace(parsed.partition, entry.name); [[fallthrough]];
            case DirectoryKind::partition:
                if (!found.emplace(parsed.partition, entry.name).second)
                    return fail(Errc::exists, "{}: both {} and {} are there for {}", path(), found[parsed.partition],
                                entry.name, parsed.partition.to_string());
                break;
            case DirectoryKind::stray:
            case DirectoryKind::future:
            case DirectoryKind::foreign:
                if (entry.name == metadata_directory_name) break;
                base::log_info("{}: not a partition, left alone", parts_->at(entry.name));
                break;
        }
    }
    {
        const std::scoped_lock guard(parts_->mutex);
        parts_->kafka_named = std::move(kafka_named);
        std::set<PartitionName> gone;
        for (const auto& each : parts_->offsets)
            for (const auto& [name, offset] : each)
                if (!found.contains(name)) gone.insert(name);
        for (const auto& name : gone) parts_->forget(name);
    }
    if (!deleted.empty()) parts_->runtime.pool().submit([parts = parts_, deleted] { parts->remove_trees(deleted); });
    std::vector<FoundPartition> partitions;
    for (const auto& [name, directory] : found) {
        const std::string at = parts_->at(directory);
        const auto text = os::read_file(parts_->disk, join(at, partition_metadata_name), partition_metadata_bytes_max);
        if (!text && text.error().code == Errc::io) return std::unexpected(text.error());
        const auto id = text ? parse_partition_metadata(*text) : std::nullopt;
        partitions.push_back({name, at, id.value_or(base::Uuid{})});
    }
    return partitions;
}

std::string LogDirectory::partition_path(const PartitionName& name) const {
    {
        const std::scoped_lock guard(parts_->mutex);
        const auto found = parts_->kafka_named.find(name);
        if (found != parts_->kafka_named.end()) return parts_->at(found->second);
    }
    return parts_->at(partition_directory_name(name));
}

Result<os::Space> LogDirectory::space() const { return parts_->disk.space(path()); }

DirectoryState LogDirectory::state() const {
    const std::scoped_lock guard(parts_->mutex);
    return parts_->state;
}

std::optional<Error> LogDirectory::failure() const {
    const std::scoped_lock guard(parts_->mutex);
    return parts_->failure;
}

void LogDirectory::take_offline(const Error& why) { parts_->fail_all(why); }

void LogDirectory::on_offline(std::function<void(const Error&)> call) {
    {
        const std::scoped_lock guard(parts_->mutex);
        if (!parts_->failure) return parts_->offline_calls.push_back(std::move(call));
    }
    call(*parts_->failure);  // Set once and never changed.
}

Error LogDirectory::report(Error error) { return parts_->report(std::move(error)); }

std::function<Error(Error)> LogDirectory::reporter() const {
    return [parts = parts_](Error error) { return parts->report(std::move(error)); };
}

void LogDirectory::run_on_pool(std::function<Result<>()> work, std::function<void()> then) {
    parts_->runtime.pool().submit([parts = parts_, work = std::move(work), then = std::move(then)] {
        {
            const std::scoped_lock guard(parts->mutex);
            if (!parts->alive || parts->failure) return;
        }
        if (auto done = work(); !done) {
            (void)parts->report(std::move(done).error());
            return;
        }
        then();
    });
}

bool LogDirectory::has_room_for(std::uint64_t bytes) {
    if (state() != DirectoryState::full) return true;
    const auto space = parts_->disk.space(path());
    if (!space || space->available_bytes < bytes + room_to_spare_bytes) return false;
    const std::scoped_lock guard(parts_->mutex);
    if (parts_->state == DirectoryState::full) {
        parts_->state = DirectoryState::online;
        base::log_info("log directory {} has room again", parts_->options.path);
    }
    return true;
}

std::uint64_t LogDirectory::next_random() {
    const std::scoped_lock guard(parts_->mutex);
    return parts_->random.next();
}

Result<> LogDirectory::close() {
    parts_->flushes->stop();
    const auto closed = parts_->close();
    const std::scoped_lock guard(parts_->mutex);
    parts_->alive = false;
    parts_->lock.reset();
    return closed;
}

/// Logs that were closed have written everything but synced nothing: one syncfs does it for all of them.
Result<> LogDirectory::Parts::close() {
    OffsetMap ends;
    std::optional<Error> unclean;
    {
        const std::scoped_lock guard(mutex);
        if (failure) return std::unexpected(*failure);
        if (!slots.empty()) return base::fail(Errc::busy, "{}: {} logs are still open", options.path, slots.size());
        for (const auto& [name, offset] : offsets[index_of(Checkpoint::recovery_points)]) {
            if (closed_ends.contains(name)) continue;
            // Those that nobody opened are as they were, which counts only if they were well.
            if (opened.contains(name))
                unclean = Error{Errc::closed, fmt::format("{}: {} was not closed; the next start recovers",
                                                          options.path, name.to_string())};
            else if (!started_clean)
                unclean =
                    Error{Errc::closed, fmt::format("{}: {} was never recovered", options.path, name.to_string())};
        }
        ends = closed_ends;
    }
    if (auto synced = disk.sync_filesystem(options.path); !synced)
        return std::unexpected(report(std::move(synced).error()));
    {
        const std::scoped_lock guard(mutex);
        for (const auto& [name, end] : ends) offsets[index_of(Checkpoint::recovery_points)][name] = end;
    }
    // Starts first: the recovery point must not pass a segment that is about to be removed and has no complete indexes.
    KLOG_TRY_VOID(write_checkpoint(Checkpoint::log_starts));
    KLOG_TRY_VOID(write_checkpoint(Checkpoint::recovery_points));
    KLOG_TRY_VOID(write_checkpoint(Checkpoint::high_watermarks));
    // The others start from their ends all the same: there is next to nothing to scan.
    if (unclean) return std::unexpected(*std::move(unclean));
    if (auto marked = os::replace_file(disk, at(clean_shutdown_name), clean_shutdown_text); !marked)
        return std::unexpected(report(std::move(marked).error()));
    return {};
}

}  // namespace klog::log
