// SPDX-License-Identifier: Apache-2.0
#include "core/metrics/text.h"

#include <cmath>

#include <fmt/format.h>

namespace klog::metrics {

namespace {

constexpr double quantiles[] = {0.5, 0.75, 0.95, 0.98, 0.99, 0.999};

/// Bucket bounds are 4^3 .. 4^13: 64 us to 67 s where microseconds are recorded.
constexpr unsigned bound_bits_min = 6;
constexpr unsigned bound_bits_max = 26;

void append_escaped(std::string& to, std::string_view text, bool quotes) {
    for (const char c : text) {
        if (c == '\\' || (c == '"' && quotes)) to += '\\';
        if (c == '\n') {
            to += "\\n";
        } else {
            to += c;
        }
    }
}

std::string number(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
    return fmt::format("{:.12g}", value);  // Scaled values carry the noise of doubles behind these digits.
}

Labels with(Labels labels, std::string name, std::string value) {
    labels.emplace_back(std::move(name), std::move(value));
    return labels;
}

std::string joined(std::string_view name, std::string_view suffix) { return std::string(name) += suffix; }

}  // namespace

void TextWriter::family(std::string_view name, std::string_view type, std::string_view help) {
    text_ += fmt::format("# HELP {} ", name);
    append_escaped(text_, help, false);
    text_ += fmt::format("\n# TYPE {} {}\n", name, type);
}

void TextWriter::line(std::string_view name, const Labels& labels, std::string_view value) {
    text_ += name;
    char before = '{';
    for (const auto& [key, text] : labels) {
        text_ += before;
        text_ += key;
        text_ += "=\"";
        append_escaped(text_, text, true);
        text_ += '"';
        before = ',';
    }
    if (!labels.empty()) text_ += '}';
    text_ += ' ';
    text_ += value;
    text_ += '\n';
}

void TextWriter::sample(std::string_view name, const Labels& labels, std::uint64_t value) {
    line(name, labels, fmt::format_int(value).c_str());
}

void TextWriter::sample(std::string_view name, const Labels& labels, std::int64_t value) {
    line(name, labels, fmt::format_int(value).c_str());
}

void TextWriter::sample(std::string_view name, const Labels& labels, double value) {
    line(name, labels, number(value));
}

void TextWriter::summary(std::string_view name, const Labels& labels, const HistogramCounts& counts, double scale) {
    for (const double q : quantiles)
        sample(name, with(labels, "quantile", number(q)), static_cast<double>(counts.quantile(q)) * scale);
    sample(joined(name, "_count"), labels, counts.count());
}

void TextWriter::histogram(std::string_view name, const Labels& labels, const HistogramCounts& counts, double scale) {
    const std::string bucket = joined(name, "_bucket");
    for (unsigned bits = bound_bits_min; bits <= bound_bits_max; bits += 2) {
        const std::uint64_t bound = std::uint64_t{1} << bits;
        sample(bucket, with(labels, "le", number(static_cast<double>(bound) * scale)), counts.below(bound));
    }
    sample(bucket, with(labels, "le", "+Inf"), counts.count());
    sample(joined(name, "_sum"), labels, static_cast<double>(counts.sum()) * scale);
    sample(joined(name, "_count"), labels, counts.count());
}

}  // namespace klog::metrics
