// SPDX-License-Identifier: Apache-2.0
// Compiling a format and printing by it; reading is in format_reader.cc.
#include "cmd/format.h"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "cmd/nearest.h"
#include "cmd/quantity.h"
#include "cmd/text_codec.h"
#include "core/base/big_endian.h"

namespace klog::cmd {
namespace {

using base::Errc;
using base::fail;
using base::Result;

struct VerbRow {
    char letter;
    Verb verb;
    Coding coding;
};
constexpr VerbRow verbs[] = {
    {'t', Verb::topic, Coding::plain},        {'p', Verb::partition, Coding::plain},
    {'o', Verb::offset, Coding::plain},       {'e', Verb::leader_epoch, Coding::plain},
    {'k', Verb::key, Coding::plain},          {'v', Verb::value, Coding::plain},
    {'s', Verb::value, Coding::plain},        {'K', Verb::key_length, Coding::plain},
    {'V', Verb::value_length, Coding::plain}, {'S', Verb::value_length, Coding::plain},
    {'R', Verb::value_length, Coding::big32}, {'T', Verb::timestamp_ms, Coding::plain},
    {'d', Verb::timestamp_ms, Coding::plain}, {'F', Verb::timestamp_text, Coding::plain},
    {'h', Verb::headers, Coding::plain},      {'H', Verb::header_count, Coding::plain},
    {'i', Verb::counter, Coding::plain},
};

struct CodingRow {
    std::string_view name;
    Coding coding;
};
constexpr CodingRow text_codings[] = {{"hex", Coding::hex},     {"base64", Coding::base64}, {"json", Coding::json},
                                      {"q", Coding::printable}, {"len", Coding::length},    {"plain", Coding::plain}};
constexpr CodingRow number_codings[] = {{"ascii", Coding::plain},       {"hex", Coding::hex},
                                        {"big8", Coding::big8},         {"big16", Coding::big16},
                                        {"big32", Coding::big32},       {"big64", Coding::big64},
                                        {"little8", Coding::little8},   {"little16", Coding::little16},
                                        {"little32", Coding::little32}, {"little64", Coding::little64}};

bool is_text(Verb verb) { return verb == Verb::topic || verb == Verb::key || verb == Verb::value; }

Result<Coding> coding_of(Verb verb, char letter, std::string_view name) {
    const auto rows =
        is_text(verb) ? std::span<const CodingRow>(text_codings) : std::span<const CodingRow>(number_codings);
    std::vector<std::string_view> names;
    for (const CodingRow& row : rows) {
        if (row.name == name) return row.coding;
        names.push_back(row.name);
    }
    return fail(Errc::invalid_argument, "%{} has no modifier {{{}}}{}", letter, name, did_you_mean(name, names));
}

class Compiler {
public:
    explicit Compiler(std::string_view text) : text_(text) {}

    /// Up to the end, or to the brace that closes the operations of one header.
    Result<std::vector<FormatOp>> run(bool of_header) {
        std::vector<FormatOp> ops;
        while (at_ < text_.size() && !(of_header && text_[at_] == '}')) {
            if (text_[at_] == '%') {
                KLOG_TRY_VOID(verb(ops, of_header));
            } else {
                KLOG_TRY_VOID(literal(ops, of_header));
            }
        }
        return ops;
    }
    std::size_t at() const { return at_; }

private:
    static void add_literal(std::vector<FormatOp>& ops, std::string_view text) {
        if (ops.empty() || ops.back().verb != Verb::literal) ops.emplace_back();
        ops.back().literal += text;
    }

    Result<> literal(std::vector<FormatOp>& ops, bool of_header) {
        std::size_t end = at_;
        while (end < text_.size() && text_[end] != '%' && !(of_header && text_[end] == '}'))
            end += text_[end] == '\\' && end + 1 < text_.size() ? 2U : 1U;
        KLOG_TRY(const std::string plain, unescape(text_.substr(at_, end - at_)));
        add_literal(ops, plain);
        at_ = end;
        return {};
    }

    Result<> verb(std::vector<FormatOp>& ops, bool of_header) {
        if (at_ + 1 >= text_.size()) return fail(Errc::invalid_argument, "the format ends in a lone %; %% prints one");
        const char letter = text_[at_ + 1];
        at_ += 2;
        if (letter == '%') {
            add_literal(ops, "%");
            return {};
        }
        const auto* row =
            std::find_if(std::begin(verbs), std::end(verbs), [&](const VerbRow& r) { return r.letter == letter; });
        if (row == std::end(verbs))
            return fail(Errc::invalid_argument,
                        "the format language has no %{}; it has %t %p %o %e %k %v %K %V %T %F %h %H %i %%", letter);
        FormatOp op{row->verb, row->coding, {}, {}};
        if (of_header && op.verb != Verb::key && op.verb != Verb::value && op.verb != Verb::key_length &&
            op.verb != Verb::value_length)
            return fail(Errc::invalid_argument, "inside %h{{...}} only %k %v %K %V have a meaning, not %{}", letter);
        if (at_ < text_.size() && text_[at_] == '{') {
            ++at_;
            KLOG_TRY_VOID(modifier(op, letter));
        }
        ops.push_back(std::move(op));
        return {};
    }

    Result<> modifier(FormatOp& op, char letter) {
        const auto unclosed = [&] { return fail(Errc::invalid_argument, "%{}{{ has no closing brace", letter); };
        if (op.verb == Verb::headers) {
            Compiler inner(text_.substr(at_));
            KLOG_TRY(op.each, inner.run(true));
            at_ += inner.at() + 1;
            if (at_ > text_.size()) return unclosed();
            if (op.each.empty()) return fail(Errc::invalid_argument, "%h{{}} is empty: write %h or %h{{%k=%v;}}");
            return {};
        }
        const std::size_t close = text_.find('}', at_);
        if (close == std::string_view::npos) return unclosed();
        const std::string_view name = text_.substr(at_, close - at_);
        at_ = close + 1;
        if (op.verb == Verb::timestamp_text) return fail(Errc::invalid_argument, "%F takes no modifier");
        KLOG_TRY(op.coding, coding_of(op.verb, letter, name));
        return {};
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

void append_decimal(std::string& out, std::int64_t number) {
    const fmt::format_int text(number);
    out.append(text.data(), text.size());
}

template <class Int>
void append_binary(std::string& out, std::int64_t number, bool little) {
    char bytes[sizeof(Int)];
    base::store_big(bytes, static_cast<Int>(number));
    if (little) std::reverse(bytes, bytes + sizeof bytes);
    out.append(bytes, sizeof bytes);
}

void append_number(std::string& out, Coding coding, std::int64_t number) {
    switch (coding) {
        case Coding::hex: fmt::format_to(std::back_inserter(out), "{:x}", static_cast<std::uint64_t>(number)); return;
        case Coding::big8:
        case Coding::little8: append_binary<std::int8_t>(out, number, false); return;
        case Coding::big16: append_binary<std::int16_t>(out, number, false); return;
        case Coding::big32: append_binary<std::int32_t>(out, number, false); return;
        case Coding::big64: append_binary<std::int64_t>(out, number, false); return;
        case Coding::little16: append_binary<std::int16_t>(out, number, true); return;
        case Coding::little32: append_binary<std::int32_t>(out, number, true); return;
        case Coding::little64: append_binary<std::int64_t>(out, number, true); return;
        default: append_decimal(out, number); return;
    }
}

std::int64_t length_of(const std::optional<std::string_view>& text) {
    return text ? static_cast<std::int64_t>(text->size()) : -1;
}

void append_text(std::string& out, Coding coding, const std::optional<std::string_view>& text) {
    if (coding == Coding::length) return append_decimal(out, length_of(text));
    if (!text) {
        if (coding == Coding::json) out += "null";
        return;
    }
    switch (coding) {
        case Coding::hex: append_hex(out, *text); return;
        case Coding::base64: append_base64(out, *text); return;
        case Coding::json: append_json_string(out, *text); return;
        case Coding::printable: append_printable(out, *text); return;
        default: out.append(*text); return;
    }
}

void print_header(const std::vector<FormatOp>& ops, const HeaderText& header, std::string& out) {
    for (const FormatOp& op : ops) {
        switch (op.verb) {
            case Verb::key: append_text(out, op.coding, header.key); break;
            case Verb::value: append_text(out, op.coding, header.value); break;
            case Verb::key_length: append_number(out, op.coding, static_cast<std::int64_t>(header.key.size())); break;
            case Verb::value_length: append_number(out, op.coding, length_of(header.value)); break;
            default: out += op.literal; break;
        }
    }
}

void print_headers(const FormatOp& op, const RecordText& record, std::string& out) {
    if (record.headers == nullptr) return;
    bool first = true;
    for (const HeaderText& header : *record.headers) {
        if (!op.each.empty()) {
            print_header(op.each, header, out);
            continue;
        }
        if (!first) out += ',';
        first = false;
        out += header.key;
        out += '=';
        if (header.value) out += *header.value;
    }
}

}  // namespace

Result<Format> Format::compile(std::string_view text) {
    Format format;
    KLOG_TRY(format.ops_, Compiler(text).run(false));
    return format;
}

Result<> Format::append(std::string_view text) {
    KLOG_TRY(auto more, Compiler(text).run(false));
    for (FormatOp& op : more) ops_.push_back(std::move(op));
    return {};
}

void Format::append_literal(std::string_view text) {
    if (text.empty()) return;
    if (ops_.empty() || ops_.back().verb != Verb::literal) ops_.emplace_back();
    ops_.back().literal += text;
}

void Format::append_key(std::string between) {
    FormatOp op;
    op.verb = Verb::key;
    op.literal = std::move(between);
    ops_.push_back(std::move(op));
}

bool Format::has(Verb verb) const {
    return std::any_of(ops_.begin(), ops_.end(), [&](const FormatOp& op) { return op.verb == verb; });
}

void Format::print(const RecordText& record, std::uint64_t counter, std::string& out) const {
    for (const FormatOp& op : ops_) {
        switch (op.verb) {
            case Verb::literal: out += op.literal; break;
            case Verb::value: append_text(out, op.coding, record.value); break;
            case Verb::key:
                append_text(out, op.coding, record.key);
                if (record.key) out += op.literal;
                break;
            case Verb::topic: append_text(out, op.coding, record.topic); break;
            case Verb::partition: append_number(out, op.coding, record.partition.value); break;
            case Verb::offset: append_number(out, op.coding, record.offset.value); break;
            case Verb::leader_epoch: append_number(out, op.coding, record.leader_epoch.value); break;
            case Verb::key_length: append_number(out, op.coding, length_of(record.key)); break;
            case Verb::value_length: append_number(out, op.coding, length_of(record.value)); break;
            case Verb::timestamp_ms: append_number(out, op.coding, record.timestamp_ms); break;
            case Verb::timestamp_text: append_rfc3339(out, record.timestamp_ms); break;
            case Verb::headers: print_headers(op, record, out); break;
            case Verb::header_count:
                append_number(out, op.coding, record.headers ? static_cast<std::int64_t>(record.headers->size()) : 0);
                break;
            case Verb::counter: append_number(out, op.coding, static_cast<std::int64_t>(counter)); break;
        }
    }
}

}  // namespace klog::cmd
