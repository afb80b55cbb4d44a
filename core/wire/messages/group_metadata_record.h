// SPDX-License-Identifier: Apache-2.0
// A group of the classic protocol as it lies in __consumer_offsets, with all its members. A null value: it is gone.
// Subscription and assignment are in the form of their protocol; for consumers that is consumer_protocol.h.
#pragma once

#include "core/wire/field_types.h"

namespace klog::wire {

struct GroupMetadataKey {
    static constexpr std::int16_t api_key = 2;
    static constexpr Version version_first = 0, version_last = 0, flexible_since = never_flexible;

    std::string group;
    bool operator==(const GroupMetadataKey&) const = default;

    static constexpr void wire(auto&& field) {
        using T = GroupMetadataKey;
        field("group", &T::group);
    }
};

struct GroupMetadataValue {
    static constexpr std::int16_t api_key = 2;
    static constexpr Version version_first = 0, version_last = 4, flexible_since = 4;

    struct Member {
        std::string member_id;
        std::optional<std::string> group_instance_id;
        std::string client_id;
        std::string client_host;
        std::int32_t rebalance_timeout = -1;
        std::int32_t session_timeout = 0;
        Bytes subscription;
        Bytes assignment;
        bool operator==(const Member&) const = default;

        static constexpr void wire(auto&& field) {
            using T = Member;
            field("member_id", &T::member_id);
            field("group_instance_id", &T::group_instance_id, {.since = 3, .ignorable = true});
            field("client_id", &T::client_id);
            field("client_host", &T::client_host);
            field("rebalance_timeout", &T::rebalance_timeout, {.since = 1, .ignorable = true});
            field("session_timeout", &T::session_timeout);
            field("subscription", &T::subscription);
            field("assignment", &T::assignment);
        }
    };
    std::string protocol_type;
    std::int32_t generation = 0;
    std::optional<std::string> protocol;
    std::optional<std::string> leader;
    TimestampMs current_state_timestamp = -1;
    std::vector<Member> members;
    bool operator==(const GroupMetadataValue&) const = default;

    static constexpr void wire(auto&& field) {
        using T = GroupMetadataValue;
        field("protocol_type", &T::protocol_type);
        field("generation", &T::generation);
        field("protocol", &T::protocol);
        field("leader", &T::leader);
        field("current_state_timestamp", &T::current_state_timestamp, {.since = 2, .ignorable = true});
        field("members", &T::members);
    }
};

}  // namespace klog::wire
