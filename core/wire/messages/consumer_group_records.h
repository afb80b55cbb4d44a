// SPDX-License-Identifier: Apache-2.0
// A group of the new protocol (KIP-848) as it lies in __consumer_offsets: its epoch, its members, what each of them is
// to have and what each has. A null value: it is gone.
#pragma once

#include "core/wire/field_types.h"

namespace klog::wire {

struct ConsumerGroupMetadataKey {
    static constexpr std::int16_t api_key = 3;
    static constexpr Version version_first = 0, version_last = 0, flexible_since = never_flexible;

    std::string group_id;
    bool operator==(const ConsumerGroupMetadataKey&) const = default;

    static constexpr void wire(auto&& field) {
        using T = ConsumerGroupMetadataKey;
        field("group_id", &T::group_id);
    }
};

struct ConsumerGroupMetadataValue {
    static constexpr std::int16_t api_key = 3;
    static constexpr Version version_first = 0, version_last = 0, flexible_since = 0;

    std::int32_t epoch = 0;
    std::int64_t metadata_hash = 0;
    bool operator==(const ConsumerGroupMetadataValue&) const = default;

    static constexpr void wire(auto&& field) {
        using T = ConsumerGroupMetadataValue;
        field("epoch", &T::epoch);
        field.tagged(0, "metadata_hash", &T::metadata_hash);
    }
};

struct ConsumerGroupPartitionMetadataKey {
    static constexpr std::int16_t api_key = 4;
    static constexpr Version version_first = 0, version_last = 0, flexible_since = never_flexible;

    std::string group_id;
    bool operator==(const ConsumerGroupPartitionMetadataKey&) const = default;

    static constexpr void wire(auto&& field) {
        using T = ConsumerGroupPartitionMetadataKey;
        field("group_id", &T::group_id);
    }
};

struct ConsumerGroupPartitionMetadataValue {
    static constexpr std::int16_t api_key = 4;
    static constexpr Version version_first = 0, version_last = 0, flexible_since = 0;

    struct Topic {
        struct Partition {
            PartitionId partition;
            std::vector<std::string> racks;
            bool operator==(const Partition&) const = default;

            static constexpr void wire(auto&& field) {
                using T = Partition;
                field("partition", &T::partition);
                field("racks", &T::racks);
            }
        };
        Uuid topic_id;
        std::string topic_name;
        std::int32_t num_partitions = 0;
        std::vector<Partition> partition_metadata;
        bool operator==(const Topic&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Topic;
            field("topic_id", &T::topic_id);
            field("topic_name", &T::topic_name);
            field("num_partitions", &T::num_partitions);
            field("partition_metadata", &T::partition_metadata);
        }
    };
    std::vector<Topic> topics;
    bool operator==(const ConsumerGroupPartitionMetadataValue&) const = default;

    static constexpr void wire(auto&& field) {
        using T = ConsumerGroupPartitionMetadataValue;
        field("topics", &T::topics);
    }
};

struct ConsumerGroupMemberMetadataKey {
    static constexpr std::int16_t api_key = 5;
    static constexpr Version version_first = 0, version_last = 0, flexible_since = never_flexible;

    std::string group_id;
    std::string member_id;
    bool operator==(const ConsumerGroupMemberMetadataKey&) const = default;

    static constexpr void wire(auto&& field) {
        using T = ConsumerGroupMemberMetadataKey;
        field("group_id", &T::group_id);
        field("member_id", &T::member_id);
    }
};

/// What a member that speaks the classic protocol has told.
struct ClassicMemberMetadata {
    struct ClassicProtocol {
        std::string name;
        Bytes metadata;
        bool operator==(const ClassicProtocol&) const = default;

        static constexpr void wire(auto&& field) {
            using T = ClassicProtocol;
            field("name", &T::name);
            field("metadata", &T::metadata);
        }
    };
    std::int32_t session_timeout_ms = 0;
    std::vector<ClassicProtocol> supported_protocols;
    bool operator==(const ClassicMemberMetadata&) const = default;

    static constexpr void wire(auto&& field) {
        using T = ClassicMemberMetadata;
        field("session_timeout_ms", &T::session_timeout_ms);
        field("supported_protocols", &T::supported_protocols);
    }
};

struct ConsumerGroupMemberMetadataValue {
    static constexpr std::int16_t api_key = 5;
    static constexpr Version version_first = 0, version_last = 0, flexible_since = 0;

    std::optional<std::string> instance_id;
    std::optional<std::string> rack_id;
    std::string client_id;
    std::string client_host;
    std::vector<std::string> subscribed_topic_names;
    std::optional<std::string> subscribed_topic_regex;
    std::int32_t rebalance_timeout_ms = -1;
    std::optional<std::string> server_assignor;
    // Absent means an empty one, so that null is written out: the member speaks the new protocol.
    std::optional<ClassicMemberMetadata> classic_member_metadata = ClassicMemberMetadata{};
    bool operator==(const ConsumerGroupMemberMetadataValue&) const = default;

    static constexpr void wire(auto&& field) {
        using T = ConsumerGroupMemberMetadataValue;
        field("instance_id", &T::instance_id);
        field("rack_id", &T::rack_id);
        field("client_id", &T::client_id);
        field("client_host", &T::client_host);
        field("subscribed_topic_names", &T::subscribed_topic_names);
        field("subscribed_topic_regex", &T::subscribed_topic_regex);
        field("rebalance_timeout_ms", &T::rebalance_timeout_ms);
        field("server_assignor", &T::server_assignor);
        field.tagged(0, "classic_member_metadata", &T::classic_member_metadata);
    }
};

struct ConsumerGroupTargetAssignmentMetadataKey {
    static constexpr std::int16_t api_key = 6;
    static constexpr Version version_first = 0, version_last = 0, flexible_since = never_flexible;

    std::string group_id;
    bool operator==(const ConsumerGroupTargetAssignmentMetadataKey&) const = default;

    static constexpr void wire(auto&& field) {
        using T = ConsumerGroupTargetAssignmentMetadataKey;
        field("group_id", &T::group_id);
    }
};

struct ConsumerGroupTargetAssignmentMetadataValue {
    static constexpr std::int16_t api_key = 6;
    static constexpr Version version_first = 0, version_last = 0, flexible_since = 0;

    std::int32_t assignment_epoch = 0;
    TimestampMs assignment_timestamp = 0;
    bool operator==(const ConsumerGroupTargetAssignmentMetadataValue&) const = default;

    static constexpr void wire(auto&& field) {
        using T = ConsumerGroupTargetAssignmentMetadataValue;
        field("assignment_epoch", &T::assignment_epoch);
        field.tagged(0, "assignment_timestamp", &T::assignment_timestamp, {.ignorable = true});
    }
};

struct ConsumerGroupTargetAssignmentMemberKey {
    static constexpr std::int16_t api_key = 7;
    static constexpr Version version_first = 0, version_last = 0, flexible_since = never_flexible;

    std::string group_id;
    std::string member_id;
    bool operator==(const ConsumerGroupTargetAssignmentMemberKey&) const = default;

    static constexpr void wire(auto&& field) {
        using T = ConsumerGroupTargetAssignmentMemberKey;
        field("group_id", &T::group_id);
        field("member_id", &T::member_id);
    }
};

struct ConsumerGroupTargetAssignmentMemberValue {
    static constexpr std::int16_t api_key = 7;
    static constexpr Version version_first = 0, version_last = 0, flexible_since = 0;

    struct Assigned {
        Uuid topic_id;
        std::vector<PartitionId> partitions;
        bool operator==(const Assigned&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Assigned;
            field("topic_id", &T::topic_id);
            field("partitions", &T::partitions);
        }
    };
    std::vector<Assigned> topic_partitions;
    bool operator==(const ConsumerGroupTargetAssignmentMemberValue&) const = default;

    static constexpr void wire(auto&& field) {
        using T = ConsumerGroupTargetAssignmentMemberValue;
        field("topic_partitions", &T::topic_partitions);
    }
};

struct ConsumerGroupCurrentMemberAssignmentKey {
    static constexpr std::int16_t api_key = 8;
    static constexpr Version version_first = 0, version_last = 0, flexible_since = never_flexible;

    std::string group_id;
    std::string member_id;
    bool operator==(const ConsumerGroupCurrentMemberAssignmentKey&) const = default;

    static constexpr void wire(auto&& field) {
        using T = ConsumerGroupCurrentMemberAssignmentKey;
        field("group_id", &T::group_id);
        field("member_id", &T::member_id);
    }
};

struct ConsumerGroupCurrentMemberAssignmentValue {
    static constexpr std::int16_t api_key = 8;
    static constexpr Version version_first = 0, version_last = 0, flexible_since = 0;

    struct Assigned {
        Uuid topic_id;
        std::vector<PartitionId> partitions;
        std::optional<std::vector<std::int32_t>> assignment_epochs = std::vector<std::int32_t>{};
        bool operator==(const Assigned&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Assigned;
            field("topic_id", &T::topic_id);
            field("partitions", &T::partitions);
            field.tagged(0, "assignment_epochs", &T::assignment_epochs);
        }
    };
    std::int32_t member_epoch = 0;
    std::int32_t previous_member_epoch = 0;
    std::int8_t state = 0;
    std::vector<Assigned> assigned_partitions;
    std::vector<Assigned> partitions_pending_revocation;
    bool operator==(const ConsumerGroupCurrentMemberAssignmentValue&) const = default;

    static constexpr void wire(auto&& field) {
        using T = ConsumerGroupCurrentMemberAssignmentValue;
        field("member_epoch", &T::member_epoch);
        field("previous_member_epoch", &T::previous_member_epoch);
        field("state", &T::state);
        field("assigned_partitions", &T::assigned_partitions);
        field("partitions_pending_revocation", &T::partitions_pending_revocation);
    }
};

struct ConsumerGroupRegularExpressionKey {
    static constexpr std::int16_t api_key = 16;
    static constexpr Version version_first = 0, version_last = 0, flexible_since = never_flexible;

    std::string group_id;
    std::string regular_expression;
    bool operator==(const ConsumerGroupRegularExpressionKey&) const = default;

    static constexpr void wire(auto&& field) {
        using T = ConsumerGroupRegularExpressionKey;
        field("group_id", &T::group_id);
        field("regular_expression", &T::regular_expression);
    }
};

struct ConsumerGroupRegularExpressionValue {
    static constexpr std::int16_t api_key = 16;
    static constexpr Version version_first = 0, version_last = 0, flexible_since = 0;

    std::vector<std::string> topics;
    std::int64_t version = 0;
    TimestampMs timestamp = 0;
    bool operator==(const ConsumerGroupRegularExpressionValue&) const = default;

    static constexpr void wire(auto&& field) {
        using T = ConsumerGroupRegularExpressionValue;
        field("topics", &T::topics);
        field("version", &T::version);
        field("timestamp", &T::timestamp);
    }
};

}  // namespace klog::wire
