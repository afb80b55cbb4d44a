// SPDX-License-Identifier: Apache-2.0
// One partition of one broker: the leader's side of produce and fetch over a log::PartitionLog. It is owned by
// replica/replicas.h and lives on the shard that owns the partition; nothing here may be touched from another shard.
//
// A Partition* is good until the next suspension of the coroutine that looked it up: after each co_await, look it up
// again. The tasks and awaitables that it hands out hold what they need themselves and may outlive it.
//
// Offsets and their order, which one setter checks:
//     log start <= last stable offset <= high watermark <= log end,  flushed end <= log end,
//     and a leader's high watermark moves within its flushed end only    (durability=fsync)
// The high watermark is the smallest end over the ISR in the metadata store united with the ISR that is being proposed;
// an end counts when it is flushed (durability=fsync) or written (durability=os). It never moves while the ISR is
// smaller than the effective min.insync.replicas, and never backwards within one leader epoch.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/chain.h"
#include "core/base/error.h"
#include "core/base/types.h"
#include "core/base/uuid.h"
#include "core/log/log_directory.h"
#include "core/log/partition_log.h"
#include "core/replica/waiting.h"
#include "core/replica/watch.h"
#include "core/runtime/scope.h"
#include "core/runtime/shard.h"
#include "core/runtime/task.h"

namespace klog::replica {

using base::LeaderEpoch;
using base::NodeId;
using base::Offset;
using base::PartitionId;

/// Names a partition across shards and lives of a topic.
struct PartitionKey {
    base::Uuid topic_id;
    PartitionId partition;
    friend auto operator<=>(const PartitionKey&, const PartitionKey&) = default;
};

/// What a produce waits for before it is acknowledged.
enum class Acks : std::int16_t {
    none = 0,    // Nothing.
    leader = 1,  // This broker has it, durably where durability=fsync.
    all = -1,    // Committed: the high watermark has passed it.
};

enum class Isolation {
    read_uncommitted,  // Up to the high watermark.
    read_committed,    // Up to the last stable offset.
    log_end,           // A follower, or klog itself.
};

/// Where an append happened; each batch's own offsets are in its outcome.
struct AppendPoint {
    LeaderEpoch leader_epoch;
    Offset log_start;
};

struct ReadRequest {
    Offset from;
    std::uint32_t bytes_max = 0;
    Isolation isolation = Isolation::read_uncommitted;
    /// The sender's current leader epoch; none: not checked. Older: fenced_epoch. Newer: unknown_epoch.
    std::optional<LeaderEpoch> current_leader_epoch;
    /// The epoch of the last record that the sender has; set: the log is checked for divergence before `from`
    /// (KIP-595).
    std::optional<LeaderEpoch> last_fetched_epoch;
    /// Return the first batch whole even when it is larger than bytes_max (KIP-74).
    bool first_batch_always = true;
};

struct AbortedTransaction {
    base::ProducerId producer_id;
    Offset first_offset;
};

struct EpochEnd {
    LeaderEpoch epoch = base::no_leader_epoch;
    Offset end_offset{-1};
    bool operator==(const EpochEnd&) const = default;
};

/// More than anybody waits for.
inline constexpr std::uint64_t bytes_unknown = std::uint64_t{1} << 40;

/// A copy of the offsets at one moment.
struct Offsets {
    Offset log_start;
    Offset stable;
    Offset high_watermark;
    Offset flushed_end;
    Offset log_end;
    bool operator==(const Offsets&) const = default;
};

struct ReadResult {
    std::vector<base::FileSlice> slices;  // Whole batches, in order; empty when there is nothing behind `from` yet.
    std::uint64_t bytes = 0;
    Offset high_watermark;
    Offset stable;
    Offset log_start;
    std::vector<AbortedTransaction> aborted;  // read_committed: those that reach into the slices.
    std::optional<EpochEnd> diverging;        // Instead of slices: where the sender's log leaves this one.
};

/// Kafka's special timestamps of ListOffsets.
enum class SpecialTimestamp : std::int64_t {
    latest = -1,
    earliest = -2,
    max_timestamp = -3,
    earliest_local = -4,
    latest_tiered = -5,
    earliest_pending_upload = -6,
};

struct OffsetAtTime {
    base::TimestampMs timestamp = -1;
    Offset offset{-1};
    LeaderEpoch leader_epoch = base::no_leader_epoch;
};

/// Where a partition lives and what it may use. All of it outlives the partition.
struct PartitionSetup {
    PartitionKey key;
    std::string topic;
    NodeId self;
    log::LogDirectory* directory = nullptr;
    runtime::Runtime* runtime = nullptr;
    runtime::Shard* owner = nullptr;
    std::shared_ptr<const log::LogConfig> config;
    std::int32_t min_insync_replicas = 1;
};

/// What the controller says about a partition (LeaderAndIsr).
struct LeaderState {
    NodeId leader = base::no_node;
    LeaderEpoch leader_epoch = base::no_leader_epoch;
    std::vector<NodeId> isr;
    std::vector<NodeId> replicas;
    std::int32_t version = 0;  // Of the state in the store: Kafka's partition epoch.
};

class Partition final : public std::enable_shared_from_this<Partition>, private log::Listener {
public:
    explicit Partition(PartitionSetup setup);
    ~Partition() override;
    Partition(const Partition&) = delete;
    Partition& operator=(const Partition&) = delete;

    const PartitionKey& key() const { return setup_.key; }
    const std::string& topic() const { return setup_.topic; }
    PartitionId id() const { return setup_.key.partition; }

    bool is_leader() const { return state_.leader == setup_.self; }
    /// The leader as this broker was last told; no_node when there is none.
    NodeId leader() const { return state_.leader; }
    LeaderEpoch leader_epoch() const { return state_.leader_epoch; }
    std::span<const NodeId> isr() const { return state_.isr; }
    /// not_leader, fenced_epoch (older than ours), unknown_epoch (newer), offline; success when requests of this epoch
    /// (none: any) are served here.
    base::Result<> check_leader(std::optional<LeaderEpoch> current_leader_epoch) const;

    /// False: the log has not been opened yet in this life. Whatever needs it opens it; until then offsets are zero.
    bool is_open() const { return log_ != nullptr; }
    Offsets offsets() const { return offsets_; }
    /// The configuration in force: what records::validate needs is in its batch_rules().
    const std::shared_ptr<const log::LogConfig>& config() const { return setup_.config; }

    // ---- Produce
    //
    //     if (!partition->ready_for_append()) co_await partition->prepare_append();   // rare; then look it up again
    //     auto point = partition->append(batches, acks);                              // phase 1
    //     co_await partition->acknowledged(end, point->leader_epoch, acks, deadline)  // phase 2, for each accepted
    //     batch

    /// False: the log would have to be opened, or files read or synced, first (at the first append in a leader epoch).
    bool ready_for_append() const;
    /// Does that on the pool. not_leader, offline, corrupt, no_space, closed.
    runtime::Task<base::Result<>> prepare_append();

    /// Phase 1, when ready_for_append(): assigns offsets and appends in the order given, all in one write. Each batch's
    /// outcome is in its LeaderAppend: a batch that its producer's sequence forbids does not harm the others. An error
    /// means that nothing was appended:
    ///   not_leader, offline, not_enough_replicas (acks=all and ISR < min.insync.replicas), no_space, corrupt (damage).
    base::Result<AppendPoint> append(std::span<log::LeaderAppend> batches, Acks acks);

    /// Phase 2: when everything before `end` (behind an accepted or duplicate batch) may be acknowledged.
    Acknowledged acknowledged(Offset end, LeaderEpoch leader_epoch, Acks acks, runtime::MonotonicTime deadline);

    // ---- Fetch

    /// Slices of whole batches from the one that holds `from` on. Never more than the isolation allows. Cold or
    /// unchecked bytes are read and checked on the pool first. offset_out_of_range, not_leader, fenced_epoch,
    /// unknown_epoch, corrupt (damage at `from`), offline.
    runtime::Task<base::Result<ReadResult>> read(ReadRequest request);
    /// An estimate, for fetch.min.bytes, of what a read from `from` would find; 0 only when it would find nothing, and
    /// bytes_unknown when that cannot be told without the disk.
    std::uint64_t bytes_available(Offset from, Isolation isolation) const;
    /// Keeps telling `list` about `token` until the registration goes. See replica/watch.h.
    Registration watch(ChangeList& list, std::uint64_t token, ChangeMask mask);

    // ---- Offsets

    /// A timestamp >= 0: the first record at or after it; offset -1 when there is none. Or a SpecialTimestamp.
    /// Errors as check_leader; offset_not_available; invalid_argument: another negative timestamp.
    runtime::Task<base::Result<OffsetAtTime>> list_offsets(std::int64_t timestamp, Isolation isolation,
                                                           std::optional<LeaderEpoch> current_leader_epoch);
    /// The largest epoch of the log that is not newer than `epoch`, and its end (OffsetForLeaderEpoch).
    runtime::Task<base::Result<EpochEnd>> end_offset_for_epoch(LeaderEpoch epoch,
                                                               std::optional<LeaderEpoch> current_leader_epoch);
    /// Moves the log start to `before`; -1: to the high watermark. Returns the new log start. offset_out_of_range.
    runtime::Task<base::Result<Offset>> delete_records(Offset before);

    // ---- DescribeLogDirs

    log::LogDirectory& directory() const { return *setup_.directory; }
    /// 0 until the log is open.
    std::uint64_t size_bytes() const;

    // ---- For replica/replicas.h: what the controller and the background jobs want done.

    /// Takes over leadership in this epoch, or follows. The log is opened later, when it is first needed. Requests that
    /// waited under another epoch end with not_leader.
    void set_state(LeaderState state);
    void set_config(std::shared_ptr<const log::LogConfig> config, std::int32_t min_insync_replicas);
    /// Opens the log if that was not done; many may ask at once.
    runtime::Task<base::Result<>> ensure_open();
    /// Serves nobody any more: who waits is told not_leader. Nothing new is begun on the log after it.
    void stop();
    /// After stop(): waits for work on the log that is under way, then closes it cleanly.
    runtime::Task<base::Result<>> close();
    /// After stop(): the same, and deletes it.
    runtime::Task<base::Result<>> remove();

    runtime::Task<void> apply_retention(base::TimestampMs now_ms);
    /// Moves the recovery point to what is flushed.
    runtime::Task<base::Result<>> checkpoint();
    void expire_producers(base::TimestampMs now_ms);
    /// Hands the high watermark to the directory if it moved since the last time.
    bool report_high_watermark();

private:
    enum class Phase { unopened, opening, open, failed, ended };

    void flushed(base::Offset flushed) override;
    void offline(const base::Error& why) override;

    log::PartitionName name() const { return {setup_.topic, setup_.key.partition}; }
    base::Result<> usable() const;
    /// min.insync.replicas, or all replicas where there are fewer.
    std::int32_t in_sync_needed() const;
    bool enough_in_sync() const;
    Offset upper_bound(Isolation isolation) const;
    void refresh();
    void set_offsets(Offsets next);
    void renew_queues();
    base::Result<ReadResult> answer(const ReadRequest& request, log::ReadResult found);
    std::optional<EpochEnd> divergence(const ReadRequest& request) const;
    EpochEnd epoch_end(LeaderEpoch epoch) const;

    using Self = std::shared_ptr<Partition>;
    static runtime::Task<base::Result<>> open_log(Self self);
    /// Waits until the log is open and at home, and this broker leads in that epoch.
    static runtime::Task<base::Result<>> serving(Self self, std::optional<LeaderEpoch> current_leader_epoch);
    static runtime::Task<base::Result<>> prepare(Self self);
    static runtime::Task<base::Result<ReadResult>> read_log(Self self, ReadRequest request);
    static runtime::Task<base::Result<OffsetAtTime>> find_offset(Self self, std::int64_t timestamp, Isolation isolation,
                                                                 std::optional<LeaderEpoch> current_leader_epoch);
    static runtime::Task<base::Result<OffsetAtTime>> look_up(Self self, std::shared_ptr<log::TimestampLookup> lookup,
                                                             Offset bound);
    base::Result<> commit_known() const;
    static runtime::Task<base::Result<EpochEnd>> find_epoch_end(Self self, LeaderEpoch epoch,
                                                                std::optional<LeaderEpoch> current_leader_epoch);
    static runtime::Task<base::Result<Offset>> move_log_start(Self self, Offset before);
    static runtime::Task<base::Result<>> lent(Self self, std::function<base::Result<>(log::PartitionLog&)> work);
    static runtime::Task<base::Result<>> end_log(Self self, bool remove);
    static runtime::Task<void> retain(Self self, base::TimestampMs now_ms);
    static runtime::Task<base::Result<>> move_recovery_point(Self self);

    PartitionSetup setup_;
    LeaderState state_;
    Phase phase_ = Phase::unopened;
    bool stopped_ = false;
    std::unique_ptr<log::PartitionLog> log_;
    bool lent_ = false;            // To the pool: the log must not be touched here.
    runtime::Signal log_changed_;  // It was opened, or came back from the pool.
    std::optional<base::Error> failure_;
    Offsets offsets_;
    Offset reported_high_watermark_{-1};
    Offset epoch_start_{0};                   // The log end when leadership began; known once the log is open.
    std::map<NodeId, Offset> follower_ends_;  // Under the current leader epoch.
    std::shared_ptr<WaitQueue> committed_ = std::make_shared<WaitQueue>();  // For the high watermark.
    std::shared_ptr<WaitQueue> durable_ = std::make_shared<WaitQueue>();    // For this replica's durable end.
    WatchList watchers_;
};

}  // namespace klog::replica
