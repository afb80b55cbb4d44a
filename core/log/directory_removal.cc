// SPDX-License-Identifier: Apache-2.0
// Removal below a log directory: partitions, and segments that retention has given up. Renamed first, removed later.
#include <utility>

#include "core/base/log.h"
#include "core/log/log_directory_parts.h"

namespace klog::log {

using base::Errc;
using base::Result;

namespace {
/// After the disk was too full to note what is to be removed.
constexpr std::chrono::seconds removal_retry_interval{1};
}  // namespace

void LogDirectory::Parts::run_removals() {
    std::vector<Removal> batch;
    {
        const std::scoped_lock guard(mutex);
        batch = std::exchange(removals, {});
        removing = !batch.empty() && alive && !failure;
        if (!removing) return;
    }
    // Until the log starts are durable a crash must find the segments as they are.
    if (!make_log_starts_durable(batch)) return try_later(std::move(batch));
    for (const auto& removal : batch) rename_and_remove(removal);
    runtime.pool().submit([self = shared_from_this()] { self->run_removals(); });
}

/// On a disk without any room not even a checkpoint can be written. Indexes give some back: a segment that a crash
/// brings back has them made anew.
Result<> LogDirectory::Parts::make_log_starts_durable(const std::vector<Removal>& batch) {
    auto written = write_checkpoint(Checkpoint::log_starts);
    if (written || written.error().code != Errc::no_space) return written;
    for (const auto& removal : batch) {
        const std::scoped_lock files_of_partition(removal.gate->mutex);
        if (removal.gate->generation != removal.generation) continue;
        for (const auto& path : removal.paths) {
            const auto file = parse_segment_file_name(std::string_view(path).substr(path.rfind('/') + 1));
            if (file && (file->kind == FileKind::offset_index || file->kind == FileKind::time_index))
                (void)disk.remove(path);
        }
    }
    return write_checkpoint(Checkpoint::log_starts);
}

/// Nothing else would give the space back. The next removal takes these along, if it comes first.
void LogDirectory::Parts::try_later(std::vector<Removal> batch) {
    runtime::Shard* const owner = batch.front().owner;
    {
        const std::scoped_lock guard(mutex);
        if (failure || !alive) return;
        removals.insert(removals.begin(), std::make_move_iterator(batch.begin()), std::make_move_iterator(batch.end()));
        removing = owner != nullptr;
    }
    if (owner == nullptr) return;
    owner->post([self = shared_from_this(), owner] {
        owner->set_timer(owner->now() + removal_retry_interval,
                         [self] { self->runtime.pool().submit([self] { self->run_removals(); }); });
    });
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
            auto done = disk.rename(path, to);
            files.forget(path);  // Afterwards: a read may have opened it until now.
            if (done)
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

Result<> LogDirectory::remove_partition(const PartitionName& name) {
    KLOG_TRY(const auto to, parts_->rename_partition(name, partition_path(name), deleted_directory_name));
    if (!to.empty()) parts_->runtime.pool().submit([parts = parts_, to] { parts->remove_trees({to}); });
    return {};
}

Result<> LogDirectory::put_aside(const PartitionName& name) {
    KLOG_TRY(const auto to, parts_->rename_partition(name, partition_path(name), stray_directory_name));
    if (!to.empty()) base::log_warn("{} belongs to no topic that there is: put aside as {}", name.to_string(), to);
    return {};
}

/// Where it is now; empty when it was missing.
Result<std::string> LogDirectory::Parts::rename_partition(const PartitionName& name, const std::string& from,
                                                          std::string (*name_for)(std::string_view,
                                                                                  const base::Uuid&)) {
    std::string to;
    {
        const std::scoped_lock guard(mutex);
        if (failure) return std::unexpected(*failure);
        to = at(name_for(std::string_view(from).substr(options.path.size() + 1), base::Uuid::random(random)));
    }
    auto renamed = disk.rename(from, to);
    // Whoever holds one of its files goes on with it; a partition that is made under this name gets its own.
    files.forget_below(from);
    if (!renamed && renamed.error().code == Errc::not_found) return std::string();
    if (renamed) renamed = disk.sync_directory(options.path);
    if (!renamed) return std::unexpected(report(std::move(renamed).error()));
    const std::scoped_lock guard(mutex);
    kafka_named.erase(name);
    forget(name);
    opened.erase(name);
    closed_ends.erase(name);
    return to;
}

Result<bool> LogDirectory::holds_records(const PartitionName& name) const {
    const std::string directory = partition_path(name);
    const auto entries = parts_->disk.list(directory);
    if (!entries && entries.error().code == Errc::not_found) return false;
    if (!entries) return std::unexpected(entries.error());
    for (const auto& entry : *entries) {
        const auto parsed = parse_segment_file_name(entry.name);
        if (!parsed || parsed->kind != FileKind::log || parsed->stage == FileStage::deleted) continue;
        KLOG_TRY(const auto info, parts_->disk.info(join(directory, entry.name)));
        if (info.size > 0) return true;
    }
    return false;
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

}  // namespace klog::log
