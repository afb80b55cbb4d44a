// SPDX-License-Identifier: Apache-2.0
// Integers with names, so that a partition cannot be passed where a broker is meant, nor an offset where a length is.
#pragma once

#include <array>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>

#include <fmt/format.h>

namespace klog::base {

/// An integer of its own type. Named<...> values compare with each other and print; arithmetic exists only where it
/// means something: value + count, value - value.
template <class Tag, std::integral Rep>
struct Named {
    Rep value{};

    friend constexpr auto operator<=>(const Named&, const Named&) = default;
    constexpr Named operator+(Rep n) const { return {static_cast<Rep>(value + n)}; }
    constexpr Named operator-(Rep n) const { return {static_cast<Rep>(value - n)}; }
    constexpr Rep operator-(Named other) const { return static_cast<Rep>(value - other.value); }
    constexpr Named& operator+=(Rep n) { return value = static_cast<Rep>(value + n), *this; }
    constexpr Named& operator++() { return ++value, *this; }
};

using NodeId = Named<struct NodeIdTag, std::int32_t>;
using PartitionId = Named<struct PartitionIdTag, std::int32_t>;
/// A position in a partition: dense, increasing, 64 bits.
using Offset = Named<struct OffsetTag, std::int64_t>;
using LeaderEpoch = Named<struct LeaderEpochTag, std::int32_t>;
using ControllerEpoch = Named<struct ControllerEpochTag, std::int32_t>;
/// One life of one broker: the czxid of its registration (KIP-380).
using BrokerEpoch = Named<struct BrokerEpochTag, std::int64_t>;
using ProducerId = Named<struct ProducerIdTag, std::int64_t>;
using ProducerEpoch = Named<struct ProducerEpochTag, std::int16_t>;

inline constexpr LeaderEpoch no_leader_epoch{-1};
inline constexpr NodeId no_node{-1};
inline constexpr ProducerId no_producer_id{-1};

/// A record's time: milliseconds since 1970 in UTC; -1 is "none" in Kafka's formats.
using TimestampMs = std::int64_t;

}  // namespace klog::base

template <class Tag, class Rep>
struct std::hash<klog::base::Named<Tag, Rep>> {
    std::size_t operator()(klog::base::Named<Tag, Rep> x) const noexcept { return std::hash<Rep>{}(x.value); }
};

template <class Tag, class Rep>
struct fmt::formatter<klog::base::Named<Tag, Rep>> : fmt::formatter<Rep> {
    template <class Context>
    auto format(klog::base::Named<Tag, Rep> x, Context& context) const {
        return fmt::formatter<Rep>::format(x.value, context);
    }
};
