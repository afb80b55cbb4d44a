// SPDX-License-Identifier: Apache-2.0
// Group commit for one log directory. Appends mark what they made dirty; a round on the pool takes all marks at once
// and makes them durable: up to files_max files each by its own fdatasync, in parallel; more by one syncfs. One round
// runs at a time and marks gather for the next meanwhile, so that 1,000 partitions with one record each cost one round.
//
// The first mark posts the start of a round to the marking shard's queue: what is ready on that shard is appended first
// and joins. New files' directory entries are made durable in the same round.
//
// Thread-safe; part of LogDirectory. A round that fails takes the directory offline and reports to nobody: no
// acknowledgement follows a failed sync.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/types.h"
#include "core/log/partition_slot.h"
#include "core/os/disk.h"
#include "core/runtime/shard.h"

namespace klog::log {

struct FlushStats {
    std::uint64_t rounds = 0;
    std::uint64_t files = 0;             // Synced each on its own.
    std::uint64_t filesystem_syncs = 0;  // Rounds that used syncfs.
    std::uint64_t partitions = 0;        // Marks that rounds covered.
};

class FlushRounds : public std::enable_shared_from_this<FlushRounds> {
public:
    struct Options {
        std::string path;  // Of the log directory.
        std::size_t files_max = 16;
    };
    using Failed = std::function<void(const base::Error&)>;

    FlushRounds(os::Disk& disk, runtime::Pool& pool, Options options, Failed failed)
        : disk_(disk), pool_(pool), options_(std::move(options)), failed_(std::move(failed)) {}

    /// From the slot's owner shard. `file` holds all that was written since the partition's last mark, up to `end`.
    /// `directory`: its entries must become durable too; empty: they are. Null file: only that.
    void mark(const std::shared_ptr<PartitionSlot>& slot, std::shared_ptr<os::File> file, base::Offset end,
              std::uint64_t generation, std::string directory);
    /// No round starts any more; one that runs ends without telling anybody.
    void stop();
    FlushStats stats() const;

private:
    struct Mark {
        std::shared_ptr<PartitionSlot> slot;
        std::vector<std::shared_ptr<os::File>> files;
        std::vector<std::string> directories;
        base::Offset end;
        std::uint64_t generation = 0;
    };
    struct Round;

    void start_on_pool();
    void begin_round();
    void sync_piece(const std::shared_ptr<Round>& round, std::size_t piece);
    void end_round(const std::shared_ptr<Round>& round);
    static void deliver(std::vector<Mark> marks);

    os::Disk& disk_;
    runtime::Pool& pool_;
    const Options options_;
    const Failed failed_;

    mutable std::mutex mutex_;
    std::vector<Mark> pending_;
    bool scheduled_ = false;  // A round was asked for or is running.
    bool stopped_ = false;
    FlushStats stats_;
};

}  // namespace klog::log
