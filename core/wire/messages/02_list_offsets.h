// SPDX-License-Identifier: Apache-2.0
// ListOffsets (key 2): the offset that belongs to a time, or to one of the special times below zero: -1 latest, -2
// earliest, -3 the record with the greatest timestamp (v7), -4 earliest in the local log (v8), -5 latest in tiered
// storage (v9), -6 earliest that is not tiered yet (v11). v0 answers with a list of segment offsets; v2 knows isolation
// levels, v4 fences by leader epoch, v6 is flexible.
#pragma once

#include "core/wire/field_types.h"

namespace klog::wire {

struct ListOffsetsRequest {
    static constexpr std::int16_t api_key = 2;
    static constexpr Version version_first = 0, version_last = 11, flexible_since = 6;

    struct Partition {
        PartitionId partition_index;
        LeaderEpoch current_leader_epoch = base::no_leader_epoch;
        TimestampMs timestamp = 0;  // Or one of the special times above.
        std::int32_t max_num_offsets = 1;
        bool operator==(const Partition&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Partition;
            field("partition_index", &T::partition_index);
            field("current_leader_epoch", &T::current_leader_epoch, {.since = 4, .ignorable = true});
            field("timestamp", &T::timestamp);
            field("max_num_offsets", &T::max_num_offsets, {.until = 0});
        }
    };
    struct Topic {
        std::string name;
        std::vector<Partition> partitions;
        bool operator==(const Topic&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Topic;
            field("name", &T::name);
            field("partitions", &T::partitions);
        }
    };

    NodeId replica_id;
    std::int8_t isolation_level = 0;  // 0: read uncommitted, 1: read committed.
    std::vector<Topic> topics;
    std::int32_t timeout_ms = 0;
    bool operator==(const ListOffsetsRequest&) const = default;

    static constexpr void wire(auto&& field) {
        using T = ListOffsetsRequest;
        field("replica_id", &T::replica_id);
        field("isolation_level", &T::isolation_level, {.since = 2});
        field("topics", &T::topics);
        field("timeout_ms", &T::timeout_ms, {.since = 10, .ignorable = true});
    }
};

struct ListOffsetsResponse {
    static constexpr std::int16_t api_key = 2;
    static constexpr Version version_first = 0, version_last = 11, flexible_since = 6;

    struct Partition {
        PartitionId partition_index;
        ErrorCode error_code = ErrorCode::none;
        std::vector<Offset> old_style_offsets;  // v0 alone.
        TimestampMs timestamp = -1;
        Offset offset{-1};
        LeaderEpoch leader_epoch = base::no_leader_epoch;
        bool operator==(const Partition&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Partition;
            field("partition_index", &T::partition_index);
            field("error_code", &T::error_code);
            field("old_style_offsets", &T::old_style_offsets, {.until = 0});
            field("timestamp", &T::timestamp, {.since = 1});
            field("offset", &T::offset, {.since = 1});
            field("leader_epoch", &T::leader_epoch, {.since = 4});
        }
    };
    struct Topic {
        std::string name;
        std::vector<Partition> partitions;
        bool operator==(const Topic&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Topic;
            field("name", &T::name);
            field("partitions", &T::partitions);
        }
    };

    std::int32_t throttle_time_ms = 0;
    std::vector<Topic> topics;
    bool operator==(const ListOffsetsResponse&) const = default;

    static constexpr void wire(auto&& field) {
        using T = ListOffsetsResponse;
        field("throttle_time_ms", &T::throttle_time_ms, {.since = 2, .ignorable = true});
        field("topics", &T::topics);
    }
};

}  // namespace klog::wire
