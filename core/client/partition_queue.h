// SPDX-License-Identifier: Apache-2.0
// The batches of one partition on their way to its leader: their order, their sequence numbers, what an answer means
// for them (org.apache.kafka.clients.producer.internals.{Sender,TransactionManager}; KIP-98, KIP-360). Pure: events
// and now in, verdicts out. Owned by the producer, on its shard.
//
// Batches leave in order. When one has to be sent again, nothing else of the partition is sent until all that is in
// flight was answered; then sending goes on from that batch. So a partition keeps its order without idempotence too.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/base/types.h"
#include "core/records/batch.h"
#include "core/wire/errors.h"

namespace klog::client {

/// Who the producer is at present. `generation` counts the changes.
struct ProducerIdentity {
    base::ProducerId id = base::no_producer_id;
    base::ProducerEpoch epoch = records::no_producer_epoch;
    std::uint64_t generation = 0;
};

struct OutgoingBatch {
    std::shared_ptr<std::string> bytes;  // Sealed; producer fields and CRC are stamped when it is sent.
    std::int32_t count = 0;
    std::uint64_t first_tag = 0;      // Of its first record, as the caller numbered them.
    std::int32_t part_from = 0;       // It was split: how many records of the whole came before this part.
    bool more_parts = false;          // It was split: another part with this tag follows.
    std::vector<std::uint64_t> tags;  // Of every record, when the producer keeps them.
    std::size_t accounted_bytes = 0;  // What it holds of buffer.memory.
    base::MonotonicTime born{};
    int attempts = 0;
    bool in_flight = false;
    bool ready = true;  // False while it is compressed on the pool.
    std::int32_t sequence = records::no_sequence;
    /// Why the last attempt failed; for the words when it is given up.
    wire::ErrorCode last_error = wire::ErrorCode::none;
};

class PartitionQueue {
public:
    struct Rules {
        bool idempotent = true;
        int in_flight_max = 5;
        std::chrono::nanoseconds delivery_timeout{};
    };
    explicit PartitionQueue(Rules rules) : rules_(rules) {}

    void push(std::unique_ptr<OutgoingBatch> batch) { batches_.push_back(std::move(batch)); }
    bool empty() const { return batches_.empty(); }
    std::size_t size() const { return batches_.size(); }
    int in_flight() const { return in_flight_; }
    const OutgoingBatch& front() const { return *batches_.front(); }
    /// Of the identity under which sequences are given.
    std::uint64_t generation() const { return identity_.generation; }
    /// Set: nothing more is sent until the producer has an identity newer than this.
    std::optional<std::uint64_t> needs_newer_than() const { return restart_after_generation_; }

    /// The batch to send now, null when none may go. Gives it its sequence under `identity`.
    OutgoingBatch* next_to_send(const ProducerIdentity& identity, base::MonotonicTime now);
    /// It is on its way.
    void sent(OutgoingBatch& batch);
    /// Its producer fields as they must be on the wire.
    records::ProducerInfo stamp_of(const OutgoingBatch& batch) const;

    enum class Verdict {
        complete,      // Acknowledged; `taken` is the batch.
        retry,         // It stays; send again after a pause.
        failed,        // For good; `taken` is the batch.
        split,         // Too large for the broker: `taken` is the batch; put its parts back with put_back().
        bump_epoch,    // It stays; the producer needs a new epoch first.
        new_identity,  // It stays; the producer needs a new id first.
    };
    struct Outcome {
        Verdict verdict;
        std::unique_ptr<OutgoingBatch> taken;
    };
    /// The broker answered with this code, or the connection broke: network_exception.
    Outcome answered(OutgoingBatch& batch, wire::ErrorCode code, base::MonotonicTime now);

    /// The parts of the batch that was just split, in order, where it was. At once: before anything else happens here.
    void put_back(std::vector<std::unique_ptr<OutgoingBatch>> parts);

    /// Batches over their delivery time-out that are not in flight; from the front only, to keep the order.
    std::vector<std::unique_ptr<OutgoingBatch>> take_expired(base::MonotonicTime now);
    /// Everything that is not in flight: when the producer gives up.
    std::vector<std::unique_ptr<OutgoingBatch>> take_waiting();

    /// No sending before this time (a pause before a retry).
    base::MonotonicTime paused_until{};

private:
    std::unique_ptr<OutgoingBatch> take(OutgoingBatch& batch);
    std::size_t index_of(const OutgoingBatch& batch) const;
    bool any_sequenced() const;
    /// Later batches hold sequences that build on one that will never arrive.
    void leave_gap(const OutgoingBatch& gone);

    Rules rules_;
    std::deque<std::unique_ptr<OutgoingBatch>> batches_;
    int in_flight_ = 0;
    std::size_t split_at_ = 0;
    /// Under whom sequences are given, and the next one.
    ProducerIdentity identity_;
    std::int32_t next_sequence_ = 0;
    /// All sequences are void once nothing is in flight: begin at 0 under an identity newer than this generation.
    std::optional<std::uint64_t> restart_after_generation_;
};

}  // namespace klog::client
