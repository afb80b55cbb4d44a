// SPDX-License-Identifier: Apache-2.0
// The producer: records in, batches out to the leaders of their partitions, several at a time, each acknowledged or
// given up exactly once. Idempotent unless told otherwise: what is sent again is not stored again. Belongs to one
// shard; close() before it dies.
//
// A record is copied once, into the batch of its partition, without an allocation of its own. A batch leaves when it is
// full, when it has lingered, or on flush; while a leader is busy, its batches go on filling up. Memory is bounded by
// buffer.memory: append() says `full`, and room() waits.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/client/cluster.h"
#include "core/client/partition_queue.h"
#include "core/client/partitioner.h"
#include "core/records/builder.h"

namespace klog::client {

/// What became of one batch.
struct Delivery {
    std::string_view topic;
    base::PartitionId partition;
    base::Offset base_offset{-1};  // Unknown with acks=0, and for what a broker had already.
    std::int32_t count = 0;
    std::uint64_t first_tag = 0;
    std::int32_t part_from = 0;                        // The batch was split: its records before this part.
    bool more_parts = false;                           // The batch was split: another delivery with this tag follows.
    const std::vector<std::uint64_t>* tags = nullptr;  // Of each record, with keep_tags.
    base::TimestampMs append_time_ms = -1;
    std::optional<base::Error> error;
};

class Producer {
public:
    /// `delivered` is called on this shard, once per batch; it may not call back into the producer.
    Producer(Cluster& cluster, std::function<void(const Delivery&)> delivered, bool keep_tags = false);
    ~Producer();
    Producer(const Producer&) = delete;
    Producer& operator=(const Producer&) = delete;

    using TopicIndex = std::size_t;
    /// Finds the topic; records go to what was opened. The same name gives the same index.
    runtime::Task<base::Result<TopicIndex>> open(std::string topic, Cluster::Expect expect = Cluster::Expect::exists);

    enum class Appended {
        yes,
        opened,  // Yes, and it is the first of its batch: a delivery will name its tag.
        full,    // No: wait for room().
    };
    /// `partition`: none lets the partitioner choose. `tag` comes back with the delivery; tags only rise. Fails for a
    /// partition that the topic does not have.
    base::Result<Appended> append(TopicIndex topic, const records::NewRecord& record,
                                  std::optional<base::PartitionId> partition, std::uint64_t tag);
    /// Waits until there may be room again.
    runtime::Task<void> room();
    /// Sends everything; ends when each record was delivered or given up.
    runtime::Task<void> flush();
    /// Gives up all that is not on its way, waits for the rest; then each record was delivered or given up. With acks=0
    /// an error says that what was sent last may not have arrived.
    runtime::Task<base::Result<>> close();

    /// Bytes of records that were not delivered yet.
    std::size_t buffered_bytes() const { return used_bytes_; }
    std::uint64_t batches_sent() const { return batches_sent_; }
    std::uint64_t bytes_sent() const { return bytes_sent_; }

private:
    struct Partition;
    struct Topic;
    struct Leader;
    struct InFlight {
        Partition* partition;
        OutgoingBatch* batch;
    };

    Partition& activate(Topic& topic, base::PartitionId id);
    void seal(Partition& partition);
    void wake();
    void send_some();
    void collect(base::NodeId leader, Leader& state);
    bool may_seal(const Partition& partition, base::MonotonicTime now) const;
    void expire();
    void renew_identity();
    std::optional<base::MonotonicTime> next_deadline() const;
    void settle(Partition& partition, OutgoingBatch& batch, wire::ErrorCode code, base::Offset base_offset,
                base::TimestampMs append_time_ms, const std::optional<std::string>& broker_words);
    void deliver(Partition& partition, std::unique_ptr<OutgoingBatch> batch, base::Offset base_offset,
                 base::TimestampMs append_time_ms, std::optional<base::Error> error);
    void give_up(Partition& partition, std::unique_ptr<OutgoingBatch> batch, const base::Error& why);
    void split(Partition& partition, std::unique_ptr<OutgoingBatch> batch);
    void stamp(Partition& partition, OutgoingBatch& batch);
    void give_up_waiting(const base::Error& why);
    runtime::Task<base::Result<>> confirm_told();

    runtime::Task<void> drive();
    runtime::Task<void> exchange(base::NodeId leader, std::vector<InFlight> batches);
    std::int64_t answer_timeout_ms(const std::vector<InFlight>& batches) const;
    runtime::Task<void> attempt(base::NodeId leader, std::vector<InFlight> batches);
    runtime::Task<void> compress(OutgoingBatch* batch, records::BatchBuilder builder);
    runtime::Task<void> identify();
    runtime::Task<void> refresh();

    Cluster& cluster_;
    const Config& config_;
    std::function<void(const Delivery&)> delivered_;
    const bool keep_tags_;
    const bool idempotent_;

    std::vector<std::unique_ptr<Topic>> topics_;
    std::vector<Partition*> active_;  // With something open or queued.
    std::map<base::NodeId, std::unique_ptr<Leader>> leaders_;
    std::vector<records::BatchBuilder> spare_builders_;

    ProducerIdentity identity_;
    bool identifying_ = false;
    bool wants_new_id_ = false;
    std::optional<base::Error> identity_error_;
    bool refreshing_ = false;
    std::optional<base::Error> unconfirmed_;  // With acks=0: a connection broke that had carried something.

    std::size_t used_bytes_ = 0;
    std::uint64_t batches_sent_ = 0, bytes_sent_ = 0;
    int flushing_ = 0;
    bool closing_ = false;
    std::optional<base::MonotonicTime> planned_wake_;
    std::unique_ptr<runtime::Signal> work_, progress_;
    std::unique_ptr<runtime::Scope> scope_;
};

}  // namespace klog::client
