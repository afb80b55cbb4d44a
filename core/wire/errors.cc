// SPDX-License-Identifier: Apache-2.0
#include "core/wire/errors.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace klog::wire {

namespace {

enum class Kind { fatal, retry, refresh };

template <std::size_t n>
constexpr std::array<char, n> upper(const char (&text)[n]) {
    std::array<char, n> out{};
    std::ranges::transform(text, out.begin(),
                           [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    return out;
}

#define KLOG_WIRE_ERROR(code, name, kind) constexpr auto text_of_##name = upper(#name);
KLOG_WIRE_ERRORS(KLOG_WIRE_ERROR)
#undef KLOG_WIRE_ERROR

struct Row {
    ErrorCode code;
    std::string_view name;
    Kind kind;
};

constexpr Row rows[] = {
#define KLOG_WIRE_ERROR(code, name, kind) \
    {ErrorCode::name, {text_of_##name.data(), text_of_##name.size() - 1}, Kind::kind},
    KLOG_WIRE_ERRORS(KLOG_WIRE_ERROR)
#undef KLOG_WIRE_ERROR
};
static_assert(rows[0].code == ErrorCode::unknown_server_error && static_cast<int>(rows[0].code) == -1);
static_assert([] {
    int code = -1;
    return std::ranges::all_of(rows, [&](const Row& row) { return static_cast<int>(row.code) == code++; });
}());

const Row* row_of(ErrorCode code) {
    const int index = static_cast<int>(code) + 1;  // The codes are dense from -1 on.
    return index >= 0 && index < static_cast<int>(std::size(rows)) ? &rows[index] : nullptr;
}

}  // namespace

std::string_view name_of(ErrorCode code) {
    const Row* row = row_of(code);
    return row != nullptr ? row->name : "UNKNOWN";
}

bool is_retriable(ErrorCode code) {
    const Row* row = row_of(code);
    return row != nullptr && row->kind != Kind::fatal;
}

bool needs_new_metadata(ErrorCode code) {
    const Row* row = row_of(code);
    return row != nullptr && row->kind == Kind::refresh;
}

std::optional<ErrorCode> parse_error_code(std::string_view text) {
    int number = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (fault == std::errc{} && end == text.data() + text.size()) {
        if (number < -1 || number >= static_cast<int>(std::size(rows)) - 1) return std::nullopt;
        return static_cast<ErrorCode>(number);
    }
    const auto same = [](char a, char b) { return a == b || (b >= 'a' && b <= 'z' && a == b - 32); };
    for (const Row& row : rows) {
        if (std::ranges::equal(row.name, text, same)) return row.code;
    }
    return std::nullopt;
}

}  // namespace klog::wire
