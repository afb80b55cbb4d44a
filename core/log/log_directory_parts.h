// SPDX-License-Identifier: Apache-2.0
// The inside of a LogDirectory. Its member functions are spread over files by what they do: log_directory.cc (open,
// close, identity, health), directory_checkpoints.cc, directory_removal.cc. Private to core/log.
#pragma once

#include <array>
#include <map>
#include <mutex>
#include <set>

#include "core/base/random.h"
#include "core/log/checkpoint_file.h"
#include "core/log/descriptor_cache.h"
#include "core/log/file_gate.h"
#include "core/log/flush_rounds.h"
#include "core/log/log_directory.h"
#include "core/log/partition_slot.h"

namespace klog::log {

enum class Checkpoint : std::size_t { recovery_points, log_starts, high_watermarks };
inline constexpr std::array checkpoint_names{recovery_point_name, log_start_name, high_watermark_name};
constexpr std::size_t index_of(Checkpoint which) { return static_cast<std::size_t>(which); }

/// meta.properties with the keys of its version: 1 (node.id) or 0 (broker.id, from Kafka with ZooKeeper).
struct MetaFile {
    int version = 1;
    MetaProperties properties;
};

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
    std::optional<base::Error> failure;
    std::vector<std::function<void(const base::Error&)>> offline_calls;
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
    base::Result<> close();
    void fail_all(const base::Error& why);
    base::Error report(base::Error error);
    // directory_checkpoints.cc
    base::Result<> read_checkpoints();
    base::Result<> write_checkpoint(Checkpoint which);
    void forget(const PartitionName& name);
    // directory_removal.cc
    void run_removals();
    base::Result<> make_log_starts_durable(const std::vector<Removal>& batch);
    void try_later(std::vector<Removal> batch);
    base::Result<std::string> rename_partition(const PartitionName& name, const std::string& from,
                                               std::string (*name_for)(std::string_view, const base::Uuid&));
    void rename_and_remove(const Removal& removal);
    void remove_trees(std::vector<std::string> paths);
};

}  // namespace klog::log
