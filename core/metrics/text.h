// SPDX-License-Identifier: Apache-2.0
// The Prometheus text format, version 0.0.4 (content type below).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/metrics/instruments.h"

namespace klog::metrics {

inline constexpr std::string_view text_content_type = "text/plain; version=0.0.4; charset=utf-8";

using Labels = std::vector<std::pair<std::string, std::string>>;

/// Builds one page. Samples follow the family that they belong to.
class TextWriter {
public:
    /// `type`: counter, gauge, summary or histogram.
    void family(std::string_view name, std::string_view type, std::string_view help);
    void sample(std::string_view name, const Labels& labels, std::uint64_t value);
    void sample(std::string_view name, const Labels& labels, std::int64_t value);
    void sample(std::string_view name, const Labels& labels, double value);
    /// Kafka's shape: a sample per quantile and `_count`. `scale` turns recorded values into the unit that is shown.
    void summary(std::string_view name, const Labels& labels, const HistogramCounts& counts, double scale);
    /// Prometheus' shape: cumulative buckets up to powers of two, `_sum` and `_count`.
    void histogram(std::string_view name, const Labels& labels, const HistogramCounts& counts, double scale);

    const std::string& text() const { return text_; }

private:
    void line(std::string_view name, const Labels& labels, std::string_view value);

    std::string text_;
};

}  // namespace klog::metrics
