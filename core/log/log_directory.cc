// SPDX-License-Identifier: Apache-2.0
#include "core/log/log_directory.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <mutex>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "core/base/log.h"
#include "core/base/random.h"
#include "core/log/checkpoint_file.h"
#include "core/log/descriptor_cache.h"
#include "core/log/file_gate.h"
#include "core/log/flush_rounds.h"
#include "core/log/partition_slot.h"

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

enum class Checkpoint : std::size_t { recovery_points, log_starts, high_watermarks };
constexpr std::array checkpoint_names{recovery_point_name, log_start_name, high_watermark_name};

std::size_t index_of(Checkpoint which) { return static_cast<std::size_t>(which); }

/// meta.properties with the keys of its version: 1 (node.id) or 0 (broker.id, from Kafka with ZooKeeper).
struct MetaFile {
    int version = 1;
    MetaProperties properties;
};

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

/// A missing file is an empty map; a damaged one too, with a word: recovery then scans more, nothing is lost.
Result<OffsetMap> read_checkpoint(os::Disk& disk, const std::string& path) {
    auto text = os::read_file(disk, path, checkpoint_bytes_max);
    if (!text && text.error().code == Errc::not_found) return OffsetMap{};
    if (!text) return std::unexpected(std::move(text).error());
    auto offsets = parse_offsets(*text);
    if (offsets) return offsets;
    base::log_warn("{}: {}; taken as empty", path, offsets.error().message);
    return OffsetMap{};
}

}  // namespace

struct LogDirectory::Parts : std::enable_shared_from_this<Parts> {
    Parts(os::Disk& where, runtime::Runtime& with, LogDirectoryOptions how)
        : disk(where),
          runtime(with),
          options(std::move(how)),
          files(where, options.descriptors_max),
          random(options.random_seed != 0 ? base::Random(options.random_seed) : base::Random::from_system()) {}

    os::Disk& disk;
    runtime::Runtime& runtime;
    const LogDirectoryOptions options;
    DescriptorCache files;
    std::shared_ptr<FlushRounds> flushes;
    std::unique_ptr<os::Lock> lock;
    bool started_clean = false;

    std::array<std::mutex, checkpoint_names.size()> writing;  // Held while that checkpoint file is replaced.
    mutable std::mutex mutex;                                 // Guards what follows; never across a system call.
    std::optional<MetaFile> meta;
    std::array<OffsetMap, checkpoint_names.size()> offsets;
    /// Taken out of `offsets` while the file may still name them, each with the number of that removal.
    std::array<std::map<PartitionName, std::uint64_t>, checkpoint_names.size()> stale;
    std::uint64_t removals_made = 0;
    std::map<PartitionName, std::shared_ptr<PartitionSlot>> slots;
    std::map<PartitionName, std::string> kafka_named;  // Directories named <topic>-<partition>.
    DirectoryState state = DirectoryState::online;
    std::optional<Error> failure;
    std::vector<std::function<void(const Error&)>> offline_calls;
    base::Random random;
    bool alive = true;               // The LogDirectory itself is there.
    std::set<PartitionName> opened;  // In this life.
    OffsetMap closed_ends;           // Of those that were closed well and not opened again.
    struct Removal {
        std::vector<std::string> paths;
        std::shared_ptr<FileGate> gate;
        std::uint64_t generation;
        std::chrono::milliseconds delay;
        runtime::Shard* owner;
    };
    std::vector<Removal> removals;
    bool removing = false;

    std::string at(std::string_view name) const { return join(options.path, name); }
    Result<> write_checkpoint(Checkpoint which);
    void forget(const PartitionName& name);
    Result<> close();
    void fail_all(const Error& why);
    Error report(Error error);
    void run_removals();
    void rename_and_remove(const Removal& removal);
    void remove_trees(std::vector<std::string> paths);
};

Result<> LogDirectory::Parts::write_checkpoint(Checkpoint which) {
    const std::scoped_lock one_writer(writing[index_of(which)]);
    std::string text;
    std::vector<std::pair<std::shared_ptr<PartitionSlot>, Offset>> noted;
    std::uint64_t removals_before = 0;
    {
        const std::scoped_lock guard(mutex);
        if (failure) return std::unexpected(*failure);
        OffsetMap& all = offsets[index_of(which)];
        for (const auto& [name, slot] : slots) {
            if (which == Checkpoint::high_watermarks) break;
            const bool starts = which == Checkpoint::log_starts;
            all[name] = {starts ? slot->log_start.load() : slot->recovery_point.load()};
            noted.emplace_back(slot, all[name]);
        }
        text = format_offsets(all);
        removals_before = removals_made;
    }
    if (auto written = os::replace_file(disk, at(checkpoint_names[index_of(which)]), text); !written)
        return std::unexpected(report(std::move(written).error()));
    for (const auto& [slot, offset] : noted) {
        if (which == Checkpoint::log_starts)
            slot->log_start_on_disk = offset.value;
        else
            slot->recovery_point_on_disk = offset.value;
    }
    const std::scoped_lock guard(mutex);
    std::erase_if(stale[index_of(which)], [&](const auto& each) { return each.second <= removals_before; });
    return {};
}

/// [under the mutex] The partition is gone; the files will say so when they are written next.
void LogDirectory::Parts::forget(const PartitionName& name) {
    ++removals_made;
    for (std::size_t i = 0; i < offsets.size(); ++i)
        if (offsets[i].erase(name) > 0) stale[i][name] = removals_made;
}

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

void LogDirectory::Parts::run_removals() {
    std::vector<Removal> batch;
    {
        const std::scoped_lock guard(mutex);
        batch = std::exchange(removals, {});
        removing = !batch.empty() && alive && !failure;
        if (!removing) return;
    }
    // Until the log starts are durable a crash must find the files as they are.
    if (write_checkpoint(Checkpoint::log_starts)) {
        for (const auto& removal : batch) rename_and_remove(removal);
    }
    runtime.pool().submit([self = shared_from_this()] { self->run_removals(); });
}

void LogDirectory::Parts::rename_and_remove(const Removal& removal) {
    std::vector<std::string> renamed;
    {
        const std::scoped_lock files_of_partition(removal.gate->mutex);
        // The names of the segments that stay must be durable first: else a crash may leave neither.
        if (removal.paths.empty() || removal.gate->generation != removal.generation) return;
        if (auto synced = disk.sync_directory(os::parent_of(removal.paths.front())); !synced) {
            if (synced.error().code != Errc::not_found) (void)report(std::move(synced).error());
            return;
        }
        for (const auto& path : removal.paths) {
            // After a truncation the same name may be a new segment's.
            if (removal.gate->generation != removal.generation) break;
            const std::string to = path + std::string(suffix_of(FileStage::deleted));
            files.forget(path);
            if (auto done = disk.rename(path, to))
                renamed.push_back(to);
            else if (done.error().code != Errc::not_found)
                (void)report(std::move(done).error());
        }
    }
    auto remove = [self = shared_from_this(), renamed = std::move(renamed)] { self->remove_trees(renamed); };
    auto* const owner = removal.owner;
    if (removal.delay.count() <= 0 || owner == nullptr) return remove();
    owner->post([self = shared_from_this(), delay = removal.delay, owner, remove = std::move(remove)]() mutable {
        owner->set_timer(owner->now() + delay, [self, remove = std::move(remove)]() mutable {
            self->runtime.pool().submit(std::move(remove));
        });
    });
}

void LogDirectory::Parts::remove_trees(std::vector<std::string> paths) {
    for (const auto& path : paths) {
        {
            const std::scoped_lock guard(mutex);
            if (!alive || failure) return;
        }
        if (auto removed = os::remove_tree(disk, path); !removed)
            base::log_warn("{} could not be removed: {}", path, removed.error().message);
    }
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
    const bool is_new = !disk.info(path);
    KLOG_TRY_VOID(disk.make_directory(path));
    if (is_new) KLOG_TRY_VOID(disk.sync_directory(os::parent_of(path)));
    KLOG_TRY(parts->lock, disk.lock(parts->at(lock_name)));
    KLOG_TRY(parts->meta, read_meta(disk, parts->at(meta_properties_name)));
    for (std::size_t i = 0; i < checkpoint_names.size(); ++i) {
        KLOG_TRY(parts->offsets[i], read_checkpoint(disk, parts->at(checkpoint_names[i])));
    }
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
    for (const auto& [name, directory] : found) partitions.push_back({name, parts_->at(directory)});
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

Result<> LogDirectory::remove_partition(const PartitionName& name) {
    const std::string from = partition_path(name);
    std::string to;
    {
        const std::scoped_lock guard(parts_->mutex);
        if (parts_->failure) return std::unexpected(*parts_->failure);
        to = parts_->at(deleted_directory_name(std::string_view(from).substr(path().size() + 1),
                                               base::Uuid::random(parts_->random)));
    }
    auto renamed = parts_->disk.rename(from, to);
    if (!renamed && renamed.error().code == Errc::not_found) return {};
    if (renamed) renamed = parts_->disk.sync_directory(path());
    if (!renamed) return std::unexpected(parts_->report(std::move(renamed).error()));
    {
        const std::scoped_lock guard(parts_->mutex);
        parts_->kafka_named.erase(name);
        parts_->forget(name);
        parts_->opened.erase(name);
        parts_->closed_ends.erase(name);
    }
    parts_->runtime.pool().submit([parts = parts_, to] { parts->remove_trees({to}); });
    return {};
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

std::optional<Offset> LogDirectory::checkpointed_high_watermark(const PartitionName& name) const {
    const std::scoped_lock guard(parts_->mutex);
    const auto& all = parts_->offsets[index_of(Checkpoint::high_watermarks)];
    const auto found = all.find(name);
    if (found == all.end()) return std::nullopt;
    return found->second;
}

void LogDirectory::set_high_watermark(const PartitionName& name, Offset high_watermark) {
    const std::scoped_lock guard(parts_->mutex);
    parts_->offsets[index_of(Checkpoint::high_watermarks)][name] = high_watermark;
}

LogDirectory::LastLife LogDirectory::last_life(const PartitionName& name) const {
    const std::scoped_lock guard(parts_->mutex);
    const auto get = [&](const OffsetMap& from) -> std::optional<Offset> {
        const auto found = from.find(name);
        if (found == from.end()) return std::nullopt;
        return found->second;
    };
    LastLife life;
    life.recovery_point = get(parts_->offsets[index_of(Checkpoint::recovery_points)]);
    life.log_start = get(parts_->offsets[index_of(Checkpoint::log_starts)]);
    if (parts_->opened.contains(name)) {
        life.end = get(parts_->closed_ends);
        life.clean = life.end.has_value();
    } else {
        life.end = life.recovery_point;
        life.clean = parts_->started_clean && life.end.has_value();
    }
    return life;
}

Result<> LogDirectory::write_high_watermarks() { return parts_->write_checkpoint(Checkpoint::high_watermarks); }
Result<> LogDirectory::write_recovery_points() { return parts_->write_checkpoint(Checkpoint::recovery_points); }
Result<> LogDirectory::write_log_starts() { return parts_->write_checkpoint(Checkpoint::log_starts); }

Result<> LogDirectory::forget_checkpoints(const PartitionName& name) {
    std::array<bool, checkpoint_names.size()> stale{};
    {
        const std::scoped_lock guard(parts_->mutex);
        parts_->forget(name);
        for (std::size_t i = 0; i < stale.size(); ++i) stale[i] = parts_->stale[i].contains(name);
    }
    for (const auto which : {Checkpoint::recovery_points, Checkpoint::log_starts, Checkpoint::high_watermarks})
        if (stale[index_of(which)]) KLOG_TRY_VOID(parts_->write_checkpoint(which));
    return {};
}

std::shared_ptr<PartitionSlot> LogDirectory::attach(const PartitionName& name, runtime::Shard* owner,
                                                    Offset recovery_point, Offset log_start) {
    auto slot = std::make_shared<PartitionSlot>(name, owner);
    slot->recovery_point = recovery_point.value;
    slot->log_start = log_start.value;
    slot->log_start_on_disk = log_start.value;
    const std::scoped_lock guard(parts_->mutex);
    const auto& points = parts_->offsets[index_of(Checkpoint::recovery_points)];
    if (const auto found = points.find(name); found != points.end()) slot->recovery_point_on_disk = found->second.value;
    parts_->slots[name] = slot;
    parts_->opened.insert(name);
    parts_->closed_ends.erase(name);
    return slot;
}

void LogDirectory::detach(const std::shared_ptr<PartitionSlot>& slot) {
    const std::scoped_lock guard(parts_->mutex);
    const auto found = parts_->slots.find(slot->name);
    if (found == parts_->slots.end() || found->second != slot) return;
    parts_->offsets[index_of(Checkpoint::recovery_points)][slot->name] = {slot->recovery_point.load()};
    parts_->offsets[index_of(Checkpoint::log_starts)][slot->name] = {slot->log_start.load()};
    if (const auto end = slot->closed_end.load(); end >= 0) parts_->closed_ends[slot->name] = {end};
    parts_->slots.erase(found);
}

void LogDirectory::remove_later(std::vector<std::string> paths, std::shared_ptr<FileGate> gate,
                                std::chrono::milliseconds delay, runtime::Shard* owner) {
    const std::uint64_t generation = gate->generation;
    {
        const std::scoped_lock guard(parts_->mutex);
        parts_->removals.push_back({std::move(paths), std::move(gate), generation, delay, owner});
        if (std::exchange(parts_->removing, true)) return;
    }
    parts_->runtime.pool().submit([parts = parts_] { parts->run_removals(); });
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
    {
        const std::scoped_lock guard(mutex);
        if (failure) return std::unexpected(*failure);
        if (!slots.empty()) return base::fail(Errc::busy, "{}: {} logs are still open", options.path, slots.size());
        for (const auto& name : opened)
            if (!closed_ends.contains(name) && offsets[0].contains(name))
                return base::fail(Errc::closed, "{}: {} was not closed; the next start recovers", options.path,
                                  name.to_string());
        ends = closed_ends;
        // Those that nobody opened are as they were, which counts only if they were well.
        if (!started_clean)
            for (const auto& [name, offset] : offsets[0])
                if (!opened.contains(name))
                    return base::fail(Errc::closed, "{}: {} was never recovered", options.path, name.to_string());
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
    if (auto marked = os::replace_file(disk, at(clean_shutdown_name), clean_shutdown_text); !marked)
        return std::unexpected(report(std::move(marked).error()));
    return {};
}

}  // namespace klog::log
