// SPDX-License-Identifier: Apache-2.0
#include "cmd/offsets_grammar.h"

#include <algorithm>
#include <cctype>

#include "cmd/quantity.h"

namespace klog::cmd {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::TimestampMs;
using Kind = Position::Kind;

bool all_digits(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c); });
}

auto not_an_offset(std::string_view text) {
    return fail(Errc::invalid_argument,
                "'{}' is not an offset: write start, end, N, N:M, +N, -N, ~N, @TIME, @T1:T2 or :end", text);
}

std::optional<Position> word(std::string_view text) {
    if (text == "start" || text == "beginning" || text == "earliest") return Position{Kind::start, 0};
    if (text == "end" || text == "latest") return Position{Kind::end, 0};
    if (text == "stored" || text == "committed") return Position{Kind::stored, 0};
    return std::nullopt;
}

/// A position without a colon in it.
Result<Position> simple(std::string_view text) {
    if (const auto known = word(text)) return *known;
    if (text.empty()) return not_an_offset(text);
    const std::string_view digits = text.substr(1);
    if (all_digits(text)) {
        KLOG_TRY(const std::int64_t number, parse_integer(text));
        return Position{Kind::at, number};
    }
    if (!all_digits(digits)) return not_an_offset(text);
    KLOG_TRY(const std::int64_t number, parse_integer(digits));
    switch (text[0]) {
        case '+': return Position{Kind::after_start, number};
        case '-': return Position{Kind::before_end, number};
        case '~': return Position{Kind::last_in_all, number};
        default: return not_an_offset(text);
    }
}

/// What may stand behind the colon of "@T1:": a time, a duration counted from T1, or end.
Result<Position> end_of_time_range(std::string_view text, TimestampMs from_ms, bool has_from, TimestampMs now_ms) {
    if (text.starts_with('@')) text.remove_prefix(1);
    if (text == "end") return Position{Kind::end, 0};
    if (has_from && !text.empty() && std::isdigit(static_cast<unsigned char>(text[0])) &&
        std::isalpha(static_cast<unsigned char>(text.back())) && text.back() != 'Z' && text.back() != 'z') {
        KLOG_TRY(const std::int64_t span_us, parse_duration_us(text));
        return Position{Kind::at_time, from_ms + span_us / 1000};
    }
    KLOG_TRY(const TimestampMs time, parse_time(text, now_ms));
    return Position{Kind::at_time, time};
}

Result<OffsetRange> time_range(std::string_view text, TimestampMs now_ms) {
    if (text.starts_with(':')) {
        KLOG_TRY(const Position until, end_of_time_range(text.substr(1), 0, false, now_ms));
        return OffsetRange{{Kind::start, 0}, until};
    }
    KLOG_TRY(const TimePrefix from, parse_time_prefix(text, now_ms));
    OffsetRange range{{Kind::at_time, from.time_ms}, std::nullopt};
    if (from.rest.size() <= 1) return range;
    KLOG_TRY(range.until, end_of_time_range(from.rest.substr(1), from.time_ms, true, now_ms));
    return range;
}

Result<OffsetRange> parse_range(std::string_view text, TimestampMs now_ms) {
    if (text.starts_with('@')) return time_range(text.substr(1), now_ms);
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) {
        KLOG_TRY(const Position from, simple(text));
        return OffsetRange{from, std::nullopt};
    }
    OffsetRange range;
    if (colon > 0) {
        KLOG_TRY(range.from, simple(text.substr(0, colon)));
    }
    const std::string_view until = text.substr(colon + 1);
    if (until.starts_with('@')) {
        KLOG_TRY(range.until, end_of_time_range(until, 0, false, now_ms));
    } else if (!until.empty()) {
        KLOG_TRY(range.until, simple(until));
    } else if (colon == 0) {
        return not_an_offset(text);
    }
    if (range.until && range.until->kind == Kind::last_in_all) return not_an_offset(text);
    if (range.until && range.from.kind == Kind::at && range.until->kind == Kind::at &&
        range.until->number < range.from.number)
        return fail(Errc::invalid_argument, "'{}' ends before it begins", text);
    return range;
}

/// "0=10:20,2=end": the pieces part at commas that are followed by a partition number and '='.
Result<OffsetExpression> parse_map(std::string_view text, TimestampMs now_ms) {
    OffsetExpression expression;
    while (!text.empty()) {
        const std::size_t equals = text.find('=');
        if (equals == std::string_view::npos || !all_digits(text.substr(0, equals))) return not_an_offset(text);
        KLOG_TRY(const std::int64_t partition, parse_integer(text.substr(0, equals)));
        if (partition > INT32_MAX) return fail(Errc::invalid_argument, "there is no partition {}", partition);
        text.remove_prefix(equals + 1);
        const std::size_t comma = std::min(text.find(','), text.size());
        KLOG_TRY(const OffsetRange range, parse_range(text.substr(0, comma), now_ms));
        if (range.from.kind == Kind::last_in_all)
            return fail(Errc::invalid_argument, "~N counts over all partitions; for one partition write -N");
        const base::PartitionId id{static_cast<std::int32_t>(partition)};
        if (!expression.each.emplace(id, range).second)
            return fail(Errc::invalid_argument, "partition {} is named twice", partition);
        text.remove_prefix(std::min(comma + 1, text.size()));
    }
    return expression;
}

}  // namespace

Result<OffsetExpression> parse_offsets(std::string_view text, TimestampMs now_ms) {
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos && all_digits(text.substr(0, equals))) return parse_map(text, now_ms);
    OffsetExpression expression;
    KLOG_TRY(expression.all, parse_range(text, now_ms));
    return expression;
}

}  // namespace klog::cmd
