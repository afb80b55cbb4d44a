// SPDX-License-Identifier: Apache-2.0
// Randomness is handed in, like time. The same seed gives the same numbers on every machine.
#pragma once

#include <cstdint>

namespace klog::base {

/// xoshiro256** (Blackman, Vigna), seeded by splitmix64. Not for secrets.
class Random {
public:
    explicit Random(std::uint64_t seed);
    /// Seeded by the kernel (getrandom).
    static Random from_system();

    std::uint64_t next();
    /// Uniform in [0, bound); bound > 0.
    std::uint64_t below(std::uint64_t bound);
    /// Uniform in [low, high], both included.
    std::int64_t between(std::int64_t low, std::int64_t high);
    /// True once in n times.
    bool one_in(std::uint64_t n) { return below(n) == 0; }
    double unit();  // [0, 1)

    using result_type = std::uint64_t;  // A standard uniform random bit generator.
    static constexpr result_type min() { return 0; }
    static constexpr result_type max() { return ~std::uint64_t{0}; }
    result_type operator()() { return next(); }

private:
    std::uint64_t state_[4];
};

}  // namespace klog::base
