// SPDX-License-Identifier: Apache-2.0
#include "core/metrics/instruments.h"

#include <algorithm>
#include <cmath>

namespace klog::metrics {

std::uint64_t HistogramCounts::quantile(double q) const {
    if (count_ == 0) return 0;
    const double wanted = std::ceil(std::clamp(q, 0.0, 1.0) * static_cast<double>(count_));
    const auto rank = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(wanted), 1, count_);
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < buckets; ++bucket) {
        seen += in_bucket_[bucket];
        if (seen >= rank) return largest_of(bucket);
    }
    return largest_of(buckets - 1);
}

std::uint64_t HistogramCounts::below(std::uint64_t power) const {
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < bucket_of(power); ++bucket) seen += in_bucket_[bucket];
    return seen;
}

HistogramCounts& HistogramCounts::operator+=(const HistogramCounts& other) {
    for (std::size_t bucket = 0; bucket < buckets; ++bucket) in_bucket_[bucket] += other.in_bucket_[bucket];
    count_ += other.count_;
    sum_ += other.sum_;
    return *this;
}

HistogramCounts& HistogramCounts::operator-=(const HistogramCounts& earlier) {
    for (std::size_t bucket = 0; bucket < buckets; ++bucket) in_bucket_[bucket] -= earlier.in_bucket_[bucket];
    count_ -= earlier.count_;
    sum_ -= earlier.sum_;
    return *this;
}

HistogramCounts Histogram::value() const {
    HistogramCounts counts;
    for (std::size_t bucket = 0; bucket < HistogramCounts::buckets; ++bucket) {
        const std::uint64_t n = in_bucket_[bucket].load(std::memory_order_relaxed);
        counts.in_bucket_[bucket] = n;
        counts.count_ += n;
    }
    counts.sum_ = sum_.load(std::memory_order_relaxed);
    return counts;
}

}  // namespace klog::metrics
