// SPDX-License-Identifier: Apache-2.0
// The inside of a PartitionLog. Its member functions are spread over files by what they do: partition_log.cc (open,
// close, flushing, looking), append.cc, read.cc, lookup.cc, truncate.cc, checkpoint.cc, recover.cc, loading.cc. Private
// to core/log.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/log/descriptor_cache.h"
#include "core/log/file_gate.h"
#include "core/log/leader_epoch_cache.h"
#include "core/log/log_directory.h"
#include "core/log/partition_log.h"
#include "core/log/partition_slot.h"
#include "core/log/producer_state.h"
#include "core/log/segment.h"

namespace klog::log {

/// The inflated size of a batch when its records are looked at; or what the topic allows, if that is more.
inline constexpr std::size_t inflated_lookup_bytes_max = 128u << 20;
/// No index is larger.
inline constexpr std::uint64_t index_bytes_max = 1 << 30;
/// Snapshots kept besides those at the base of a segment.
inline constexpr std::size_t snapshots_kept = 2;
/// More damaged places of one log are not remembered, nor said.
inline constexpr std::size_t damages_max = 64;
/// A longer flush.ms is this one.
inline constexpr std::int64_t flush_ms_max = std::int64_t{365} * 24 * 3600 * 1000;

struct PartitionLog::Parts final : SlotClient {
    Parts(LogDirectory& in, PartitionName which, OpenOptions how);
    ~Parts() override;

    LogDirectory& directory;
    os::Disk& disk;
    DescriptorCache& files;
    const PartitionName name;
    const std::string path;
    base::Uuid topic_id;
    std::shared_ptr<const LogConfig> config;
    runtime::Shard* const owner;
    const base::Clock& clock;
    Listener* listener;
    std::shared_ptr<PartitionSlot> slot;
    const std::shared_ptr<FileGate> gate = std::make_shared<FileGate>();

    std::vector<std::unique_ptr<Segment>> segments;  // In order; at least one once open. The last one is active.
    bool new_names = false;                          // Directory entries were made that no mark for a flush covers yet.
    /// The name of the first segment is durable. Before it is, no second one is made: a crash could otherwise leave a
    /// log whose front is missing, which looks like one that retention has shortened.
    bool first_name_durable = true;

    LeaderEpochCache epochs;
    bool epochs_written = true;  // leader-epoch-checkpoint holds them, durably.
    ProducerState producers;
    bool resumed = false;          // Indexes of the active segment, producers and aborted transactions are loaded.
    bool any_aborted = false;      // There is an aborted transaction in the log, or was.
    base::Offset snapshot_at{-1};  // Newest snapshot on disk that is known to be good.
    std::vector<base::Offset> snapshots;  // All of them, in order.
    std::vector<Damage> damages;          // What is known of it.
    std::optional<base::Error> offline;

    std::vector<std::string_view> pieces;  // Of one write; kept, so that an append allocates nothing.
    bool lent = false;
    bool closed = false;
    struct FlushResult {
        base::Offset end;
        std::uint64_t generation;
    };
    // Came in while the log was lent.
    std::optional<FlushResult> waiting_flush;
    std::optional<base::Error> waiting_offline;
    std::uint64_t generation = 0;        // Counts truncations.
    std::int64_t unflushed_records = 0;  // Durability::os
    runtime::TimerId flush_timer = runtime::TimerId::none;
    bool flush_due = false;                    // The timer came while the log was lent.
    std::weak_ptr<CheckpointWork> checkpoint;  // Under way while somebody holds it.
    std::shared_ptr<CheckpointWork> retention_results;

    // Offsets: each has one setter, which checks their order.
    base::Offset log_start() const { return log_start_; }
    base::Offset log_end() const { return log_end_; }
    base::Offset flushed() const { return flushed_; }
    base::Offset recovery_point() const { return recovery_point_; }
    void set_log_start(base::Offset to);
    void set_log_end(base::Offset to);
    void set_flushed(base::Offset to);
    void set_recovery_point(base::Offset to);
    /// Keeps damage in mind and says so, once for each place.
    void note_damage(Damage damage);
    const Damage* damage_at(base::Offset offset) const;
    /// What lies below the log start or was cut off is of no interest.
    void forget_damage(base::Offset start, base::Offset end);
    /// All of them, where a log is opened, cut or begun anew.
    void set_offsets(base::Offset start, base::Offset end, base::Offset flushed, base::Offset recovery_point);

    Segment& active() { return *segments.back(); }
    const Segment& active() const { return *segments.back(); }
    std::string at(std::string_view file) const { return join(path, file); }
    std::string at(const Segment& segment, FileKind kind) const { return at(segment.file_name(kind)); }
    /// The segment that holds the offset or would; its number.
    std::size_t segment_of(base::Offset offset) const;
    /// Where the offsets of a segment end.
    base::Offset end_of(std::size_t segment) const;
    base::Error report(base::Error error) { return directory.report(std::move(error)); }
    std::int64_t random_jitter();
    std::unique_ptr<Segment> make_segment(base::Offset base_offset, std::uint64_t size_bytes);
    base::MonotonicTime now() const { return clock.now(); }

    // recover.cc
    base::Result<> open_directory();
    base::Result<> recover();
    // append.cc
    base::Result<> resume();
    base::Result<> resume_active();
    // loading.cc
    /// Fills the producer state as of `to` from the newest snapshot that is not beyond it and what follows in the log.
    base::Result<> load_producers(base::Offset to);
    /// Applies one walked entry to the producer state; returns the transaction that it ended.
    base::Result<std::optional<CompletedTransaction>> apply_producer(EntryScanner& scanner, const ScannedEntry& entry);
    /// Reads the transaction index of a segment, as far as markers lie below `limit`.
    base::Result<> load_aborted(Segment& segment, base::Offset limit);
    /// Those of all segments that have any and were not read yet.
    base::Result<> load_all_aborted();
    /// Closes what is open of a file and removes it; no error when it is missing.
    base::Result<> remove_file(const std::string& file);
    /// Its log and its indexes, durably: a segment that begins at the same offset later must not find them.
    base::Result<> remove_segment_files(const Segment& segment);
    void note_completed(const CompletedTransaction& completed);

    // append.cc
    base::Result<> check_writable(std::uint64_t bytes);
    base::Result<> roll(base::Offset base_offset);
    base::Result<> write(std::span<const std::string_view> what, std::uint64_t bytes);
    base::Result<AppendedBatch> accept(LeaderAppend& append, ProducerAppend& staging, base::Offset next,
                                       base::LeaderEpoch epoch);
    base::Result<> commit_run(std::span<LeaderAppend> run, std::uint64_t bytes, base::Offset next,
                              base::TimestampMs max_timestamp_ms);
    /// Batches from a leader that go into one segment with one write.
    struct FollowerRun {
        base::Offset first, last;
        std::uint32_t bytes = 0;
        std::size_t batches = 0;
        base::TimestampMs max_timestamp_ms = -1;
    };
    base::Result<FollowerRun> measure_run(std::string_view rest) const;
    base::Result<> append_run(std::string_view bytes, const FollowerRun& run);
    /// checkpoint.cc: what the last RetentionFacts found is known from now on.
    void take_retention_results();
    /// checkpoint.cc: hands the indexes of closed segments to a job on the pool.
    void persist_closed();
    /// After a write: what the log's end means for flushing.
    void mark_dirty(std::int64_t records);
    void mark_for_flush();
    void flush_if_needed();
    base::Result<> write_epochs();

    // SlotClient
    void flush_done(base::Offset end, std::uint64_t of_generation) override;
    void directory_offline(const base::Error& why) override;

private:
    void check_order() const;
    base::Offset log_start_, log_end_, flushed_, recovery_point_;
};

}  // namespace klog::log
