// SPDX-License-Identifier: Apache-2.0
#include "core/base/random.h"

#include <bit>

#include <sys/random.h>

#include "core/base/check.h"

namespace klog::base {

Random::Random(std::uint64_t seed) {
    for (auto& word : state_) {
        std::uint64_t z = (seed += 0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        word = z ^ (z >> 31);
    }
}

Random Random::from_system() {
    std::uint64_t seed = 0;
    KLOG_CHECK(getrandom(&seed, sizeof seed, 0) == sizeof seed, "getrandom");
    return Random(seed);
}

std::uint64_t Random::next() {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = std::rotl(state_[3], 45);
    return result;
}

std::uint64_t Random::below(std::uint64_t bound) {
    KLOG_CHECK(bound > 0);
    return static_cast<std::uint64_t>((static_cast<__uint128_t>(next()) * bound) >> 64);
}

std::int64_t Random::between(std::int64_t low, std::int64_t high) {
    KLOG_CHECK(low <= high);
    const std::uint64_t span = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low) + 1;
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + (span == 0 ? next() : below(span)));
}

double Random::unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

}  // namespace klog::base
