// SPDX-License-Identifier: Apache-2.0
#include "cmd/java_text.h"

#include <cstddef>

namespace klog::cmd {
namespace {

/// How long the sequence of UTF-8 at the front is; when it is not valid, `good` is false and the length is that of the
/// longest start of a valid one, or 1, which is what Java replaces at once.
std::size_t sequence_length(std::string_view text, bool& good) {
    const auto at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
    const unsigned first = at(0);
    good = true;
    if (first < 0x80) return 1;
    const std::size_t length = first >= 0xc2 && first <= 0xdf   ? 2
                               : (first & 0xf0) == 0xe0         ? 3
                               : first >= 0xf0 && first <= 0xf4 ? 4
                                                                : 0;
    good = false;
    if (length == 0) return 1;
    unsigned low = 0x80, high = 0xbf;
    if (first == 0xe0) low = 0xa0;
    if (first == 0xed) high = 0x9f;
    if (first == 0xf0) low = 0x90;
    if (first == 0xf4) high = 0x8f;
    for (std::size_t i = 1; i < length; ++i) {
        if (at(i) < low || at(i) > high) return i;
        low = 0x80, high = 0xbf;
    }
    good = true;
    return length;
}

}  // namespace

void append_java_text(std::string& out, std::string_view text) {
    while (!text.empty()) {
        bool good = false;
        const std::size_t length = sequence_length(text, good);
        if (good)
            out += text.substr(0, length);
        else
            out += "\xef\xbf\xbd";
        text.remove_prefix(length);
    }
}

void append_java_json_string(std::string& out, std::string_view bytes) {
    std::string text;
    append_java_text(text, bytes);
    out += '"';
    constexpr std::string_view digits = "0123456789ABCDEF";
    for (const char c : text) {
        switch (c) {
            case '"': out += "\\\""; break;
            case '\\': out += "\\\\"; break;
            case '\b': out += "\\b"; break;
            case '\f': out += "\\f"; break;
            case '\n': out += "\\n"; break;
            case '\r': out += "\\r"; break;
            case '\t': out += "\\t"; break;
            default:
                if (static_cast<unsigned char>(c) >= 0x20) {
                    out += c;
                    break;
                }
                out += "\\u00";
                out += digits[static_cast<unsigned char>(c) >> 4];
                out += digits[c & 15];
        }
    }
    out += '"';
}

}  // namespace klog::cmd
