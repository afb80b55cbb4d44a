// SPDX-License-Identifier: Apache-2.0
// What a partition's log is told about itself: the effective values of its topic's configuration (topic over broker
// over default). An immutable snapshot behind a shared pointer, replaced whole when a key changes
// (PartitionLog::set_config). Names, units and defaults are Kafka's (org.apache.kafka.common.config.TopicConfig);
// parsing is broker/'s business.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "core/records/compression.h"
#include "core/records/validate.h"

namespace klog::log {

/// When a record may be acknowledged and counted for the high watermark.
enum class Durability {
    fsync,  // Once fdatasync has covered it on this replica (group commit).
    os,     // Once it is in the page cache; flushed by flush_messages and flush_ms.
};

struct LogConfig {
    static constexpr std::int64_t unlimited = -1;
    static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

    std::int32_t segment_bytes = 1 << 30;                                         // segment.bytes
    std::int64_t segment_ms = 7LL * 24 * 3600 * 1000;                             // segment.ms
    std::int64_t segment_jitter_ms = 0;                                           // segment.jitter.ms
    std::int32_t segment_index_bytes = 10 << 20;                                  // segment.index.bytes
    std::int32_t index_interval_bytes = 4096;                                     // index.interval.bytes
    std::int64_t retention_ms = 7LL * 24 * 3600 * 1000;                           // retention.ms, unlimited: for ever
    std::int64_t retention_bytes = unlimited;                                     // retention.bytes
    std::int32_t max_message_bytes = 1048588;                                     // max.message.bytes
    records::TimestampType timestamp_type = records::TimestampType::create_time;  // message.timestamp.type
    std::int64_t timestamp_before_max_ms = never;                                 // message.timestamp.before.max.ms
    std::int64_t timestamp_after_max_ms = 3600LL * 1000;                          // message.timestamp.after.max.ms
    std::optional<records::Compression> compression;  // compression.type with its level; none: producer, keep what came
    bool cleanup_delete = true;                       // cleanup.policy contains delete
    bool cleanup_compact = false;                     // cleanup.policy contains compact
    std::int64_t flush_messages = never;              // flush.messages, with Durability::os
    std::int64_t flush_ms = never;                    // flush.ms, with Durability::os
    std::int64_t file_delete_delay_ms = 60'000;       // file.delete.delay.ms
    std::int64_t delete_retention_ms = 24LL * 3600 * 1000;        // delete.retention.ms
    std::int64_t min_compaction_lag_ms = 0;                       // min.compaction.lag.ms
    std::int64_t max_compaction_lag_ms = never;                   // max.compaction.lag.ms
    double min_cleanable_dirty_ratio = 0.5;                       // min.cleanable.dirty.ratio
    std::int64_t producer_id_expiration_ms = 24LL * 3600 * 1000;  // producer.id.expiration.ms
    Durability durability = Durability::fsync;

    bool operator==(const LogConfig&) const = default;

    /// What records::validate needs of it.
    records::BatchRules batch_rules() const {
        return {max_message_bytes,      timestamp_type,  timestamp_before_max_ms,
                timestamp_after_max_ms, cleanup_compact, compression};
    }
};

}  // namespace klog::log
