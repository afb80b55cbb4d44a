// SPDX-License-Identifier: Apache-2.0
#include "core/metrics/registry.h"

#include <algorithm>

#include "core/base/check.h"

namespace klog::metrics {

namespace {

/// Adds up what is held, and keeps the count of what nobody but the registry holds any more.
template <class Series, class Total>
Total gather(Series& series, Total total) {
    std::erase_if(series.held, [&](const auto& instrument) {
        total += instrument->value();
        if (instrument.use_count() > 1) return false;
        if constexpr (std::decay_t<decltype(*instrument)>::outlives_its_owner) series.given_back += instrument->value();
        return true;
    });
    return total;
}

void write_series(TextWriter& to, const Family& family, const Labels& labels, std::uint64_t total) {
    to.sample(family.name, labels, total);
}
void write_series(TextWriter& to, const Family& family, const Labels& labels, std::int64_t total) {
    to.sample(family.name, labels, total);
}
void write_series(TextWriter& to, const Family& family, const Labels& labels, const HistogramCounts& total) {
    if (family.shape == Shape::summary) return to.summary(family.name, labels, total, family.scale);
    to.histogram(family.name, labels, total, family.scale);
}

template <class Instrument>
std::string_view type_of(const Family& family) {
    if constexpr (std::is_same_v<Instrument, Counter>) return "counter";
    if constexpr (std::is_same_v<Instrument, Gauge>) return "gauge";
    return family.shape == Shape::summary ? "summary" : "histogram";
}

}  // namespace

template <class Instrument>
std::shared_ptr<Instrument> Registry::make(Groups<Instrument>& groups, const Family& family, Labels labels) {
    auto made = std::make_shared<Instrument>();
    const std::scoped_lock guard(mutex_);
    const auto kinds = counters_.count(family.name) + gauges_.count(family.name) + histograms_.count(family.name);
    KLOG_CHECK(kinds == groups.count(family.name), "one name is one kind of metric");
    Group<Instrument>& group =
        groups.try_emplace(std::string(family.name), Group<Instrument>{family, {}}).first->second;
    auto found = group.series.find(labels);
    if (found == group.series.end()) {
        if (series_ >= series_max) {
            ++left_out_;
            return made;
        }
        ++series_;
        found = group.series.emplace(std::move(labels), Series<Instrument>{}).first;
    }
    found->second.held.push_back(made);
    return made;
}

std::shared_ptr<Counter> Registry::counter(const Family& family, Labels labels) {
    return make(counters_, family, std::move(labels));
}

std::shared_ptr<Gauge> Registry::gauge(const Family& family, Labels labels) {
    return make(gauges_, family, std::move(labels));
}

std::shared_ptr<Histogram> Registry::histogram(const Family& family, Labels labels) {
    return make(histograms_, family, std::move(labels));
}

template <class Instrument>
void Registry::write_group(TextWriter& to, Group<Instrument>& group) {
    bool is_first = true;
    for (auto it = group.series.begin(); it != group.series.end();) {
        auto total = gather(it->second, it->second.given_back);
        if (it->second.held.empty()) {
            it = group.series.erase(it);
            --series_;
            continue;
        }
        if (is_first) to.family(group.family.name, type_of<Instrument>(group.family), group.family.help);
        is_first = false;
        write_series(to, group.family, it->first, total);
        ++it;
    }
}

template <class Instrument>
void Registry::write_groups(TextWriter& to, Groups<Instrument>& groups) {
    for (auto& [name, group] : groups) write_group(to, group);
}

void Registry::write(TextWriter& to) {
    const std::scoped_lock guard(mutex_);
    write_groups(to, counters_);
    write_groups(to, gauges_);
    write_groups(to, histograms_);
    constexpr std::string_view left_out = "klog_metrics_series_left_out";
    to.family(left_out, "gauge", "Series that are not shown, because there are too many.");
    to.sample(left_out, {}, left_out_);
}

}  // namespace klog::metrics
