// SPDX-License-Identifier: Apache-2.0
// What a log directory notes of its partitions: the checkpoint files, the slots of open logs, how the last life ended.
#include <utility>

#include "core/base/log.h"
#include "core/log/log_directory_parts.h"

namespace klog::log {

using base::Errc;
using base::Offset;
using base::Result;

namespace {

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

Result<> LogDirectory::Parts::read_checkpoints() {
    for (std::size_t i = 0; i < checkpoint_names.size(); ++i) {
        KLOG_TRY(offsets[i], read_checkpoint(disk, at(checkpoint_names[i])));
    }
    return {};
}

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

std::shared_ptr<PartitionSlot> LogDirectory::attach(const PartitionName& name, runtime::Shard* owner,
                                                    SlotClient* client, Offset recovery_point, Offset log_start) {
    auto slot = std::make_shared<PartitionSlot>(name, owner);
    slot->client = client;
    slot->recovery_point = recovery_point.value;
    slot->log_start = log_start.value;
    slot->log_start_on_disk = log_start.value;
    const std::scoped_lock guard(parts_->mutex);
    if (parts_->failure) return nullptr;
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

}  // namespace klog::log
