// SPDX-License-Identifier: Apache-2.0
// One partition of one broker: the leader's side of produce and fetch over a log::PartitionLog. It is owned by
// replica/replicas.h and lives on the shard that owns the partition; nothing here may be touched from another shard.
//
// A Partition* is good until the next suspension of the coroutine that looked it up: after each co_await, look it up
// again. The tasks and awaitables that it hands out hold what they need themselves and may outlive it.
//
// Offsets and their order, which one setter checks:
//     log start <= last stable offset <= high watermark <= flushed end <= log end      (durability=fsync)
// The high watermark is the smallest end over the ISR in the metadata store united with the ISR that is being proposed;
// an end counts when it is flushed (durability=fsync) or written (durability=os). It never moves while the ISR is
// smaller than the effective min.insync.replicas, and never backwards within one leader epoch.
#pragma once

#include <coroutine>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/chain.h"
#include "core/base/error.h"
#include "core/base/types.h"
#include "core/base/uuid.h"
#include "core/replica/watch.h"
#include "core/runtime/shard.h"
#include "core/runtime/task.h"

namespace klog::log {
struct LeaderAppend;
struct LogConfig;
}  // namespace klog::log

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

namespace detail {
class WaitQueue;
}

/// co_await it for phase 2 of a produce, on the partition's shard. Ends with success when the append is acknowledged;
/// not_leader when leadership moved on or the partition is gone (the append may or may not survive); offline when the
/// log directory failed; not_enough_replicas when the ISR had shrunk below min.insync.replicas (after append);
/// timed_out at the deadline. Holds no partition: safe to await after the partition is gone.
class [[nodiscard]] Acknowledged {
public:
    Acknowledged(Acknowledged&& other) noexcept = delete;
    ~Acknowledged();
    bool await_ready() const noexcept { return done_.has_value(); }
    void await_suspend(std::coroutine_handle<> here);
    base::Result<> await_resume();

private:
    friend class Partition;
    friend class detail::WaitQueue;
    explicit Acknowledged(base::Result<> at_once) : done_(std::move(at_once)) {}
    Acknowledged(std::shared_ptr<detail::WaitQueue> queue, Offset target, runtime::MonotonicTime deadline);
    void finish(base::Result<> result);

    std::optional<base::Result<>> done_;
    std::shared_ptr<detail::WaitQueue> queue_;
    Offset target_;
    runtime::MonotonicTime deadline_;
    runtime::TimerId timer_ = runtime::TimerId::none;
    std::coroutine_handle<> waiter_;
    std::list<Acknowledged*>::iterator place_;
};

class Partition {
public:
    ~Partition();
    Partition(const Partition&) = delete;
    Partition& operator=(const Partition&) = delete;

    const PartitionKey& key() const;
    const std::string& topic() const;
    PartitionId id() const;

    bool is_leader() const;
    /// The leader as this broker was last told; no_node when there is none.
    NodeId leader() const;
    LeaderEpoch leader_epoch() const;
    std::span<const NodeId> isr() const;
    /// not_leader, fenced_epoch (older than ours), unknown_epoch (newer), offline; success when requests of this epoch
    /// (none: any) are served here.
    base::Result<> check_leader(std::optional<LeaderEpoch> current_leader_epoch) const;

    Offsets offsets() const;
    /// The configuration in force: what records::validate needs is in its batch_rules().
    std::shared_ptr<const log::LogConfig> config() const;

    // ---- Produce
    //
    //     if (!partition->ready_for_append()) co_await partition->prepare_append();   // rare; then look it up again
    //     auto point = partition->append(batches, acks);                              // phase 1
    //     co_await partition->acknowledged(end, point->leader_epoch, acks, deadline)  // phase 2, for each accepted
    //     batch

    /// False: an append would have to read or sync files first (the first one in this leader epoch).
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
    /// An estimate, for fetch.min.bytes, of what a read from `from` would find; 0 only when it would find nothing.
    std::uint64_t bytes_available(Offset from, Isolation isolation) const;
    /// Keeps telling `list` about `token` until the registration goes. See replica/watch.h.
    Registration watch(ChangeList& list, std::uint64_t token, ChangeMask mask);

    // ---- Offsets

    /// A timestamp >= 0: the first record at or after it; offset -1 when there is none. Or a SpecialTimestamp.
    runtime::Task<base::Result<OffsetAtTime>> list_offsets(std::int64_t timestamp, Isolation isolation,
                                                           std::optional<LeaderEpoch> current_leader_epoch);
    /// The largest epoch of the log that is not newer than `epoch`, and its end (OffsetForLeaderEpoch).
    base::Result<EpochEnd> end_offset_for_epoch(LeaderEpoch epoch,
                                                std::optional<LeaderEpoch> current_leader_epoch) const;
    /// Moves the log start to `before`; -1: to the high watermark. Returns the new log start. offset_out_of_range.
    runtime::Task<base::Result<Offset>> delete_records(Offset before);

    // ---- DescribeLogDirs

    const std::string& log_dir() const;
    std::uint64_t size_bytes() const;
};

}  // namespace klog::replica
