// SPDX-License-Identifier: Apache-2.0
#include "cmd/text_codec.h"

#include <array>
#include <cstdint>
#include <cstring>

namespace klog::cmd {
namespace {

using base::Errc;
using base::fail;
using base::Result;

constexpr char hex_digits[] = "0123456789abcdef";
constexpr char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

constexpr std::array<std::int8_t, 256> base64_values = [] {
    std::array<std::int8_t, 256> values{};
    values.fill(-1);
    for (int i = 0; i < 64; ++i) values[static_cast<unsigned char>(base64_digits[i])] = static_cast<std::int8_t>(i);
    values['-'] = 62;
    values['_'] = 63;
    return values;
}();

/// Length of the UTF-8 sequence at the front of `rest`; 0 when it is not one (RFC 3629: no surrogates, nothing over
/// U+10FFFF, no overlong forms).
std::size_t sequence_length(std::string_view rest) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(rest[i]); };
    const auto continues = [&](std::size_t i, std::uint8_t low = 0x80, std::uint8_t high = 0xbf) {
        return i < rest.size() && byte(i) >= low && byte(i) <= high;
    };
    const std::uint8_t first = byte(0);
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first <= 0xdf) return continues(1) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        const std::uint8_t low = first == 0xe0 ? 0xa0 : 0x80;
        const std::uint8_t high = first == 0xed ? 0x9f : 0xbf;
        return continues(1, low, high) && continues(2) ? 3 : 0;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        const std::uint8_t low = first == 0xf0 ? 0x90 : 0x80;
        const std::uint8_t high = first == 0xf4 ? 0x8f : 0xbf;
        return continues(1, low, high) && continues(2) && continues(3) ? 4 : 0;
    }
    return 0;
}

/// Bytes at the front that are plain ASCII, eight at a time.
std::size_t ascii_prefix(std::string_view text) {
    std::size_t n = 0;
    for (std::uint64_t word; n + sizeof word <= text.size(); n += sizeof word) {
        std::memcpy(&word, text.data() + n, sizeof word);
        if ((word & 0x8080808080808080) != 0) break;
    }
    while (n < text.size() && static_cast<std::uint8_t>(text[n]) < 0x80) ++n;
    return n;
}

void append_json_escape(std::string& out, char c) {
    switch (c) {
        case '"': out += "\\\""; return;
        case '\\': out += "\\\\"; return;
        case '\n': out += "\\n"; return;
        case '\r': out += "\\r"; return;
        case '\t': out += "\\t"; return;
        case '\b': out += "\\b"; return;
        case '\f': out += "\\f"; return;
        default: break;
    }
    out += "\\u00";
    out += hex_digits[static_cast<std::uint8_t>(c) >> 4];
    out += hex_digits[static_cast<std::uint8_t>(c) & 15];
}

}  // namespace

Result<std::string> unescape(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\') {
            out += text[i];
            continue;
        }
        if (++i == text.size()) return fail(Errc::invalid_argument, "'{}' ends in a lone backslash", text);
        switch (text[i]) {
            case 'n': out += '\n'; break;
            case 't': out += '\t'; break;
            case 'r': out += '\r'; break;
            case '0': out += '\0'; break;
            case '\\': out += '\\'; break;
            case 'x':
                if (i + 2 >= text.size() || !append_unhex(out, text.substr(i + 1, 2)))
                    return fail(Errc::invalid_argument, "\\x in '{}' needs two hexadecimal digits", text);
                i += 2;
                break;
            default:
                return fail(Errc::invalid_argument, "unknown escape \\{} in '{}': known are \\n \\t \\r \\0 \\\\ \\xNN",
                            text[i], text);
        }
    }
    return out;
}

void append_hex(std::string& out, std::string_view bytes) {
    const std::size_t before = out.size();
    out.resize(before + 2 * bytes.size());
    char* to = out.data() + before;
    for (const char c : bytes) {
        *to++ = hex_digits[static_cast<std::uint8_t>(c) >> 4];
        *to++ = hex_digits[static_cast<std::uint8_t>(c) & 15];
    }
}

bool append_unhex(std::string& out, std::string_view text) {
    if (text.size() % 2 != 0) return false;
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const int high = hex_value(text[i]), low = hex_value(text[i + 1]);
        if (high < 0 || low < 0) return false;
        out += static_cast<char>(high * 16 + low);
    }
    return true;
}

void append_base64(std::string& out, std::string_view bytes) {
    std::size_t i = 0;
    const auto byte = [&](std::size_t at) { return static_cast<std::uint32_t>(static_cast<std::uint8_t>(bytes[at])); };
    for (; i + 3 <= bytes.size(); i += 3) {
        const std::uint32_t group = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
        const char four[] = {base64_digits[group >> 18], base64_digits[group >> 12 & 63],
                             base64_digits[group >> 6 & 63], base64_digits[group & 63]};
        out.append(four, 4);
    }
    if (i + 1 == bytes.size()) {
        const std::uint32_t group = byte(i) << 16;
        const char four[] = {base64_digits[group >> 18], base64_digits[group >> 12 & 63], '=', '='};
        out.append(four, 4);
    } else if (i + 2 == bytes.size()) {
        const std::uint32_t group = byte(i) << 16 | byte(i + 1) << 8;
        const char four[] = {base64_digits[group >> 18], base64_digits[group >> 12 & 63],
                             base64_digits[group >> 6 & 63], '='};
        out.append(four, 4);
    }
}

bool append_unbase64(std::string& out, std::string_view text) {
    for (int pad = 0; pad < 2 && text.ends_with('='); ++pad) text.remove_suffix(1);
    std::uint32_t group = 0;
    int bits = 0;
    for (const char c : text) {
        const int value = base64_values[static_cast<std::uint8_t>(c)];
        if (value < 0) return false;
        group = (group << 6 | static_cast<std::uint32_t>(value)) & 0xffffff;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out += static_cast<char>(group >> bits & 0xff);
        }
    }
    // A single left-over digit holds no byte; spare bits must be zero, or two texts would mean the same bytes.
    return bits < 6 && (group & ((1U << bits) - 1)) == 0;
}

bool is_utf8(std::string_view bytes) {
    for (;;) {
        bytes.remove_prefix(ascii_prefix(bytes));
        if (bytes.empty()) return true;
        const std::size_t length = sequence_length(bytes);
        if (length == 0) return false;
        bytes.remove_prefix(length);
    }
}

namespace {

/// Whether a JSON string may hold these eight bytes as they are. False for some that it may, next to one that it may
/// not.
bool plain_in_json(const char* eight) {
    constexpr std::uint64_t ones = 0x0101010101010101, tops = ones * 0x80;
    std::uint64_t word;
    std::memcpy(&word, eight, sizeof word);
    const std::uint64_t quote = word ^ (ones * '"'), backslash = word ^ (ones * '\\');
    const std::uint64_t below = (word - ones * 0x20) | (quote - ones) | (backslash - ones);
    return ((below | word) & tops) == 0;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    std::size_t from = 0, i = 0;
    const auto flush = [&] { out.append(text.data() + from, i - from); };
    while (i < text.size()) {
        while (text.size() - i >= 8 && plain_in_json(text.data() + i)) i += 8;
        if (i == text.size()) break;
        const auto c = static_cast<std::uint8_t>(text[i]);
        if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
            ++i;
            continue;
        }
        const std::size_t length = c < 0x80 ? 0 : sequence_length(text.substr(i));
        if (length > 0) {
            i += length;
            continue;
        }
        flush();
        if (c < 0x80)
            append_json_escape(out, text[i]);
        else
            out += "\xef\xbf\xbd";
        from = ++i;
    }
    flush();
    out += '"';
}

void append_printable(std::string& out, std::string_view bytes) {
    std::size_t i = 0;
    const auto plain = [](char c) { return c >= 0x20 && c < 0x7f && c != '\\'; };
    while (i < bytes.size()) {
        const std::size_t from = i;
        while (i < bytes.size() && plain(bytes[i])) ++i;
        out.append(bytes.data() + from, i - from);
        if (i == bytes.size()) return;
        const auto c = static_cast<std::uint8_t>(bytes[i]);
        if (c >= 0x80) {
            if (const std::size_t length = sequence_length(bytes.substr(i)); length > 0) {
                out.append(bytes.data() + i, length);
                i += length;
                continue;
            }
        }
        if (c == '\n')
            out += "\\n";
        else if (c == '\t')
            out += "\\t";
        else if (c == '\r')
            out += "\\r";
        else if (c == '\\')
            out += "\\\\";
        else {
            out += "\\x";
            append_hex(out, bytes.substr(i, 1));
        }
        ++i;
    }
}

}  // namespace klog::cmd
