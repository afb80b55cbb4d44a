// SPDX-License-Identifier: Apache-2.0
// What consumers of the classic protocol put into JoinGroup and SyncGroup: a version (int16), then one of these. A
// version that is not known is read as the newest that is.
#pragma once

#include "core/wire/field_types.h"

namespace klog::wire {

struct ConsumerProtocolSubscription {
    static constexpr std::int16_t api_key = -1;
    static constexpr Version version_first = 0, version_last = 3, flexible_since = never_flexible;

    struct Assigned {
        std::string topic;
        std::vector<PartitionId> partitions;
        bool operator==(const Assigned&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Assigned;
            field("topic", &T::topic, {.since = 1});
            field("partitions", &T::partitions, {.since = 1});
        }
    };
    std::vector<std::string> topics;
    std::optional<Bytes> user_data;
    std::vector<Assigned> owned_partitions;
    std::int32_t generation_id = -1;
    std::optional<std::string> rack_id;
    bool operator==(const ConsumerProtocolSubscription&) const = default;

    static constexpr void wire(auto&& field) {
        using T = ConsumerProtocolSubscription;
        field("topics", &T::topics);
        field("user_data", &T::user_data);
        field("owned_partitions", &T::owned_partitions, {.since = 1, .ignorable = true});
        field("generation_id", &T::generation_id, {.since = 2, .ignorable = true});
        field("rack_id", &T::rack_id, {.since = 3, .ignorable = true});
    }
};

struct ConsumerProtocolAssignment {
    static constexpr std::int16_t api_key = -1;
    static constexpr Version version_first = 0, version_last = 3, flexible_since = never_flexible;

    struct Assigned {
        std::string topic;
        std::vector<PartitionId> partitions;
        bool operator==(const Assigned&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Assigned;
            field("topic", &T::topic);
            field("partitions", &T::partitions);
        }
    };
    std::vector<Assigned> assigned_partitions;
    std::optional<Bytes> user_data;
    bool operator==(const ConsumerProtocolAssignment&) const = default;

    static constexpr void wire(auto&& field) {
        using T = ConsumerProtocolAssignment;
        field("assigned_partitions", &T::assigned_partitions);
        field("user_data", &T::user_data);
    }
};

}  // namespace klog::wire
