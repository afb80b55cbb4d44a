// SPDX-License-Identifier: Apache-2.0
// How much the long suites do, from the environment: the tier that tools/test exports, or a number given by hand.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace klog::log::test {

/// In the full tier everything is done so many times: a count, not a time, so that a run can be repeated.
inline constexpr std::uint64_t full_tier_factor = 100;

inline std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
    const char* const given = std::getenv(name);
    return given != nullptr ? std::strtoull(given, nullptr, 10) : otherwise;
}

/// What `name` says; without it `normal`, or a hundred times that in the full tier.
inline std::uint64_t amount(const char* name, std::uint64_t normal) {
    const char* const tier = std::getenv("KLOG_TEST_TIER");
    const bool full = tier != nullptr && std::string_view(tier) == "full";
    return number_from(name, full ? normal * full_tier_factor : normal);
}

}  // namespace klog::log::test
