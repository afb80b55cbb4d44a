// SPDX-License-Identifier: Apache-2.0
// Committed offsets as they lie in __consumer_offsets: the key says whose, the value what. A null value: it was
// deleted. Keys of types 0 and 1 are laid out alike, and so are their values: Kafka reads both as type 1.
#pragma once

#include "core/wire/field_types.h"

namespace klog::wire {

struct LegacyOffsetCommitKey {
    static constexpr std::int16_t api_key = 0;
    static constexpr Version version_first = 0, version_last = 0, flexible_since = never_flexible;

    std::string group;
    std::string topic;
    PartitionId partition;
    bool operator==(const LegacyOffsetCommitKey&) const = default;

    static constexpr void wire(auto&& field) {
        using T = LegacyOffsetCommitKey;
        field("group", &T::group);
        field("topic", &T::topic);
        field("partition", &T::partition);
    }
};

struct LegacyOffsetCommitValue {
    static constexpr std::int16_t api_key = 0;
    static constexpr Version version_first = 0, version_last = 0, flexible_since = never_flexible;

    Offset offset;
    std::string metadata;
    TimestampMs commit_timestamp = 0;
    bool operator==(const LegacyOffsetCommitValue&) const = default;

    static constexpr void wire(auto&& field) {
        using T = LegacyOffsetCommitValue;
        field("offset", &T::offset);
        field("metadata", &T::metadata);
        field("commit_timestamp", &T::commit_timestamp);
    }
};

struct OffsetCommitKey {
    static constexpr std::int16_t api_key = 1;
    static constexpr Version version_first = 0, version_last = 0, flexible_since = never_flexible;

    std::string group;
    std::string topic;
    PartitionId partition;
    bool operator==(const OffsetCommitKey&) const = default;

    static constexpr void wire(auto&& field) {
        using T = OffsetCommitKey;
        field("group", &T::group);
        field("topic", &T::topic);
        field("partition", &T::partition);
    }
};

struct OffsetCommitValue {
    static constexpr std::int16_t api_key = 1;
    static constexpr Version version_first = 0, version_last = 4, flexible_since = 4;

    Offset offset;
    LeaderEpoch leader_epoch{-1};
    std::string metadata;
    TimestampMs commit_timestamp = 0;
    TimestampMs expire_timestamp = -1;
    Uuid topic_id;
    bool operator==(const OffsetCommitValue&) const = default;

    static constexpr void wire(auto&& field) {
        using T = OffsetCommitValue;
        field("offset", &T::offset);
        field("leader_epoch", &T::leader_epoch, {.since = 3, .ignorable = true});
        field("metadata", &T::metadata);
        field("commit_timestamp", &T::commit_timestamp);
        field("expire_timestamp", &T::expire_timestamp, {.since = 1, .until = 1, .ignorable = true});
        field.tagged(0, "topic_id", &T::topic_id, {.since = 4, .ignorable = true});
    }
};

}  // namespace klog::wire
