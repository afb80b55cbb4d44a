// SPDX-License-Identifier: Apache-2.0
// Makes batches of format 2: a producer's, the broker's own (coordinators), and control batches, which end
// transactions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/base/error.h"
#include "core/base/types.h"
#include "core/records/batch.h"
#include "core/records/compression.h"
#include "core/records/record.h"

namespace klog::records {

struct NewRecord {
    base::TimestampMs timestamp = no_timestamp;
    std::optional<std::string_view> key;
    std::optional<std::string_view> value;
    std::span<const Header> headers;
};

/// Collects records uncompressed; build() compresses and seals. One batch per builder; clear() makes it ready for the
/// next and keeps its memory. Not thread-safe.
class BatchBuilder {
public:
    struct Options {
        Compression compression;
        base::Offset base_offset{0};
        base::LeaderEpoch partition_leader_epoch = base::no_leader_epoch;
        ProducerInfo producer;
        bool transactional = false;
        bool control = false;
        /// Every record then has this time.
        std::optional<base::TimestampMs> append_time;
    };

    BatchBuilder() = default;
    explicit BatchBuilder(Options options) : options_(std::move(options)) {}

    /// A producer learns its id and sequence when it sends, not when it collects.
    Options& options() { return options_; }

    /// Bytes that this record would add, before compression.
    std::size_t size_of(const NewRecord& record) const;
    /// The record gets the next offset. What it points to is copied.
    void append(const NewRecord& record) { append_at(next_delta_, record); }
    /// For batches with holes (compaction): deltas only rise.
    void append_at(std::int32_t offset_delta, const NewRecord& record);

    std::int32_t count() const { return count_; }
    bool empty() const { return count_ == 0; }
    /// Header and records as they are before compression.
    std::size_t size() const { return batch_header_bytes + body_.size(); }
    base::TimestampMs max_timestamp() const { return max_timestamp_; }

    /// The whole batch. There is at least one record. The builder keeps its records: building again after a change of
    /// options() is fine.
    base::Result<std::string> build() const;
    void clear();

private:
    Options options_;
    std::string body_;
    std::int32_t count_ = 0;
    std::int32_t next_delta_ = 0;
    base::TimestampMs base_timestamp_ = no_timestamp;
    base::TimestampMs max_timestamp_ = no_timestamp;
};

/// The type of a control record, from its key (org.apache.kafka.common.record.ControlRecordType).
enum class ControlType : std::int16_t {
    abort = 0,
    commit = 1,
    leader_change = 2,
    snapshot_header = 3,
    snapshot_footer = 4,
    kraft_version = 5,
    kraft_voters = 6,
};
std::string_view name_of(ControlType type);

/// What ends a transaction in a partition.
struct EndTransactionMarker {
    bool commit = false;
    std::int32_t coordinator_epoch = 0;
    bool operator==(const EndTransactionMarker&) const = default;
};

/// A control batch with one record. The producer's base sequence is not used.
std::string build_end_transaction(const EndTransactionMarker& marker, base::ProducerId producer,
                                  base::ProducerEpoch producer_epoch, base::TimestampMs timestamp,
                                  base::Offset base_offset = {0},
                                  base::LeaderEpoch partition_leader_epoch = base::no_leader_epoch);

/// nothing: a type of a later Kafka. corrupt: not the key of a control record.
base::Result<std::optional<ControlType>> control_type(const Record& record);
/// The record of a control batch that ends a transaction. corrupt when it is none.
base::Result<EndTransactionMarker> read_end_transaction(const Record& record);

}  // namespace klog::records
