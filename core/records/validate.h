// SPDX-License-Identifier: Apache-2.0
// What a leader checks before it appends what a client sent (the job of Kafka's LogValidator), without changing a byte
// of the request: the answer is a header of its own, with the fields that the broker decides, and a body that is a view
// of the request or, when the topic asks for another codec, a new buffer. Pure: rules and now in, verdict out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/base/types.h"
#include "core/records/batch.h"
#include "core/records/compression.h"

namespace klog::records {

/// A compressed batch may always inflate to this much.
inline constexpr std::size_t inflated_bytes_floor = 16u << 20;
/// Above this, work on a compressed batch belongs on the pool.
inline constexpr std::size_t shard_work_bytes_max = 64u << 10;
/// All compressed batches that came together may inflate to this much on a shard; the others belong on the pool.
inline constexpr std::size_t shard_inflated_bytes_max = 4u << 20;
/// Faulty records that a refusal lists one by one.
inline constexpr std::size_t record_faults_max = 1000;

/// What a topic's configuration says about batches.
struct BatchRules {
    std::int32_t max_message_bytes = 1'048'588;                                       // max.message.bytes
    TimestampType timestamp_type = TimestampType::create_time;                        // message.timestamp.type
    std::int64_t timestamp_before_max_ms = std::numeric_limits<std::int64_t>::max();  // ...before.max.ms
    std::int64_t timestamp_after_max_ms = 3'600'000;                                  // ...after.max.ms
    bool compacted = false;                                                           // cleanup.policy
    /// compression.type; nothing stands for "producer": keep what came.
    std::optional<Compression> compression;

    /// Less than inflated_bytes_max() allows: what the caller can afford.
    std::size_t inflated_bytes_limit = std::numeric_limits<std::size_t>::max();

    /// max(16 MiB, 10 x max.message.bytes)
    std::size_t inflated_bytes_max() const;
};

/// Who appends. The broker itself (a coordinator) may write control batches and batches without a producer's checks.
enum class Origin { client, broker };

/// A batch that may be appended once its base offset and leader epoch are set in `header`.
struct ValidBatch {
    BatchHeader header;
    std::int32_t count = 0;
    /// The largest timestamp of its records (or the append time), and which record has it first.
    base::TimestampMs max_timestamp = no_timestamp;
    std::int32_t max_timestamp_delta = 0;
    ProducerInfo producer;
    bool transactional = false;
    std::size_t inflated_bytes = 0;  // Of its records.

    std::string_view body() const { return recompressed ? std::string_view(*recompressed) : original; }
    std::size_t size() const { return batch_header_bytes + body().size(); }
    std::int32_t last_offset_delta() const { return header.view().last_offset_delta(); }

    std::string_view original;  // Lives in the request.
    std::optional<std::string> recompressed;
};

/// Why one record of a batch was refused; Produce answers carry it (KIP-467).
struct RecordFault {
    enum class Kind : std::uint8_t { no_key, timestamp_out_of_range };
    std::int32_t index = 0;  // In the batch, from 0.
    Kind kind = Kind::no_key;
    /// One sentence for the client.
    std::string_view words() const;
};

struct Refusal {
    base::Error error;
    std::vector<RecordFault> faults;  // The first record_faults_max of them; empty when the batch as a whole is wrong.
};

/// True when validate() should run on the pool: it would have to decompress or compress more than a shard may. Looks at
/// the header only and never fails; of bytes that are no batch it says false, since refusing them is cheap.
bool needs_pool(std::string_view bytes, const BatchRules& rules);

/// `bytes` is the records field of one partition in a Produce request: exactly one batch of format 2.
/// corrupt: the length is impossible or the CRC does not match (CORRUPT_MESSAGE); too_large: over max.message.bytes, or
/// the records inflate to more than the bound (MESSAGE_TOO_LARGE); unsupported_compression; invalid_timestamp: at least
/// one record is out of the topic's bounds, or the batch claims LogAppendTime; invalid_record: everything else that is
/// wrong with it, format 0 or 1 and compressed bytes that do not decode among it (INVALID_RECORD).
std::expected<ValidBatch, Refusal> validate(std::string_view bytes, const BatchRules& rules, base::TimestampMs now_ms,
                                            Origin origin = Origin::client);

/// What a shard itself validates of the batches that came together in one go.
class ShardValidation {
public:
    /// None: it would inflate or deflate more than a shard may, and belongs on the pool.
    std::optional<std::expected<ValidBatch, Refusal>> try_validate(std::string_view bytes, const BatchRules& rules,
                                                                   base::TimestampMs now_ms);

private:
    std::size_t left_ = shard_inflated_bytes_max;
};

/// What a follower, a consumer or recovery checks of a batch that a leader has written: length, CRC, and that count,
/// offsets and codec are possible. corrupt otherwise. The records are not walked.
base::Result<> check_replicated(const BatchView& batch);

}  // namespace klog::records
