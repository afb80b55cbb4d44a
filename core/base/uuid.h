// SPDX-License-Identifier: Apache-2.0
// Kafka's Uuid: 16 octets, written as 22 characters of URL-safe base64 without padding (org.apache.kafka.common.Uuid).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/random.h"

namespace klog::base {

struct Uuid {
    std::array<std::uint8_t, 16> octets{};

    friend constexpr auto operator<=>(const Uuid&, const Uuid&) = default;
    bool is_zero() const { return *this == Uuid{}; }
    std::string to_string() const;
    static std::optional<Uuid> parse(std::string_view text);
    /// Version 4, never one that Kafka reserves and never one whose text starts with '-'.
    static Uuid random(Random& random);
};

}  // namespace klog::base

template <>
struct std::hash<klog::base::Uuid> {
    std::size_t operator()(const klog::base::Uuid& id) const noexcept {
        std::uint64_t words[2];
        std::memcpy(words, id.octets.data(), sizeof words);
        return words[0] ^ (words[1] * 0x9e3779b97f4a7c15);
    }
};
