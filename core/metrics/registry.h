// SPDX-License-Identifier: Apache-2.0
// Knows all instruments of one broker and shows them. The broker owns it and hands it to whoever counts; there is no
// global one, so that several brokers live in one test.
//
// Instruments are asked for when something is set up (its mutex is never near a hot path) and held by whoever updates
// them. Asking twice for the same name and labels gives two instruments of one series, one for each shard: they are
// added up when shown. A series is shown for as long as somebody holds one of its instruments.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/metrics/instruments.h"
#include "core/metrics/text.h"

namespace klog::metrics {

enum class Shape { summary, histogram };

/// The name and what else is the same for all series of a metric. One constant each, in metrics/names.h.
struct Family {
    std::string_view name;
    std::string_view help;
    double scale = 1;              // Of a histogram: recorded value times scale is what is shown.
    Shape shape = Shape::summary;  // Of a histogram.
};

class Registry {
public:
    /// Beyond it instruments work but are not shown; `klog_metrics_series_left_out` counts them.
    static constexpr std::size_t series_max = 20'000;

    std::shared_ptr<Counter> counter(const Family& family, Labels labels = {});
    std::shared_ptr<Gauge> gauge(const Family& family, Labels labels = {});
    std::shared_ptr<Histogram> histogram(const Family& family, Labels labels = {});

    /// All series, by kind and name. May be called on any thread.
    void write(TextWriter& to);

private:
    template <class Instrument>
    struct Series {
        std::vector<std::shared_ptr<Instrument>> held;
        Instrument::Total given_back{};  // Of instruments whose owners are gone, while others are held.
    };
    template <class Instrument>
    struct Group {
        Family family;
        std::map<Labels, Series<Instrument>> series;
    };
    template <class Instrument>
    using Groups = std::map<std::string, Group<Instrument>, std::less<>>;

    template <class Instrument>
    std::shared_ptr<Instrument> make(Groups<Instrument>& groups, const Family& family, Labels labels);
    template <class Instrument>
    void write_group(TextWriter& to, Group<Instrument>& group);
    template <class Instrument>
    void write_groups(TextWriter& to, Groups<Instrument>& groups);

    std::mutex mutex_;
    Groups<Counter> counters_;
    Groups<Gauge> gauges_;
    Groups<Histogram> histograms_;
    std::size_t series_ = 0;
    std::uint64_t left_out_ = 0;
};

}  // namespace klog::metrics
