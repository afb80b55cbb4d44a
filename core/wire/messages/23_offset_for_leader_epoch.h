// SPDX-License-Identifier: Apache-2.0
// OffsetForLeaderEpoch (key 23): where a leader epoch ends in the leader's log; followers and consumers find out with
// it where their log parts from the leader's. v2 fences by the current leader epoch, v3 names the replica, v4 is
// flexible.
#pragma once

#include "core/wire/field_types.h"

namespace klog::wire {

struct OffsetForLeaderEpochRequest {
    static constexpr std::int16_t api_key = 23;
    static constexpr Version version_first = 0, version_last = 4, flexible_since = 4;

    struct Partition {
        PartitionId partition;
        LeaderEpoch current_leader_epoch = base::no_leader_epoch;
        LeaderEpoch leader_epoch;
        bool operator==(const Partition&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Partition;
            field("partition", &T::partition);
            field("current_leader_epoch", &T::current_leader_epoch, {.since = 2, .ignorable = true});
            field("leader_epoch", &T::leader_epoch);
        }
    };
    struct Topic {
        std::string topic;
        std::vector<Partition> partitions;
        bool operator==(const Topic&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Topic;
            field("topic", &T::topic);
            field("partitions", &T::partitions);
        }
    };

    NodeId replica_id{-2};  // -1 for consumers, -2 for tools.
    std::vector<Topic> topics;
    bool operator==(const OffsetForLeaderEpochRequest&) const = default;

    static constexpr void wire(auto&& field) {
        using T = OffsetForLeaderEpochRequest;
        field("replica_id", &T::replica_id, {.since = 3, .ignorable = true});
        field("topics", &T::topics);
    }
};

struct OffsetForLeaderEpochResponse {
    static constexpr std::int16_t api_key = 23;
    static constexpr Version version_first = 0, version_last = 4, flexible_since = 4;

    struct Partition {
        ErrorCode error_code = ErrorCode::none;
        PartitionId partition;
        LeaderEpoch leader_epoch = base::no_leader_epoch;
        Offset end_offset{-1};
        bool operator==(const Partition&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Partition;
            field("error_code", &T::error_code);
            field("partition", &T::partition);
            field("leader_epoch", &T::leader_epoch, {.since = 1, .ignorable = true});
            field("end_offset", &T::end_offset);
        }
    };
    struct Topic {
        std::string topic;
        std::vector<Partition> partitions;
        bool operator==(const Topic&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Topic;
            field("topic", &T::topic);
            field("partitions", &T::partitions);
        }
    };

    std::int32_t throttle_time_ms = 0;
    std::vector<Topic> topics;
    bool operator==(const OffsetForLeaderEpochResponse&) const = default;

    static constexpr void wire(auto&& field) {
        using T = OffsetForLeaderEpochResponse;
        field("throttle_time_ms", &T::throttle_time_ms, {.since = 2, .ignorable = true});
        field("topics", &T::topics);
    }
};

}  // namespace klog::wire
