// SPDX-License-Identifier: Apache-2.0
#include "cmd/latencies.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace klog::cmd {
namespace {

constexpr unsigned part_bits = 9;
constexpr std::uint64_t parts = 1u << part_bits;

/// Below `parts` each value has its own bucket; above, values share the one of their leading bits.
std::size_t bucket_of(std::uint64_t value) {
    if (value < parts) return value;
    const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - part_bits - 1;
    return (std::size_t{shift} + 1) * parts + (value >> shift) - parts;
}

/// The largest value of a bucket.
std::uint64_t top_of(std::size_t bucket) {
    if (bucket < parts) return bucket;
    const std::size_t shift = bucket / parts - 1;
    return ((bucket % parts + parts + 1) << shift) - 1;
}

}  // namespace

Latencies::Latencies() : buckets_(bucket_of(INT64_MAX) + 1) {}

void Latencies::add(std::int64_t ns) {
    ns = std::max<std::int64_t>(ns, 0);
    ++buckets_[bucket_of(static_cast<std::uint64_t>(ns))];
    ++count_;
    max_ns_ = std::max(max_ns_, ns);
}

std::int64_t Latencies::percentile_ns(double share) const {
    if (count_ == 0) return 0;
    const auto rank =
        std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_))));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
        seen += buckets_[i];
        if (seen >= rank) return std::min(max_ns_, static_cast<std::int64_t>(top_of(i)));
    }
    return max_ns_;
}

}  // namespace klog::cmd
