// SPDX-License-Identifier: Apache-2.0
#include "cmd/quantity.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

namespace klog::cmd {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::TimestampMs;

/// Takes a decimal number from the front; no sign. False: there is none.
bool take_number(std::string_view& text, double& out) {
    std::size_t end = 0;
    while (end < text.size() && (std::isdigit(static_cast<unsigned char>(text[end])) || text[end] == '.')) ++end;
    // An exponent only when digits follow, so that "1e" is not half eaten.
    if (end > 0 && end + 1 < text.size() && (text[end] == 'e' || text[end] == 'E') &&
        std::isdigit(static_cast<unsigned char>(text[end + 1]))) {
        ++end;
        while (end < text.size() && std::isdigit(static_cast<unsigned char>(text[end]))) ++end;
    }
    if (end == 0) return false;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + end, out);
    if (error != std::errc{} || stop != text.data() + end) return false;
    text.remove_prefix(end);
    return true;
}

std::optional<double> size_unit(std::string_view unit) {
    if (unit.ends_with('B') || unit.ends_with('b')) unit.remove_suffix(1);
    if (unit.empty()) return 1;
    double base = 1000;
    if (unit.size() == 2 && (unit[1] == 'i' || unit[1] == 'I'))
        base = 1024;
    else if (unit.size() != 1)
        return std::nullopt;
    switch (unit[0]) {
        case 'k':
        case 'K': return base;
        case 'm':
        case 'M': return base * base;
        case 'g':
        case 'G': return base * base * base;
        case 't':
        case 'T': return base * base * base * base;
        default: return std::nullopt;
    }
}

/// Microseconds of a unit; 0 when there is no such unit.
std::int64_t duration_unit_us(std::string_view unit) {
    if (unit == "us") return 1;
    if (unit == "ms") return 1000;
    if (unit == "s") return 1'000'000;
    if (unit == "m" || unit == "min") return 60'000'000;
    if (unit == "h") return 3'600'000'000;
    if (unit == "d") return 86'400'000'000;
    if (unit == "w") return 7 * 86'400'000'000;
    return 0;
}

/// Takes exactly `n` digits.
bool take_digits(std::string_view& text, std::size_t n, int& out) {
    if (text.size() < n) return false;
    out = 0;
    for (std::size_t i = 0; i < n; ++i) {
        if (!std::isdigit(static_cast<unsigned char>(text[i]))) return false;
        out = out * 10 + (text[i] - '0');
    }
    text.remove_prefix(n);
    return true;
}

bool take(std::string_view& text, char c) {
    if (text.empty() || text[0] != c) return false;
    text.remove_prefix(1);
    return true;
}

/// Z, +hh:mm, -hh:mm, +hhmm or nothing (UTC). Minutes east.
bool take_zone(std::string_view& text, int& minutes_east) {
    minutes_east = 0;
    if (take(text, 'Z') || take(text, 'z')) return true;
    const bool east = !text.empty() && text[0] == '+';
    if (!east && (text.empty() || text[0] != '-')) return true;
    text.remove_prefix(1);
    int hours = 0, minutes = 0;
    if (!take_digits(text, 2, hours)) return false;
    take(text, ':');
    if (!take_digits(text, 2, minutes) || hours > 23 || minutes > 59) return false;
    minutes_east = (east ? 1 : -1) * (hours * 60 + minutes);
    return true;
}

std::optional<TimestampMs> parse_calendar(std::string_view text) {
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, zone = 0;
    std::int64_t millis = 0;
    if (!take_digits(text, 4, year) || !take(text, '-') || !take_digits(text, 2, month) || !take(text, '-') ||
        !take_digits(text, 2, day))
        return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    if (!date.ok()) return std::nullopt;
    if (take(text, 'T') || take(text, 't') || take(text, ' ')) {
        if (!take_digits(text, 2, hour) || !take(text, ':') || !take_digits(text, 2, minute)) return std::nullopt;
        if (take(text, ':')) {
            if (!take_digits(text, 2, second)) return std::nullopt;
            if (take(text, '.')) {
                if (text.empty() || !std::isdigit(static_cast<unsigned char>(text[0]))) return std::nullopt;
                std::int64_t unit = 100;
                for (int digit = 0; take_digits(text, 1, digit); unit /= 10) millis += digit * unit;
            }
        }
        if (!take_zone(text, zone)) return std::nullopt;
    }
    if (!text.empty() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
    const auto days = std::chrono::sys_days(date).time_since_epoch().count();
    return ((static_cast<std::int64_t>(days) * 24 + hour) * 60 + minute - zone) * 60'000 + std::int64_t{second} * 1000 +
           millis;
}

/// Seconds have 10 digits between 2001 and 2286, milliseconds 13, microseconds 16, nanoseconds 19.
TimestampMs scale_epoch(std::int64_t number, std::size_t digits) {
    if (digits >= 18) return number / 1'000'000;
    if (digits >= 15) return number / 1000;
    return digits == 10 ? number * 1000 : number;
}

}  // namespace

Result<std::int64_t> parse_size(std::string_view text) {
    std::string_view rest = text;
    double number = 0;
    const bool ok = take_number(rest, number);
    const auto unit = ok ? size_unit(rest) : std::nullopt;
    if (!unit) return fail(Errc::invalid_argument, "'{}' is not a size: write 64k, 1MiB or a number of bytes", text);
    const double bytes = number * *unit;
    if (!(bytes <= 9e18)) return fail(Errc::invalid_argument, "'{}' is too large", text);
    return static_cast<std::int64_t>(std::llround(bytes));
}

Result<std::int64_t> parse_integer(std::string_view text) {
    std::int64_t number = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || error != std::errc{} || stop != text.data() + text.size())
        return fail(Errc::invalid_argument, "'{}' is not a whole number", text);
    return number;
}

Result<std::int64_t> parse_duration_us(std::string_view text, std::int64_t bare_unit_ms) {
    std::string_view rest = text;
    double sum = 0;
    bool first = true;
    const auto bad = [&] {
        return fail(Errc::invalid_argument, "'{}' is not a duration: write 500ms, 2s, 1h30m or 7d", text);
    };
    while (first || !rest.empty()) {
        double number = 0;
        if (!take_number(rest, number)) return bad();
        std::size_t end = 0;
        while (end < rest.size() && std::isalpha(static_cast<unsigned char>(rest[end]))) ++end;
        const bool bare = first && end == 0 && rest.empty();
        const std::int64_t unit = bare ? bare_unit_ms * 1000 : duration_unit_us(rest.substr(0, end));
        if (unit == 0) return bad();
        sum += number * static_cast<double>(unit);
        rest.remove_prefix(end);
        first = false;
    }
    if (!(sum <= 9e18)) return fail(Errc::invalid_argument, "'{}' is too long", text);
    return static_cast<std::int64_t>(std::llround(sum));
}

Result<TimestampMs> parse_time(std::string_view text, TimestampMs now_ms) {
    const auto bad = [&] {
        return fail(Errc::invalid_argument,
                    "'{}' is not a time: write 2026-02-14, 2026-02-14T10:00:00Z, -1h30m or milliseconds since 1970",
                    text);
    };
    if (text == "now") return now_ms;
    if (text.empty()) return bad();
    if (text[0] == '-' || text[0] == '+') {
        const auto span_us = parse_duration_us(text.substr(1));
        if (!span_us || std::isdigit(static_cast<unsigned char>(text.back()))) return bad();
        return text[0] == '-' ? now_ms - *span_us / 1000 : now_ms + *span_us / 1000;
    }
    if (std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c); })) {
        const auto number = parse_integer(text);
        if (!number) return bad();
        return scale_epoch(*number, text.size());
    }
    if (const auto calendar = parse_calendar(text)) return *calendar;
    return bad();
}

Result<TimePrefix> parse_time_prefix(std::string_view text, TimestampMs now_ms) {
    // The longest reading wins: in 2026-02-14T10:00:30 the last colon belongs to the time.
    std::size_t end = text.size();
    for (;;) {
        if (const auto time = parse_time(text.substr(0, end), now_ms)) return TimePrefix{*time, text.substr(end)};
        if (end == 0) break;
        const std::size_t colon = text.rfind(':', end - 1);
        if (colon == std::string_view::npos) break;
        end = colon;
    }
    return std::unexpected(parse_time(text, now_ms).error());
}

namespace {

/// With leading zeros. Records are printed by the million: this is what -f %F spends its time on.
void append_digits(std::string& out, unsigned number, int digits) {
    char text[4];
    for (int i = digits; i-- > 0; number /= 10) text[i] = static_cast<char>('0' + number % 10);
    out.append(text, static_cast<std::size_t>(digits));
}

}  // namespace

void append_rfc3339(std::string& out, TimestampMs time_ms) {
    if (time_ms == -1) {
        out += '-';
        return;
    }
    // 0000-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z; chrono overflows not far behind its own years.
    constexpr TimestampMs first_ms = -62'167'219'200'000, last_ms = 253'402'300'799'999;
    if (time_ms < first_ms || time_ms > last_ms) {
        fmt::format_to(std::back_inserter(out), "{}", time_ms);
        return;
    }
    using namespace std::chrono;
    const sys_time<milliseconds> moment{milliseconds(time_ms)};
    const auto day = floor<days>(moment);
    const year_month_day date{day};
    const hh_mm_ss time{moment - day};
    append_digits(out, static_cast<unsigned>(static_cast<int>(date.year())), 4);
    const auto part = [&](char before, unsigned number, int digits) {
        out += before;
        append_digits(out, number, digits);
    };
    part('-', static_cast<unsigned>(date.month()), 2);
    part('-', static_cast<unsigned>(date.day()), 2);
    part('T', static_cast<unsigned>(time.hours().count()), 2);
    part(':', static_cast<unsigned>(time.minutes().count()), 2);
    part(':', static_cast<unsigned>(time.seconds().count()), 2);
    part('.', static_cast<unsigned>(time.subseconds().count()), 3);
    out += 'Z';
}

std::string human_bytes(std::int64_t bytes) {
    static constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 1024 && unit + 1 < std::size(units)) value /= 1024, ++unit;
    return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

std::string human_duration(std::int64_t ms) {
    if (ms < 1000) return fmt::format("{}ms", ms);
    const std::int64_t s = ms / 1000;
    if (s < 60) return fmt::format("{}s", s);
    if (s < 3600) return s % 60 == 0 ? fmt::format("{}m", s / 60) : fmt::format("{}m{}s", s / 60, s % 60);
    if (s < 86'400)
        return s / 60 % 60 == 0 ? fmt::format("{}h", s / 3600) : fmt::format("{}h{}m", s / 3600, s / 60 % 60);
    return s / 3600 % 24 == 0 ? fmt::format("{}d", s / 86'400) : fmt::format("{}d{}h", s / 86'400, s / 3600 % 24);
}

}  // namespace klog::cmd
