// SPDX-License-Identifier: Apache-2.0
// What is counted with: a counter, a gauge, a histogram. Each shard holds instruments of its own (the registry adds
// them up when somebody looks), so an update is one relaxed atomic on a line that no other shard writes. Any thread may
// update and read them.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <vector>

namespace klog::metrics {

inline constexpr std::size_t cache_line_bytes = 64;

/// Only grows.
class alignas(cache_line_bytes) Counter {
public:
    using Total = std::uint64_t;
    static constexpr bool outlives_its_owner = true;  // What was counted stays counted.

    void add(std::uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
    std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

/// A level, up and down.
class alignas(cache_line_bytes) Gauge {
public:
    using Total = std::int64_t;
    static constexpr bool outlives_its_owner = false;

    void set(std::int64_t level) { value_.store(level, std::memory_order_relaxed); }
    void add(std::int64_t n) { value_.fetch_add(n, std::memory_order_relaxed); }
    std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::int64_t> value_{0};
};

/// The counts of a histogram at one moment. Adds up over shards; the difference of two moments is a window.
class HistogramCounts {
public:
    /// Values up to 31 have a bucket each; above, 32 buckets for each power of two, so that a quantile is at most 1/32
    /// too high. Values of 2^40 and more (12 days in microseconds) count as the largest.
    static constexpr unsigned fine_bits = 5;
    static constexpr unsigned value_bits = 40;
    static constexpr std::size_t buckets = (value_bits - fine_bits + 1) << fine_bits;

    static constexpr std::size_t bucket_of(std::uint64_t value) {
        if (value >> value_bits != 0) return buckets - 1;
        if (value >> fine_bits == 0) return value;
        const auto shift = static_cast<unsigned>(std::bit_width(value)) - 1 - fine_bits;
        return (std::size_t{shift + 1} << fine_bits) + ((value >> shift) & ((1U << fine_bits) - 1));
    }
    /// The largest value that falls into the bucket.
    static constexpr std::uint64_t largest_of(std::size_t bucket) {
        if (bucket >> fine_bits == 0) return bucket;
        const auto shift = static_cast<unsigned>(bucket >> fine_bits) - 1;
        const std::uint64_t fine = (bucket & ((1U << fine_bits) - 1)) + (1U << fine_bits);
        return ((fine + 1) << shift) - 1;
    }

    std::uint64_t count() const { return count_; }
    std::uint64_t sum() const { return sum_; }
    /// The value that a share `q` of all values does not exceed; 0 when there is none.
    std::uint64_t quantile(double q) const;
    /// How many values are below `power` (a power of two of at least 1).
    std::uint64_t below(std::uint64_t power) const;

    HistogramCounts& operator+=(const HistogramCounts& other);
    /// `earlier` is of the same histogram.
    HistogramCounts& operator-=(const HistogramCounts& earlier);

private:
    friend class Histogram;
    std::vector<std::uint64_t> in_bucket_ = std::vector<std::uint64_t>(buckets);
    std::uint64_t count_ = 0;
    std::uint64_t sum_ = 0;
};

/// How values spread: fixed memory (9 KiB), like an HDR histogram. Values are whole numbers in a unit that the metric
/// says, usually microseconds or bytes.
class alignas(cache_line_bytes) Histogram {
public:
    using Total = HistogramCounts;
    static constexpr bool outlives_its_owner = true;

    void record(std::uint64_t value) {
        in_bucket_[HistogramCounts::bucket_of(value)].fetch_add(1, std::memory_order_relaxed);
        sum_.fetch_add(value, std::memory_order_relaxed);
    }
    HistogramCounts value() const;

private:
    std::array<std::atomic<std::uint64_t>, HistogramCounts::buckets> in_bucket_{};
    std::atomic<std::uint64_t> sum_{0};
};

}  // namespace klog::metrics
