// SPDX-License-Identifier: Apache-2.0
// One entry of log.dirs: the named owner of all that its partitions share. The directory lock, meta.properties, the
// checkpoint files, the bounded cache of descriptors, flush rounds, the clean-shutdown marker, removal of deleted
// files, and whether the disk is full or failed.
//
// Shared by all shards and the pool: everything here is thread-safe. One mutex guards what is in memory and is never
// held across a system call; each checkpoint file has one that is held while it is replaced. Outlives every
// PartitionLog opened in it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/types.h"
#include "core/base/uuid.h"
#include "core/log/file_names.h"
#include "core/os/disk.h"
#include "core/runtime/shard.h"

namespace klog::log {

class FlushRounds;
class DescriptorCache;
struct FileGate;
struct PartitionSlot;
class SlotClient;

/// The content of meta.properties (Kafka's, version 1; version 0 with broker.id is read).
struct MetaProperties {
    std::string cluster_id;
    base::NodeId node_id = base::no_node;
    base::Uuid directory_id;
};

struct LogDirectoryOptions {
    std::string path;
    std::size_t descriptors_max = 4096;
    /// Up to this many dirty files of a flush round are synced each on its own, in parallel; above it, one syncfs.
    std::size_t flush_files_max = 16;
    std::uint64_t random_seed = 0;  // For names of deleted directories and segment jitter; 0: from the system.
};

/// A partition found on disk.
struct FoundPartition {
    PartitionName name;
    std::string path;
    base::Uuid topic_id;  // Zero: partition.metadata is not there, or not whole.
};

enum class DirectoryState {
    online,
    full,     // The last write met no_space: appends are refused until space is back; reads and removal go on.
    offline,  // A write, sync or rename failed: final for this life.
};

class LogDirectory {
public:
    /// [pool] Makes the directory when missing, takes the lock (busy: another process has it), reads meta.properties
    /// and the checkpoints, takes and removes the clean-shutdown marker (durably, before anything else is written).
    static base::Result<std::unique_ptr<LogDirectory>> open(os::Disk& disk, runtime::Runtime& runtime,
                                                            LogDirectoryOptions options);
    ~LogDirectory();

    const std::string& path() const;
    os::Disk& disk() const;
    runtime::Runtime& runtime() const;
    /// True when the previous life ended with close(clean).
    bool started_clean() const;

    // Identity.
    std::optional<MetaProperties> meta_properties() const;
    /// [pool] Writes meta.properties where there is none (with a directory id if that is missing); where there is one,
    /// its cluster id and node id must be these (invalid_config).
    base::Result<MetaProperties> adopt(const std::string& cluster_id, base::NodeId node_id);

    // Partitions.
    /// [pool] The partitions below, sorted. Removes what was deleted; leaves alone what it does not know, with one log
    /// line each. exists: two directories for one partition.
    base::Result<std::vector<FoundPartition>> scan();
    /// Where a partition lives or would live (Kafka's name when that is what is there).
    std::string partition_path(const PartitionName& name) const;
    /// [pool] For a partition that is not open: renames to <name>.<uuid>-delete and removes later. No error when
    /// missing.
    base::Result<> remove_partition(const PartitionName& name);
    /// [pool] The same, but renames to <name>.<uuid>-stray, which stays for a person to look at.
    base::Result<> put_aside(const PartitionName& name);
    /// [pool] For a partition that is not open: whether there is anything in its segments.
    base::Result<bool> holds_records(const PartitionName& name) const;
    base::Result<os::Space> space() const;

    // Health.
    DirectoryState state() const;
    /// Why it is offline.
    std::optional<base::Error> failure() const;
    /// Something that must not fail has failed: the directory goes offline, once and for all.
    void take_offline(const base::Error& why);
    /// Called once, on whatever thread found out; immediately when it already happened.
    void on_offline(std::function<void(const base::Error&)> call);

    // Checkpoints. What partitions report is gathered here; the files hold all partitions of the directory.
    std::optional<base::Offset> checkpointed_high_watermark(const PartitionName& name) const;
    /// Thread-safe, cheap; written by write_high_watermarks.
    void set_high_watermark(const PartitionName& name, base::Offset high_watermark);
    /// [pool] Each replaces its file durably. Those of one file never overlap.
    base::Result<> write_high_watermarks();
    base::Result<> write_recovery_points();
    base::Result<> write_log_starts();

    /// [pool] After every PartitionLog was closed: writes the checkpoints, and the clean-shutdown marker if all of them
    /// closed well and the directory is online (closed: one did not, or was never recovered). Then releases the lock.
    /// Destroyed without it: as if the process had died.
    base::Result<> close();

    // For PartitionLog.
    DescriptorCache& files();
    FlushRounds& flushes();
    /// From here on the checkpoint files say of this partition what its slot says, and its client is told of a failure.
    /// Null: the directory has failed already.
    std::shared_ptr<PartitionSlot> attach(const PartitionName& name, runtime::Shard* owner, SlotClient* client,
                                          base::Offset recovery_point, base::Offset log_start);
    void detach(const std::shared_ptr<PartitionSlot>& slot);
    /// How the last life of this log ended.
    struct LastLife {
        bool clean = false;  // `end` may be believed, and indexes and snapshot are complete.
        std::optional<base::Offset> end;
        std::optional<base::Offset> recovery_point;
        std::optional<base::Offset> log_start;
    };
    LastLife last_life(const PartitionName& name) const;
    /// [pool] A partition of this name begins anew: what the checkpoint files say of an earlier one must not count.
    base::Result<> forget_checkpoints(const PartitionName& name);
    /// [any] Files of removed segments: once the log starts are durable they are renamed to .deleted, and removed when
    /// the delay has passed, all on the pool. Not at all once the gate has another generation than now.
    void remove_later(std::vector<std::string> paths, std::shared_ptr<FileGate> gate, std::chrono::milliseconds delay,
                      runtime::Shard* owner);
    /// Takes note of what a write met: no_space makes the directory full, io takes it offline. Returns the error.
    base::Error report(base::Error error);
    /// [any] report() for a job that may outlive this object.
    std::function<base::Error(base::Error)> reporter() const;
    /// False while the disk is full and has no room for so many bytes. Turns the state to online again when it has.
    bool has_room_for(std::uint64_t bytes);
    /// Runs `work` on the pool and `then` after it, there too. It may outlive this object, keeps alive what of it jobs
    /// use, and does nothing when the directory has failed or is gone. An error of `work` is reported.
    void run_on_pool(std::function<base::Result<>()> work, std::function<void()> then);
    /// A number that nobody else gets; for jitter.
    std::uint64_t next_random();

private:
    struct Parts;
    explicit LogDirectory(std::shared_ptr<Parts> parts);
    std::shared_ptr<Parts> parts_;  // Shared with its jobs on the pool.
};

}  // namespace klog::log
