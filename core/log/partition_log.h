// SPDX-License-Identifier: Apache-2.0
// The log of one partition: its segments, indexes, leader epochs and producer state, in one directory.
//
// A PartitionLog lives on the shard that owns its partition and is touched only there. Nothing here is thread-safe.
// Marks at the declarations:
//   [shard]  writes to the page cache at most; may open a file. Runs on the owner shard.
//   [pool]   blocks on the disk. Either it is static or a job object that holds all it needs (open, ColdRead,
//            TimestampLookup, CheckpointWork), or it needs the log to itself: then the owner runs it between lend() and
//            take_back(), during which nothing else of the log may be called; flush results that come in meanwhile
//            wait.
//
// Offsets:  log_start <= log_end, recovery_point <= flushed <= log_end. Each has one setter, always checked.
//
// Flushing: an append marks its files dirty with the LogDirectory, which gathers marks of all partitions into flush
// rounds (flush_rounds.h). When a round that began after the mark has ended, flushed_offset moves on the owner shard
// and Listener::flushed is called. With Durability::fsync nobody has to ask; with Durability::os flush.messages and
// flush.ms do.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/base/chain.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/types.h"
#include "core/base/uuid.h"
#include "core/log/file_names.h"
#include "core/log/log_config.h"
#include "core/records/validate.h"
#include "core/runtime/shard.h"

namespace klog::log {

class LogDirectory;
class Segment;

/// What the owner of a log is told, on its shard.
class Listener {
public:
    virtual ~Listener() = default;
    /// flushed_offset moved. Called after the log's own state is whole; calling back into the log is fine.
    virtual void flushed(base::Offset flushed) = 0;
    /// The log directory went offline: nothing more will be written or flushed.
    virtual void offline(const base::Error& why) = 0;
};

struct OpenOptions {
    std::shared_ptr<const LogConfig> config;
    runtime::Shard* owner = nullptr;  // Null for tools without shards: then nothing is flushed but by close.
    Listener* listener = nullptr;     // May be set later.
    base::Uuid topic_id;              // Zero: unknown. Another one in partition.metadata is an error (exists).
};

/// Who sends a batch; decides which checks of the producer's state apply (Kafka's AppendOrigin).
enum class AppendOrigin { client, coordinator };

struct AppendedBatch {
    base::Offset base_offset;
    base::Offset last_offset;
    base::TimestampMs append_time_ms = -1;  // With log_append_time: the stamp. Else -1.
    bool duplicate = false;  // An earlier append of the same sequence: these are its offsets, nothing was written.
};

/// One record batch v2 on its way in, as records::validate lets it pass. The append stamps base offset and leader epoch
/// into its header. The bytes that it points to must live until the append returns.
struct LeaderAppend {
    records::ValidBatch* batch = nullptr;
    AppendOrigin origin = AppendOrigin::client;
    /// Filled in by append_as_leader. Errors: out_of_order_sequence (also a repetition that is older than the five
    /// batches remembered), invalid_producer_epoch, fenced_epoch, invalid_argument, too_large; else as the whole call.
    base::Result<AppendedBatch> outcome = base::fail(base::Errc::closed, "not appended");
};

struct FollowerAppend {
    base::Offset first_offset;
    base::Offset last_offset;  // first - 1 when there was nothing whole.
    std::uint32_t bytes = 0;   // Taken; a torn batch at the end of what was fetched is left.
};

struct ReadRequest {
    base::Offset from;
    std::uint32_t bytes_max = 1 << 20;
    base::Offset upper_bound;        // High watermark, last stable offset or log end: no batch beyond it.
    bool at_least_one_batch = true;  // The first batch even if it is larger than bytes_max (KIP-74).
};

class ColdRead;

/// What a read found. Slices hold whole batches; the first one contains `from` or is the next after it.
struct ReadResult {
    std::vector<base::FileSlice> slices;
    std::uint32_t bytes = 0;
    base::Offset next;  // After the last batch in the slices; `from` when there is none.
    base::LeaderEpoch first_epoch = base::no_leader_epoch;
    /// Set: the bytes are not known to be good and in memory. Nothing else is set; run it on the pool and finish_read.
    std::shared_ptr<ColdRead> cold;
    /// Set by finish_read: damage (Errc::corrupt) right behind the slices, or at `from` when there are none. Answer
    /// them, then raise it.
    std::optional<base::Error> damage;
};

/// Looks up, reads in, walks and CRC-checks the batches of one cold read. Holds all it needs; the log may change or
/// close meanwhile.
class ColdRead {
public:
    virtual ~ColdRead() = default;
    /// [pool] Once.
    virtual void run() = 0;
};

struct TimestampOffset {
    base::TimestampMs timestamp_ms = -1;
    base::Offset offset;
    base::LeaderEpoch epoch = base::no_leader_epoch;
};

/// ListOffsets by time. Holds all it needs.
class TimestampLookup {
public:
    virtual ~TimestampLookup() = default;
    /// [pool] None: no record is that young (or the log is empty).
    virtual base::Result<std::optional<TimestampOffset>> run() = 0;
};

/// Writes and syncs what must be on disk before the recovery point may move. Holds all it needs. What fails in it is
/// reported to the log directory: after a failed sync no later one may be believed.
class CheckpointWork {
public:
    virtual ~CheckpointWork() = default;
    /// [pool] Once.
    virtual base::Result<> run() = 0;
};

struct EpochEntry {
    base::LeaderEpoch epoch;
    base::Offset start_offset;
    friend bool operator==(const EpochEntry&, const EpochEntry&) = default;
};

/// The answer to OffsetForLeaderEpoch: the largest epoch that is not newer than asked, and where it ends. Both
/// undefined
/// (-1) when there is none.
struct EpochEnd {
    base::LeaderEpoch epoch = base::no_leader_epoch;
    base::Offset end_offset{-1};
};

struct SegmentInfo {
    base::Offset base_offset;
    std::uint64_t bytes = 0;
    base::TimestampMs largest_timestamp_ms = -1;  // -1: none, or not known yet (a closed segment not touched so far).
};

/// One idempotent or transactional producer as this partition knows it (DescribeProducers).
struct ProducerInfo {
    base::ProducerId producer_id;
    base::ProducerEpoch epoch;
    std::int32_t last_sequence = -1;
    base::TimestampMs last_timestamp_ms = -1;
    std::int32_t coordinator_epoch = -1;
    std::optional<base::Offset> transaction_start;
};

struct AbortedTransaction {
    base::ProducerId producer_id;
    base::Offset first_offset;
    base::Offset last_offset;
    base::Offset last_stable_offset;
    friend bool operator==(const AbortedTransaction&, const AbortedTransaction&) = default;
};

/// Offsets that were on disk and cannot be read any more, found below the recovery point or by a read. Nothing is cut
/// for it: a read in there is an error, the log in front of it and behind it goes on.
struct Damage {
    base::Offset offset;  // The first one,
    base::Offset end;     // and where the log is good again.
    base::Error error;
};

class PartitionLog {
public:
    /// [pool] Opens the directory, making it when missing, and recovers it by the decision table of recovery.h. After a
    /// clean stop no segment is read: offsets come from the checkpoints, indexes and producer state load when needed.
    /// Errors: corrupt only where nothing can be read at all; else see damage(). offline, io, exists (topic id).
    static base::Result<std::unique_ptr<PartitionLog>> open(LogDirectory& directory, const PartitionName& name,
                                                            OpenOptions options);
    ~PartitionLog();  // On the owner shard. Without close() it is as if the process had died.

    const PartitionName& name() const;
    const base::Uuid& topic_id() const;
    LogDirectory& directory() const;
    const LogConfig& config() const;
    /// [shard] Takes effect with the next append, roll or retention.
    void set_config(std::shared_ptr<const LogConfig> config);
    /// Told at once when the directory went offline before.
    void set_listener(Listener* listener);

    // Offsets.
    base::Offset log_start_offset() const;
    base::Offset log_end_offset() const;
    /// Everything below is on disk. Never above log_end_offset.
    base::Offset flushed_offset() const;
    /// What may be acknowledged and counted for the high watermark: flushed_offset, or log_end_offset with
    /// Durability::os.
    base::Offset durable_end_offset() const;
    /// Where recovery would start after a crash. Never above flushed_offset.
    base::Offset recovery_point() const;
    /// The first damage that is known. A log with other replicas is better fetched anew.
    std::optional<Damage> damage() const;

    // Writing.
    /// True when an append under this epoch touches nothing but the page cache: indexes and producer state are loaded
    /// and the epoch is durable. Otherwise run prepare_append first; an append that was not prepared does it itself,
    /// blocking.
    bool ready_for_append(base::LeaderEpoch epoch) const;
    /// [pool, lent] Loads what lies on disk and stores (epoch, log end) durably if the epoch is new.
    base::Result<> prepare_append(base::LeaderEpoch epoch);
    /// [shard] Checks producers, assigns offsets, writes all accepted batches of the call with one write, updates
    /// indexes, epochs and producer state. A rejected batch has its error in its outcome and leaves the others alone.
    /// The result is an error only when nothing was written at all: no_space (try again later), offline, io,
    /// fenced_epoch (older than the newest epoch in the log). A failed append leaves no trace.
    base::Result<> append_as_leader(std::span<LeaderAppend> batches, base::LeaderEpoch epoch);
    /// [shard] Appends what a leader's log holds, offsets and epochs as they are. Each batch's CRC is checked here.
    /// Errors: as above; corrupt, offset_out_of_range (does not continue at log_end_offset).
    base::Result<FollowerAppend> append_as_follower(std::string_view batches);
    /// [shard] Puts what is not flushed yet into the next flush round, whatever the durability.
    void request_flush();
    /// [shard] Starts a new segment if the active one is not empty.
    base::Result<> roll();

    // Reading.
    /// [shard] Errors: offset_out_of_range (below log_start or above log_end), corrupt (known damage at `from`),
    /// offline.
    base::Result<ReadResult> read(const ReadRequest& request);
    /// [shard] Takes the outcome of a cold read: remembers what was found good, answers the slices.
    base::Result<ReadResult> finish_read(const std::shared_ptr<ColdRead>& cold);
    /// [shard] The first record with timestamp >= `from` (Kafka's semantics), below `upper_bound`.
    std::shared_ptr<TimestampLookup> lookup_timestamp(base::TimestampMs from, base::Offset upper_bound);
    /// [shard] The first record with the largest timestamp below `upper_bound` (KIP-734).
    std::shared_ptr<TimestampLookup> lookup_max_timestamp(base::Offset upper_bound);

    // Leader epochs.
    std::optional<EpochEntry> latest_epoch() const;
    /// [shard] The epoch starts at log_end_offset; durable with prepare_append. No effect when it is already the
    /// newest.
    base::Result<> begin_epoch(base::LeaderEpoch epoch);
    /// The newest epoch ends at log_end_offset.
    EpochEnd end_offset_for_epoch(base::LeaderEpoch epoch) const;
    std::optional<base::LeaderEpoch> epoch_for_offset(base::Offset offset) const;
    std::vector<EpochEntry> epochs() const;

    // Cutting.
    /// [pool, lent] Removes everything from `offset` on; an offset inside a batch removes the whole batch. Durable when
    /// it returns. No effect at or above log_end_offset. Returns the new log end.
    base::Result<base::Offset> truncate_to(base::Offset offset);
    /// [pool, lent] Empties the log; it then starts and ends at `offset`.
    base::Result<> truncate_fully_and_start_at(base::Offset offset);
    /// [shard] Moves the log start; whole segments below go. offset_out_of_range above log_end_offset; no effect below
    /// log_start_offset. Durable after LogDirectory::write_log_starts.
    base::Result<> delete_records_before(base::Offset offset);
    /// [shard] Removes old segments by time, size and log start, none at or above `upper_bound` (the high watermark).
    /// Returns how many. Where largest timestamps are not known yet, retention_work must have been run before.
    std::size_t apply_retention(base::TimestampMs now_ms, base::Offset upper_bound);
    /// [shard] Work for the pool that lets apply_retention judge by time; null when there is none. It keeps its
    /// results.
    std::shared_ptr<CheckpointWork> retention_work(base::TimestampMs now_ms);
    /// [shard] Forgets producers idle for longer than producer.id.expiration.ms.
    void expire_producers(base::TimestampMs now_ms);

    // Looking.
    std::uint64_t size_bytes() const;
    std::vector<SegmentInfo> segments() const;
    /// Blocks the first time if the state is not loaded (ready_for_append).
    base::Result<std::vector<ProducerInfo>> producers();
    /// Where the last stable offset must stop: the start of the oldest transaction that is open, or whose marker is not
    /// below the high watermark.
    base::Result<std::optional<base::Offset>> first_unstable_offset(base::Offset high_watermark);
    /// Aborted transactions that touch [from, to).
    base::Result<std::vector<AbortedTransaction>> aborted_transactions(base::Offset from, base::Offset to);

    // Housekeeping.
    /// [shard] What must be written before the recovery point can move to flushed_offset; null when it is there
    /// already, and while the work of an earlier call is held by anybody.
    std::shared_ptr<CheckpointWork> begin_checkpoint();
    /// [shard] After its run() succeeded: moves the recovery point. LogDirectory::write_recovery_points stores it. Work
    /// that failed, or came back when the log was lent, is just dropped.
    void end_checkpoint(const std::shared_ptr<CheckpointWork>& work);
    /// The log is about to be used from the pool, or is back.
    void lend();
    void take_back();
    /// [pool, lent] Writes indexes, producer snapshot and epochs, syncs nothing: LogDirectory::close does that for all
    /// logs at once, notes where they end and writes the clean-shutdown marker. Destroy the log afterwards.
    base::Result<> close();
    /// [pool, lent] Renames the directory to <name>.<uuid>-delete; it is removed later. The log is then closed.
    base::Result<> remove();

    struct Parts;  // The inside (log_parts.h); private to core/log.

private:
    explicit PartitionLog(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

}  // namespace klog::log
