// SPDX-License-Identifier: Apache-2.0
// What one partition knows of its idempotent and transactional producers (KIP-98; Kafka's ProducerStateManager): the
// last five batches of each, its epoch, its open transaction. Derived from the log and nothing else: leader and
// followers apply each batch in log order, recovery takes a snapshot (producer_snapshot.h) and replays what follows.
//
// Pure memory; belongs to its PartitionLog. An append checks and stages its batches in a ProducerAppend and commits
// only when the bytes are written.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/types.h"
#include "core/log/partition_log.h"
#include "core/records/batch.h"
#include "core/records/builder.h"

namespace klog::log {

/// One batch of a producer, remembered to know it again.
struct BatchMark {
    std::int32_t last_sequence = records::no_sequence;
    base::Offset last_offset{-1};
    std::int32_t offset_delta = 0;  // Of the last record: records - 1 in offsets.
    base::TimestampMs timestamp_ms = -1;

    std::int32_t first_sequence() const {
        return last_sequence < 0 ? last_sequence : records::sequence_plus(last_sequence, -offset_delta);
    }
    base::Offset first_offset() const { return last_offset - offset_delta; }
    bool operator==(const BatchMark&) const = default;
};

struct ProducerEntry {
    static constexpr std::size_t batches_max = 5;

    base::ProducerEpoch epoch = records::no_producer_epoch;
    std::int32_t coordinator_epoch = -1;
    base::TimestampMs last_timestamp_ms = -1;
    std::optional<base::Offset> transaction_start;
    std::uint8_t batch_count = 0;
    std::array<BatchMark, batches_max> batches{};  // Oldest first.
    base::MonotonicTime seen{};                    // When it last appended, or was loaded, in this life.

    std::span<const BatchMark> remembered() const { return {batches.data(), batch_count}; }
    std::int32_t last_sequence() const {
        return batch_count == 0 ? records::no_sequence : batches[batch_count - 1u].last_sequence;
    }
    const BatchMark* find_duplicate(base::ProducerEpoch epoch, std::int32_t first, std::int32_t last) const;
    void remember(const BatchMark& batch);
    void begin_epoch(base::ProducerEpoch next);
};

/// A transaction that a marker has ended.
struct CompletedTransaction {
    base::ProducerId producer_id;
    base::Offset first_offset;
    base::Offset last_offset;  // The marker's.
    bool aborted = false;
};

class ProducerState {
public:
    /// More producers than this in one partition: when another comes, one is forgotten that has been idle for about the
    /// longest time and has no open transaction.
    static constexpr std::size_t producers_max = 1 << 20;

    ProducerState() = default;
    explicit ProducerState(std::size_t entries_max) : entries_max_(entries_max) {}

    using Entries = std::unordered_map<base::ProducerId, ProducerEntry>;

    const ProducerEntry* find(base::ProducerId id) const;
    std::size_t size() const { return entries_.size(); }
    bool empty() const { return entries_.empty(); }
    /// Sorted by id: what shows must not depend on a hash.
    std::vector<std::pair<base::ProducerId, ProducerEntry>> sorted() const;

    /// Applies what the log holds, without checks: followers and replay. `marker` for control batches that end a
    /// transaction. Returns the transaction that this completed.
    std::optional<CompletedTransaction> apply(records::HeaderView batch,
                                              const std::optional<records::EndTransactionMarker>& marker,
                                              base::MonotonicTime now);
    void put(base::ProducerId id, const ProducerEntry& entry);
    void clear();
    /// Forgets those without an open transaction not seen since `before`.
    void expire(base::MonotonicTime before);

    /// The smallest offset that is not decided: the start of the oldest open transaction, or of one whose marker is not
    /// below the high watermark. Forgets completed ones below it.
    std::optional<base::Offset> first_unstable(base::Offset high_watermark);
    /// Start of the oldest transaction that is open, not counting `but`; for the transaction index.
    std::optional<base::Offset> first_open(base::ProducerId but) const;

private:
    friend class ProducerAppend;
    /// At most so many are looked at to find one.
    static constexpr int forget_looks_max = 64;
    void forget_one();

    std::size_t entries_max_ = producers_max;
    Entries entries_;
    /// Each entry once (and some that are no more), roughly in the order in which they were last seen.
    std::deque<std::pair<base::ProducerId, base::MonotonicTime>> by_age_;
    std::map<base::Offset, base::ProducerId> open_;  // By start.
    std::vector<CompletedTransaction> completed_;    // Markers in order of their offsets.
};

/// Checks and stages the batches of one leader append, in order; nothing reaches the state before commit.
class ProducerAppend {
public:
    ProducerAppend(ProducerState& state, base::MonotonicTime now) : state_(state), now_(now) {}

    /// The batch that this one repeats, or none when it may be appended. invalid_producer_epoch, out_of_order_sequence,
    /// invalid_argument (a batch outside the producer's open transaction), fenced_epoch (a marker of an old
    /// coordinator).
    base::Result<std::optional<BatchMark>> check(records::HeaderView batch, AppendOrigin origin,
                                                 const std::optional<records::EndTransactionMarker>& marker);
    /// After check said none; the header has its offsets.
    void stage(records::HeaderView batch, const std::optional<records::EndTransactionMarker>& marker);
    /// Of what was staged since `size` batches had been staged: nothing happened (its write failed).
    std::size_t staged() const { return staged_.size(); }
    void unstage(std::size_t size) { staged_.resize(size); }
    /// `note` is told of each transaction that this completes, in order and with the state as it is right then.
    void commit(const std::function<void(const CompletedTransaction&)>& note);

private:
    struct Staged {
        base::ProducerId id;
        ProducerEntry entry;
        std::optional<CompletedTransaction> completed;
    };
    ProducerEntry current(base::ProducerId id) const;

    ProducerState& state_;
    const base::MonotonicTime now_;
    std::vector<Staged> staged_;
};

}  // namespace klog::log
