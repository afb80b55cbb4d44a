// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "core/base/random.h"
#include "core/metrics/names.h"
#include "core/metrics/registry.h"

namespace klog::metrics {

namespace {

std::string page(Registry& registry) {
    TextWriter writer;
    registry.write(writer);
    return writer.text();
}

bool shows(Registry& registry, const std::string& line) {
    return ("\n" + page(registry)).find("\n" + line + "\n") != std::string::npos;
}

constexpr Family hits{"klog_hits_total", "Hits."};
constexpr Family level{"klog_level", "A level."};

}  // namespace

TEST_CASE("the instruments of one series are added up") {
    Registry registry;
    const auto first = registry.counter(hits, {{"topic", "a"}});
    const auto second = registry.counter(hits, {{"topic", "a"}});
    const auto other = registry.counter(hits, {{"topic", "b"}});
    first->add();
    second->add(41);
    CHECK(shows(registry, "klog_hits_total{topic=\"a\"} 42"));
    CHECK(shows(registry, "klog_hits_total{topic=\"b\"} 0"));
}

TEST_CASE("a page names help and type of each family once") {
    Registry registry;
    const auto count = registry.counter(hits, {{"topic", "a"}});
    const auto total = registry.counter(hits);
    const auto gauge = registry.gauge(level);
    gauge->set(-3);
    gauge->add(1);
    CHECK(page(registry) ==
          "# HELP klog_hits_total Hits.\n# TYPE klog_hits_total counter\n"
          "klog_hits_total 0\nklog_hits_total{topic=\"a\"} 0\n"
          "# HELP klog_level A level.\n# TYPE klog_level gauge\nklog_level -2\n"
          "# HELP klog_metrics_series_left_out Series that are not shown, because there are too many.\n"
          "# TYPE klog_metrics_series_left_out gauge\nklog_metrics_series_left_out 0\n");
}

TEST_CASE("a counter does not fall when one of its owners goes, and the series goes with the last") {
    Registry registry;
    auto first = registry.counter(hits);
    auto second = registry.counter(hits);
    first->add(5);
    second->add(7);
    first.reset();
    CHECK(shows(registry, "klog_hits_total 12"));
    CHECK(shows(registry, "klog_hits_total 12"));
    second.reset();
    page(registry);
    CHECK(page(registry).find("klog_hits") == std::string::npos);
    const auto third = registry.counter(hits);
    CHECK(shows(registry, "klog_hits_total 0"));
}

TEST_CASE("a gauge falls when one of its owners goes") {
    Registry registry;
    auto first = registry.gauge(level);
    const auto second = registry.gauge(level);
    first->set(5);
    second->set(7);
    CHECK(shows(registry, "klog_level 12"));
    first.reset();
    page(registry);
    CHECK(shows(registry, "klog_level 7"));
}

TEST_CASE("label values and help are escaped") {
    TextWriter writer;
    writer.family("x", "gauge", "a \\ and\na \"line\"");
    writer.sample("x", {{"a", "q\"\\\n"}, {"b", ""}}, 0.5);
    CHECK(writer.text() == "# HELP x a \\\\ and\\na \"line\"\n# TYPE x gauge\nx{a=\"q\\\"\\\\\\n\",b=\"\"} 0.5\n");
}

TEST_CASE("numbers are written as Prometheus reads them") {
    TextWriter writer;
    writer.sample("x", {}, std::uint64_t{18'446'744'073'709'551'615U});
    writer.sample("x", {}, std::int64_t{-1});
    writer.sample("x", {}, std::nan(""));
    writer.sample("x", {}, HUGE_VAL);
    writer.sample("x", {}, 1e-7);
    CHECK(writer.text() == "x 18446744073709551615\nx -1\nx NaN\nx +Inf\nx 1e-07\n");
}

TEST_CASE("a summary has Kafka's shape") {
    Registry registry;
    const auto time = registry.histogram(request_time, {{"request", "Produce"}});
    for (int i = 0; i < 100; ++i) time->record(1'000);
    CHECK(shows(registry, "# TYPE kafka_network_requestmetrics_totaltimems summary"));
    CHECK(shows(registry, "kafka_network_requestmetrics_totaltimems{request=\"Produce\",quantile=\"0.5\"} 1.007"));
    CHECK(shows(registry, "kafka_network_requestmetrics_totaltimems{request=\"Produce\",quantile=\"0.999\"} 1.007"));
    CHECK(shows(registry, "kafka_network_requestmetrics_totaltimems_count{request=\"Produce\"} 100"));
}

TEST_CASE("a histogram has cumulative buckets, a sum and a count") {
    Registry registry;
    const auto time = registry.histogram({"klog_seconds", "Time.", 1e-6, Shape::histogram});
    for (const std::uint64_t us : {1U, 63U, 64U, 255U, 256U, 1'000'000'000U}) time->record(us);
    CHECK(shows(registry, "klog_seconds_bucket{le=\"6.4e-05\"} 2"));
    CHECK(shows(registry, "klog_seconds_bucket{le=\"0.000256\"} 4"));
    CHECK(shows(registry, "klog_seconds_bucket{le=\"67.108864\"} 5"));
    CHECK(shows(registry, "klog_seconds_bucket{le=\"+Inf\"} 6"));
    CHECK(shows(registry, "klog_seconds_count 6"));
    CHECK(shows(registry, "klog_seconds_sum 1000.000639"));
}

TEST_CASE("every value falls into the one bucket whose bounds hold it") {
    using Counts = HistogramCounts;
    std::uint64_t smallest = 0;
    for (std::size_t bucket = 0; bucket < Counts::buckets; ++bucket) {
        const std::uint64_t largest = Counts::largest_of(bucket);
        CHECK(Counts::bucket_of(smallest) == bucket);
        CHECK(Counts::bucket_of(largest) == bucket);
        CHECK(largest - smallest <= smallest / 32);
        smallest = largest + 1;
    }
    CHECK(smallest == std::uint64_t{1} << Counts::value_bits);
    CHECK(Counts::bucket_of(~std::uint64_t{0}) == Counts::buckets - 1);
}

TEST_CASE("quantiles are at most 1/32 above the true ones") {
    base::Random random(7);
    Histogram histogram;
    std::vector<std::uint64_t> values;
    for (int i = 0; i < 10'000; ++i) values.push_back(random.next() >> random.between(24, 63));
    for (const std::uint64_t value : values) histogram.record(value);
    std::ranges::sort(values);
    const HistogramCounts counts = histogram.value();
    CHECK(counts.count() == 10'000);
    for (const double q : {0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
        const auto rank = static_cast<std::size_t>(std::ceil(q * 10'000));
        const std::uint64_t exact = values[rank == 0 ? 0 : rank - 1];
        CHECK(counts.quantile(q) >= exact);
        CHECK(counts.quantile(q) <= exact + exact / 32 + 1);
    }
    CHECK(HistogramCounts().quantile(0.5) == 0);
}

TEST_CASE("the difference of two moments is a window") {
    Histogram histogram;
    histogram.record(10);
    const HistogramCounts earlier = histogram.value();
    histogram.record(20);
    histogram.record(20);
    HistogramCounts window = histogram.value();
    window -= earlier;
    CHECK(window.count() == 2);
    CHECK(window.sum() == 40);
    CHECK(window.quantile(0.01) == 20);
}

TEST_CASE("series are bounded, and what is left out is said") {
    Registry registry;
    std::vector<std::shared_ptr<Counter>> held;
    for (std::size_t i = 0; i < Registry::series_max + 3; ++i)
        held.push_back(registry.counter(hits, {{"topic", std::to_string(i)}}));
    held.back()->add();
    CHECK(shows(registry, "klog_metrics_series_left_out 3"));
}

TEST_CASE("threads count while somebody looks") {
    Registry registry;
    std::vector<std::thread> threads;
    const auto kept = registry.counter(hits);
    for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&registry] {
            const auto mine = registry.counter(hits);
            const auto times = registry.histogram(request_time);
            for (std::uint64_t i = 0; i < 10'000; ++i) {
                mine->add();
                times->record(i);
            }
        });
    }
    for (int i = 0; i < 20; ++i) page(registry);
    for (std::thread& thread : threads) thread.join();
    CHECK(shows(registry, "klog_hits_total 30000"));
}

}  // namespace klog::metrics
