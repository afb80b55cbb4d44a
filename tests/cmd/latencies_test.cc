// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "cmd/latencies.h"

using klog::cmd::Latencies;

TEST_CASE("percentiles are those of the sorted values, within 0.2 percent") {
    Latencies all;
    for (std::int64_t i = 1; i <= 100'000; ++i) all.add(i * 1000);
    for (const double share : {0.01, 0.5, 0.9, 0.99, 0.999, 0.9999}) {
        CAPTURE(share);
        CHECK(static_cast<double>(all.percentile_ns(share)) == doctest::Approx(share * 1e8).epsilon(0.002));
    }
    CHECK(all.percentile_ns(1) == 100'000'000);
    CHECK(all.max_ns() == 100'000'000);
}

TEST_CASE("any duration has its place") {
    Latencies all;
    CHECK(all.percentile_ns(0.5) == 0);
    for (const std::int64_t ns : {std::int64_t{-5}, std::int64_t{0}, std::int64_t{511}, std::int64_t{512}, INT64_MAX})
        all.add(ns);
    CHECK(all.count() == 5);
    CHECK(all.percentile_ns(0.2) == 0);
    CHECK(all.percentile_ns(0.6) == 511);
    CHECK(all.percentile_ns(0.8) == 512);
    CHECK(all.percentile_ns(1) == INT64_MAX);
}
