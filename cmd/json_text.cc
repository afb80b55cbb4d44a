// SPDX-License-Identifier: Apache-2.0
#include "cmd/json_text.h"

#include <charconv>
#include <cstring>

#include <fmt/format.h>

namespace klog::cmd {
namespace {

constexpr bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

/// The index behind the closing quote of the string that begins at `from`; npos when it does not end.
std::size_t string_end(std::string_view text, std::size_t from) {
    for (std::size_t i = from + 1; i < text.size();) {
        if (text[i] == '\\')
            i += 2;
        else if (text[i] == '"')
            return i + 1;
        else
            ++i;
    }
    return std::string_view::npos;
}

bool is_scalar_char(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '+' || c == '-' || c == '.' || c == 'E';
}

void append_utf8(std::string& out, std::uint32_t code) {
    const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
    if (code < 0x80)
        put(code);
    else if (code < 0x800)
        put(0xc0 | code >> 6), put(0x80 | (code & 0x3f));
    else if (code < 0x10000)
        put(0xe0 | code >> 12), put(0x80 | (code >> 6 & 0x3f)), put(0x80 | (code & 0x3f));
    else
        put(0xf0 | code >> 18), put(0x80 | (code >> 12 & 0x3f)), put(0x80 | (code >> 6 & 0x3f)),
            put(0x80 | (code & 0x3f));
}

bool take_hex4(std::string_view text, std::size_t at, std::uint32_t& out) {
    if (at + 4 > text.size()) return false;
    const auto [stop, error] = std::from_chars(text.data() + at, text.data() + at + 4, out, 16);
    return error == std::errc{} && stop == text.data() + at + 4;
}

bool is_json_number(std::string_view s) {
    std::size_t i = 0;
    const auto digits = [&] {
        const std::size_t from = i;
        while (i < s.size() && s[i] >= '0' && s[i] <= '9') ++i;
        return i > from;
    };
    if (i < s.size() && s[i] == '-') ++i;
    const std::size_t whole = i;
    if (!digits() || (s[whole] == '0' && i > whole + 1)) return false;
    if (i < s.size() && s[i] == '.' && (++i, !digits())) return false;
    if (i < s.size() && (s[i] == 'e' || s[i] == 'E')) {
        ++i;
        if (i < s.size() && (s[i] == '+' || s[i] == '-')) ++i;
        if (!digits()) return false;
    }
    return i == s.size();
}

}  // namespace

JsonSpan json_value_span(std::string_view text, bool at_end) {
    std::size_t i = 0;
    while (i < text.size() && is_space(text[i])) ++i;
    int depth = 0;
    while (i < text.size()) {
        const char c = text[i];
        if (c == '"') {
            i = string_end(text, i);
            if (i == std::string_view::npos) return {at_end ? JsonSpan::bad : JsonSpan::more};
        } else if (c == '{' || c == '[') {
            if (++depth > json_depth_max) return {JsonSpan::bad};
            ++i;
            continue;
        } else if (c == '}' || c == ']') {
            if (--depth < 0) return {JsonSpan::bad};
            ++i;
        } else if (is_scalar_char(c)) {
            while (i < text.size() && is_scalar_char(text[i])) ++i;
            if (i == text.size() && !at_end) return {JsonSpan::more};
        } else if (depth > 0 && (is_space(c) || c == ',' || c == ':')) {
            ++i;
            continue;
        } else {
            return {JsonSpan::bad};
        }
        if (depth == 0) return {JsonSpan::whole, i};
    }
    return {at_end ? JsonSpan::bad : JsonSpan::more};
}

bool JsonReader::fail(std::string_view what) {
    if (fault_.empty()) fault_ = fmt::format("{} at byte {}", what, at_);
    at_ = text_.size();
    return false;
}

void JsonReader::skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
}

JsonReader::Kind JsonReader::peek() {
    skip_space();
    if (!ok()) return Kind::bad;
    if (at_ == text_.size()) return Kind::end;
    switch (text_[at_]) {
        case '{': return Kind::object;
        case '[': return Kind::array;
        case '"': return Kind::string;
        case 't': return Kind::literal_true;
        case 'f': return Kind::literal_false;
        case 'n': return Kind::null;
        default: return text_[at_] == '-' || (text_[at_] >= '0' && text_[at_] <= '9') ? Kind::number : Kind::bad;
    }
}

bool JsonReader::enter(char bracket) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != bracket) return fail(bracket == '{' ? "not an object" : "not an array");
    if (closers_.size() == json_depth_max) return fail("nested too deeply");
    ++at_;
    closers_ += bracket == '{' ? '}' : ']';
    first_ = true;
    return true;
}

/// True when the innermost bracket ends here; then it is closed. Else the comma before the next element is taken.
bool JsonReader::close(char bracket) {
    skip_space();
    if (at_ >= text_.size()) return !fail("cut off");
    if (text_[at_] == bracket) {
        ++at_;
        closers_.pop_back();
        first_ = false;
        return true;
    }
    if (!first_) {
        if (text_[at_] != ',') return !fail("a comma is missing");
        ++at_;
    }
    first_ = false;
    return false;
}

bool JsonReader::next_member(std::string_view& name) {
    if (!ok() || close('}')) return false;
    if (!string(name)) return false;
    skip_space();
    if (at_ >= text_.size() || text_[at_] != ':') return fail("a colon is missing");
    ++at_;
    return true;
}

bool JsonReader::next_element() { return ok() && !close(']'); }

bool JsonReader::string(std::string_view& out) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != '"') return fail("not a string");
    const std::size_t from = at_ + 1;
    for (std::size_t i = from; i < text_.size(); ++i) {
        const char c = text_[i];
        if (c == '"') {
            out = text_.substr(from, i - from);
            at_ = i + 1;
            return true;
        }
        if (c == '\\') {
            std::string& text = strings_.next();
            text.assign(text_, from, i - from);
            at_ = i;
            if (!unescape_into(text)) return false;
            out = text;
            return true;
        }
        if (static_cast<std::uint8_t>(c) < 0x20) return fail("a control character in a string");
    }
    return fail("a string without end");
}

/// Takes the rest of a string, from its first backslash to behind its closing quote.
bool JsonReader::unescape_into(std::string& text) {
    while (at_ < text_.size()) {
        const char c = text_[at_++];
        if (c == '"') return true;
        if (static_cast<std::uint8_t>(c) < 0x20) return fail("a control character in a string");
        if (c != '\\') {
            text += c;
            continue;
        }
        if (at_ == text_.size()) break;
        switch (const char escape = text_[at_++]) {
            case 'n': text += '\n'; break;
            case 't': text += '\t'; break;
            case 'r': text += '\r'; break;
            case 'b': text += '\b'; break;
            case 'f': text += '\f'; break;
            case '"':
            case '\\':
            case '/': text += escape; break;
            case 'u':
                if (!unicode_escape(text)) return false;
                break;
            default: return fail("an unknown escape in a string");
        }
    }
    return fail("a string without end");
}

/// Takes the digits of \uXXXX, and the second half of a surrogate pair.
bool JsonReader::unicode_escape(std::string& text) {
    std::uint32_t code = 0, low = 0;
    if (!take_hex4(text_, at_, code)) return fail("\\u without four hexadecimal digits");
    at_ += 4;
    if (code >= 0xd800 && code < 0xdc00) {
        if (text_.substr(at_, 2) != "\\u" || !take_hex4(text_, at_ + 2, low) || low < 0xdc00 || low > 0xdfff)
            return fail("half a surrogate pair");
        at_ += 6;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code >= 0xdc00 && code < 0xe000) {
        return fail("half a surrogate pair");
    }
    append_utf8(text, code);
    return true;
}

bool JsonReader::integer(std::int64_t& out) {
    skip_space();
    const auto [stop, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), out);
    if (error != std::errc{}) return fail("not a whole number");
    const auto end = static_cast<std::size_t>(stop - text_.data());
    if (end < text_.size() && is_scalar_char(text_[end])) return fail("not a whole number");
    at_ = end;
    return true;
}

bool JsonReader::null() {
    skip_space();
    if (text_.substr(at_, 4) != "null") return fail("not null");
    at_ += 4;
    return true;
}

bool JsonReader::boolean(bool& out) {
    skip_space();
    out = text_.substr(at_, 4) == "true";
    if (!out && text_.substr(at_, 5) != "false") return fail("not true or false");
    at_ += out ? 4 : 5;
    return true;
}

bool JsonReader::raw(std::string_view& out) {
    skip_space();
    const std::size_t from = at_;
    const std::size_t depth = closers_.size();
    std::string_view ignored;
    switch (peek()) {
        case Kind::object:
            if (!enter('{')) return false;
            while (next_member(ignored))
                if (!skip()) return false;
            break;
        case Kind::array:
            if (!enter('[')) return false;
            while (next_element())
                if (!skip()) return false;
            break;
        case Kind::string:
            if (!string(ignored)) return false;
            break;
        case Kind::number:
        case Kind::literal_true:
        case Kind::literal_false:
        case Kind::null: {
            while (at_ < text_.size() && is_scalar_char(text_[at_])) ++at_;
            const std::string_view word = text_.substr(from, at_ - from);
            if (word != "null" && word != "true" && word != "false" && !is_json_number(word))
                return fail("not a value");
            break;
        }
        default: return fail("a value is missing");
    }
    if (!ok() || closers_.size() != depth) return fail("cut off");
    out = text_.substr(from, at_ - from);
    return true;
}

bool JsonReader::at_end() {
    skip_space();
    return ok() && at_ == text_.size();
}

}  // namespace klog::cmd
