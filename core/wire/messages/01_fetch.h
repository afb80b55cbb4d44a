// SPDX-License-Identifier: Apache-2.0
// Fetch (key 1): reads record batches, for consumers and followers alike.
// v4 is the first with record batches v2 and isolation levels. v5 knows the log start offset, v7 has sessions
// (KIP-227), v9 fences by leader epoch, v10 allows zstd, v11 knows racks (KIP-392), v12 is flexible and finds diverging
// logs, v13 names topics by id, v15 moves the replica into a tagged field, v16 names the new leader (KIP-951), v17 and
// v18 tell the leader a follower's directory and high watermark.
#pragma once

#include "core/wire/field_types.h"

namespace klog::wire {

struct FetchRequest {
    static constexpr std::int16_t api_key = 1;
    static constexpr Version version_first = 0, version_last = 18, flexible_since = 12;

    struct ReplicaState {
        NodeId replica_id = base::no_node;
        BrokerEpoch replica_epoch{-1};
        bool operator==(const ReplicaState&) const = default;

        static constexpr void wire(auto&& field) {
            using T = ReplicaState;
            field("replica_id", &T::replica_id, {.since = 15});
            field("replica_epoch", &T::replica_epoch, {.since = 15});
        }
    };
    struct Partition {
        PartitionId partition;
        LeaderEpoch current_leader_epoch = base::no_leader_epoch;
        Offset fetch_offset;
        LeaderEpoch last_fetched_epoch =
            base::no_leader_epoch;    // The epoch of the last record that the fetcher has, or -1.
        Offset log_start_offset{-1};  // A follower's; -1 from consumers.
        std::int32_t partition_max_bytes = 0;
        Uuid replica_directory_id;
        Offset high_watermark{std::numeric_limits<std::int64_t>::max()};
        bool operator==(const Partition&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Partition;
            field("partition", &T::partition);
            field("current_leader_epoch", &T::current_leader_epoch, {.since = 9, .ignorable = true});
            field("fetch_offset", &T::fetch_offset);
            field("last_fetched_epoch", &T::last_fetched_epoch, {.since = 12});
            field("log_start_offset", &T::log_start_offset, {.since = 5, .ignorable = true});
            field("partition_max_bytes", &T::partition_max_bytes);
            field.tagged(0, "replica_directory_id", &T::replica_directory_id, {.since = 17, .ignorable = true});
            field.tagged(1, "high_watermark", &T::high_watermark, {.since = 18, .ignorable = true});
        }
    };
    struct Topic {
        std::string_view topic;
        Uuid topic_id;
        std::vector<Partition> partitions;
        bool operator==(const Topic&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Topic;
            field("topic", &T::topic, {.until = 12, .ignorable = true});
            field("topic_id", &T::topic_id, {.since = 13, .ignorable = true});
            field("partitions", &T::partitions);
        }
    };
    struct ForgottenTopic {
        std::string_view topic;
        Uuid topic_id;
        std::vector<PartitionId> partitions;
        bool operator==(const ForgottenTopic&) const = default;

        static constexpr void wire(auto&& field) {
            using T = ForgottenTopic;
            field("topic", &T::topic, {.since = 7, .until = 12, .ignorable = true});
            field("topic_id", &T::topic_id, {.since = 13, .ignorable = true});
            field("partitions", &T::partitions, {.since = 7});
        }
    };

    std::optional<std::string_view> cluster_id;
    NodeId replica_id = base::no_node;  // A follower's id; -1 for consumers, -2 for tools. Since v15 in replica_state.
    ReplicaState replica_state;
    std::int32_t max_wait_ms = 0;
    std::int32_t min_bytes = 0;
    std::int32_t max_bytes = std::numeric_limits<std::int32_t>::max();
    std::int8_t isolation_level = 0;  // 0: read uncommitted, 1: read committed.
    std::int32_t session_id = 0;      // 0: no session yet.
    std::int32_t session_epoch = -1;  // -1: no session, 0: make one, else the number of this request within it.
    std::vector<Topic> topics;
    std::vector<ForgottenTopic> forgotten_topics_data;
    std::string_view rack_id;  // Empty: the consumer does not say.
    bool operator==(const FetchRequest&) const = default;

    static constexpr void wire(auto&& field) {
        using T = FetchRequest;
        field("replica_id", &T::replica_id, {.until = 14});
        field("max_wait_ms", &T::max_wait_ms);
        field("min_bytes", &T::min_bytes);
        field("max_bytes", &T::max_bytes, {.since = 3, .ignorable = true});
        field("isolation_level", &T::isolation_level, {.since = 4, .ignorable = true});
        field("session_id", &T::session_id, {.since = 7, .ignorable = true});
        field("session_epoch", &T::session_epoch, {.since = 7, .ignorable = true});
        field("topics", &T::topics);
        field("forgotten_topics_data", &T::forgotten_topics_data, {.since = 7});
        field("rack_id", &T::rack_id, {.since = 11, .ignorable = true});
        field.tagged(0, "cluster_id", &T::cluster_id, {.since = 12, .ignorable = true});
        field.tagged(1, "replica_state", &T::replica_state, {.since = 15});
    }
};

struct FetchResponse {
    static constexpr std::int16_t api_key = 1;
    static constexpr Version version_first = 0, version_last = 18, flexible_since = 12;

    struct EpochEndOffset {
        LeaderEpoch epoch = base::no_leader_epoch;
        Offset end_offset{-1};
        bool operator==(const EpochEndOffset&) const = default;

        static constexpr void wire(auto&& field) {
            using T = EpochEndOffset;
            field("epoch", &T::epoch, {.since = 12});
            field("end_offset", &T::end_offset, {.since = 12});
        }
    };
    struct LeaderIdAndEpoch {
        NodeId leader_id = base::no_node;
        LeaderEpoch leader_epoch = base::no_leader_epoch;
        bool operator==(const LeaderIdAndEpoch&) const = default;

        static constexpr void wire(auto&& field) {
            using T = LeaderIdAndEpoch;
            field("leader_id", &T::leader_id, {.since = 12});
            field("leader_epoch", &T::leader_epoch, {.since = 12});
        }
    };
    struct SnapshotId {
        Offset end_offset{-1};
        LeaderEpoch epoch = base::no_leader_epoch;
        bool operator==(const SnapshotId&) const = default;

        static constexpr void wire(auto&& field) {
            using T = SnapshotId;
            field("end_offset", &T::end_offset);
            field("epoch", &T::epoch);
        }
    };
    struct AbortedTransaction {
        ProducerId producer_id;
        Offset first_offset;
        bool operator==(const AbortedTransaction&) const = default;

        static constexpr void wire(auto&& field) {
            using T = AbortedTransaction;
            field("producer_id", &T::producer_id, {.since = 4});
            field("first_offset", &T::first_offset, {.since = 4});
        }
    };
    struct Partition {
        PartitionId partition_index;
        ErrorCode error_code = ErrorCode::none;
        Offset high_watermark;
        Offset last_stable_offset{-1};
        Offset log_start_offset{-1};
        EpochEndOffset diverging_epoch;  // Set where the fetcher has to truncate.
        LeaderIdAndEpoch current_leader;
        SnapshotId snapshot_id;
        std::optional<std::vector<AbortedTransaction>>
            aborted_transactions;  // Null unless read committed was asked for.
        NodeId preferred_read_replica = base::no_node;
        std::optional<Records> records = Records{};
        bool operator==(const Partition&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Partition;
            field("partition_index", &T::partition_index);
            field("error_code", &T::error_code);
            field("high_watermark", &T::high_watermark);
            field("last_stable_offset", &T::last_stable_offset, {.since = 4, .ignorable = true});
            field("log_start_offset", &T::log_start_offset, {.since = 5, .ignorable = true});
            field("aborted_transactions", &T::aborted_transactions, {.since = 4, .ignorable = true});
            field("preferred_read_replica", &T::preferred_read_replica, {.since = 11});
            field("records", &T::records);
            field.tagged(0, "diverging_epoch", &T::diverging_epoch, {.since = 12});
            field.tagged(1, "current_leader", &T::current_leader, {.since = 12});
            field.tagged(2, "snapshot_id", &T::snapshot_id, {.since = 12});
        }
    };
    struct Topic {
        std::string topic;
        Uuid topic_id;
        std::vector<Partition> partitions;
        bool operator==(const Topic&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Topic;
            field("topic", &T::topic, {.until = 12, .ignorable = true});
            field("topic_id", &T::topic_id, {.since = 13, .ignorable = true});
            field("partitions", &T::partitions);
        }
    };
    struct NodeEndpoint {
        NodeId node_id;
        std::string host;
        std::int32_t port = 0;
        std::optional<std::string> rack;
        bool operator==(const NodeEndpoint&) const = default;

        static constexpr void wire(auto&& field) {
            using T = NodeEndpoint;
            field("node_id", &T::node_id, {.since = 16});
            field("host", &T::host, {.since = 16});
            field("port", &T::port, {.since = 16});
            field("rack", &T::rack, {.since = 16});
        }
    };

    std::int32_t throttle_time_ms = 0;
    ErrorCode error_code = ErrorCode::none;
    std::int32_t session_id = 0;
    std::vector<Topic> responses;
    std::vector<NodeEndpoint> node_endpoints;
    bool operator==(const FetchResponse&) const = default;

    static constexpr void wire(auto&& field) {
        using T = FetchResponse;
        field("throttle_time_ms", &T::throttle_time_ms, {.since = 1, .ignorable = true});
        field("error_code", &T::error_code, {.since = 7, .ignorable = true});
        field("session_id", &T::session_id, {.since = 7});
        field("responses", &T::responses);
        field.tagged(0, "node_endpoints", &T::node_endpoints, {.since = 16});
    }
};

}  // namespace klog::wire
