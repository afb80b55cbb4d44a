// SPDX-License-Identifier: Apache-2.0
#include "core/broker/properties.h"

namespace klog::broker {
namespace {

constexpr std::string_view blanks = " \t\f";

bool is_blank(char c) { return blanks.find(c) != std::string_view::npos; }

/// Lines as Java sees them: continued ones joined, their indentation taken off, comments and empty ones left out.
class LogicalLines {
public:
    explicit LogicalLines(std::string_view text) : rest_(text) {}

    bool next(std::string& out, int& line) {
        while (!rest_.empty()) {
            std::string_view piece = take_line();
            line = line_;
            strip(piece);
            if (piece.empty() || piece.front() == '#' || piece.front() == '!') continue;
            out.clear();
            while (continues(piece)) {
                out += piece.substr(0, piece.size() - 1);
                piece = take_line();
                strip(piece);
            }
            out += piece;
            return true;
        }
        return false;
    }

private:
    static void strip(std::string_view& piece) {
        piece.remove_prefix(std::min(piece.find_first_not_of(blanks), piece.size()));
    }
    /// An odd number of backslashes at the end.
    static bool continues(std::string_view piece) {
        const std::size_t last = piece.find_last_not_of('\\');
        return (piece.size() - (last == std::string_view::npos ? 0 : last + 1)) % 2 == 1;
    }
    std::string_view take_line() {
        ++line_;
        const std::size_t end = rest_.find_first_of("\r\n");
        const std::string_view piece = rest_.substr(0, end);
        if (end == std::string_view::npos) {
            rest_ = {};
            return piece;
        }
        const bool two = rest_[end] == '\r' && end + 1 < rest_.size() && rest_[end + 1] == '\n';
        rest_.remove_prefix(end + (two ? 2 : 1));
        return piece;
    }

    std::string_view rest_;
    int line_ = 0;
};

void append_utf8(std::string& out, unsigned code) {
    if (code < 0x80) {
        out += static_cast<char>(code);
    } else if (code < 0x800) {
        out += static_cast<char>(0xc0 | code >> 6);
        out += static_cast<char>(0x80 | (code & 0x3f));
    } else {
        out += static_cast<char>(0xe0 | code >> 12);
        out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
        out += static_cast<char>(0x80 | (code & 0x3f));
    }
}

/// The four digits of a \u escape; -1: they are not.
int hex4(std::string_view digits) {
    if (digits.size() < 4) return -1;
    int code = 0;
    for (const char c : digits.substr(0, 4)) {
        constexpr std::string_view all = "0123456789abcdef";
        const std::size_t digit = all.find(static_cast<char>(c | 0x20));
        if (digit == std::string_view::npos || (c >= 0x10 && c < 0x20)) return -1;
        code = code * 16 + static_cast<int>(digit);
    }
    return code;
}

bool unescape(std::string_view from, std::string& out) {
    for (std::size_t i = 0; i < from.size(); ++i) {
        if (from[i] != '\\' || i + 1 == from.size()) {
            if (from[i] != '\\') out += from[i];
            continue;
        }
        switch (const char c = from[++i]) {
            case 't': out += '\t'; break;
            case 'n': out += '\n'; break;
            case 'r': out += '\r'; break;
            case 'f': out += '\f'; break;
            case 'u': {
                const int code = hex4(from.substr(i + 1));
                if (code < 0) return false;
                append_utf8(out, static_cast<unsigned>(code));
                i += 4;
                break;
            }
            default: out += c;
        }
    }
    return true;
}

/// Where the key ends: the first '=', ':' or blank that no backslash protects.
std::size_t key_length(std::string_view line) {
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '\\')
            ++i;
        else if (line[i] == '=' || line[i] == ':' || is_blank(line[i]))
            return i;
    }
    return line.size();
}

}  // namespace

base::Result<std::vector<Property>> parse_properties(std::string_view text, std::string_view file_name) {
    std::vector<Property> all;
    LogicalLines lines(text);
    std::string line;
    int number = 0;
    while (lines.next(line, number)) {
        const std::size_t end = key_length(line);
        std::string_view value = std::string_view(line).substr(end);
        value.remove_prefix(std::min(value.find_first_not_of(blanks), value.size()));
        if (!value.empty() && (value.front() == '=' || value.front() == ':')) {
            value.remove_prefix(1);
            value.remove_prefix(std::min(value.find_first_not_of(blanks), value.size()));
        }
        Property property{{}, {}, number, end == line.size()};
        if (!unescape(std::string_view(line).substr(0, end), property.key) || !unescape(value, property.value))
            return base::fail(base::Errc::invalid_config, "{}:{}: a \\u escape needs four hex digits", file_name,
                              number);
        all.push_back(std::move(property));
    }
    return all;
}

}  // namespace klog::broker
