// SPDX-License-Identifier: Apache-2.0
// Reading records by a format.
#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

#include "cmd/format.h"
#include "cmd/json_text.h"
#include "cmd/quantity.h"
#include "cmd/text_codec.h"
#include "core/base/big_endian.h"

namespace klog::cmd {
namespace {

using base::Errc;
using base::fail;
using base::Result;

constexpr std::int64_t text_bytes_max = 1 << 30;  // A length beyond it is damage, not a record.
constexpr std::int64_t headers_max = 1 << 20;

bool is_number(Verb verb) {
    return verb == Verb::partition || verb == Verb::offset || verb == Verb::leader_epoch || verb == Verb::key_length ||
           verb == Verb::value_length || verb == Verb::timestamp_ms || verb == Verb::header_count ||
           verb == Verb::counter;
}

std::size_t binary_size(Coding coding) {
    switch (coding) {
        case Coding::big8:
        case Coding::little8: return 1;
        case Coding::big16:
        case Coding::little16: return 2;
        case Coding::big32:
        case Coding::little32: return 4;
        case Coding::big64:
        case Coding::little64: return 8;
        default: return 0;
    }
}

std::int64_t load_binary(Coding coding, const char* from) {
    switch (coding) {
        case Coding::big8:
        case Coding::little8: return static_cast<std::int8_t>(*from);
        case Coding::big16: return base::load_big<std::int16_t>(from);
        case Coding::big32: return base::load_big<std::int32_t>(from);
        case Coding::big64: return base::load_big<std::int64_t>(from);
        case Coding::little16: return std::byteswap(base::load_big<std::int16_t>(from));
        case Coding::little32: return std::byteswap(base::load_big<std::int32_t>(from));
        default: return std::byteswap(base::load_big<std::int64_t>(from));
    }
}

/// Fails when a text of `ops` could not be told from what follows.
Result<> check_readable(const std::vector<FormatOp>& ops, bool key_sized, bool value_sized, bool counted) {
    for (std::size_t i = 0; i < ops.size(); ++i) {
        const FormatOp& op = ops[i];
        key_sized |= op.verb == Verb::key_length;
        value_sized |= op.verb == Verb::value_length;
        counted |= op.verb == Verb::header_count;
        if (op.coding == Coding::length || op.coding == Coding::printable)
            return fail(Errc::invalid_argument, "a format with {{len}} or {{q}} prints only; it cannot be read");
        if (op.verb == Verb::literal || op.coding == Coding::json || (is_number(op.verb) && binary_size(op.coding) > 0))
            continue;
        if (op.verb == Verb::key && key_sized) continue;
        if (op.verb == Verb::value && value_sized) continue;
        if (op.verb == Verb::headers && !op.each.empty()) {
            if (!counted) return fail(Errc::invalid_argument, "%h{{...}} can be read only when %H came before it");
            KLOG_TRY_VOID(check_readable(op.each, false, false, false));
            continue;
        }
        if (i + 1 < ops.size() && ops[i + 1].verb == Verb::literal) continue;
        return fail(
            Errc::invalid_argument,
            "the format cannot be read: {} must be followed by a delimiter such as \\n, or its length come first",
            i + 1 == ops.size() ? "its last verb" : "each verb");
    }
    return {};
}

}  // namespace

struct FormatReader::Cursor {
    std::string_view rest;
    bool at_end;
};

Result<FormatReader> FormatReader::make(Format format) {
    if (format.ops().empty()) return fail(Errc::invalid_argument, "an empty format reads nothing");
    KLOG_TRY_VOID(check_readable(format.ops(), false, false, false));
    return FormatReader(std::move(format));
}

std::string& FormatReader::scratch() {
    if (scratch_used_ == scratch_.size()) scratch_.emplace_back();
    std::string& text = scratch_[scratch_used_++];
    text.clear();
    return text;
}

Result<std::size_t> FormatReader::read(std::string_view input, bool at_end, RecordInput& out) {
    out.clear();
    scratch_used_ = 0;
    json_strings_.reset();
    if (input.empty()) return 0U;
    Cursor in{input, at_end};
    KLOG_TRY(const bool whole, read_ops(in, format_.ops(), out, nullptr));
    if (!whole) {
        if (at_end) return fail(Errc::truncated, "the input ends inside a record");
        return 0U;
    }
    const std::size_t taken = input.size() - in.rest.size();
    if (taken == 0) return fail(Errc::invalid_argument, "the format takes nothing from the input");
    return taken;
}

Result<bool> FormatReader::read_ops(Cursor& in, const std::vector<FormatOp>& ops, RecordInput& out,
                                    HeaderText* header) {
    Lengths lengths;
    for (std::size_t i = 0; i < ops.size(); ++i) {
        KLOG_TRY(const bool whole, read_one(in, ops, i, lengths, out, header));
        if (!whole) return false;
    }
    return true;
}

/// A JSON string gives its content, null gives null, any other JSON value itself.
Result<std::optional<std::string_view>> FormatReader::decoded(Coding coding, std::string_view text) {
    if (coding == Coding::json) {
        JsonReader json(text, json_strings_);
        std::string_view content;
        const auto kind = json.peek();
        if (kind == JsonReader::Kind::null && json.null() && json.at_end()) return std::nullopt;
        if (kind == JsonReader::Kind::string ? json.string(content) : json.raw(content)) return content;
        return fail(Errc::corrupt, "'{}' is not JSON: {}", text.substr(0, 40), json.fault());
    }
    if (coding != Coding::hex && coding != Coding::base64) return text;
    std::string& bytes = scratch();
    const bool ok = coding == Coding::hex ? append_unhex(bytes, text) : append_unbase64(bytes, text);
    if (!ok)
        return fail(Errc::corrupt, "'{}' is not {}", text.substr(0, 40),
                    coding == Coding::hex ? "hexadecimal" : "base64");
    return std::string_view(bytes);
}

namespace {

enum class Taken { whole, more };

/// Takes a number as decimal, hex or binary.
Result<Taken> take_number(std::string_view& rest, bool at_end, Coding coding, std::int64_t& number) {
    if (const std::size_t size = binary_size(coding); size > 0) {
        if (rest.size() < size) return Taken::more;
        number = load_binary(coding, rest.data());
        rest.remove_prefix(size);
        return Taken::whole;
    }
    const auto [stop, error] =
        std::from_chars(rest.data(), rest.data() + rest.size(), number, coding == Coding::hex ? 16 : 10);
    const auto length = static_cast<std::size_t>(stop - rest.data());
    const bool open = length == rest.size() || rest == "-";
    if (open && !at_end) return Taken::more;
    if (error != std::errc{}) return fail(Errc::corrupt, "'{}' is not a number", rest.substr(0, 20));
    rest.remove_prefix(length);
    return Taken::whole;
}

/// Takes what stands before `stop` and leaves `stop` where it is.
Taken take_until(std::string_view& rest, bool at_end, std::string_view stop, std::string_view& text) {
    const std::size_t end = rest.find(stop);
    if (end == std::string_view::npos && !at_end) return Taken::more;
    text = rest.substr(0, end);
    rest.remove_prefix(text.size());
    return Taken::whole;
}

}  // namespace

Result<bool> FormatReader::read_one(Cursor& in, const std::vector<FormatOp>& ops, std::size_t index, Lengths& lengths,
                                    RecordInput& out, HeaderText* header) {
    const FormatOp& op = ops[index];
    const bool last = index + 1 == ops.size() && header == nullptr;
    if (op.verb == Verb::literal) {
        if (in.rest.starts_with(op.literal)) {
            in.rest.remove_prefix(op.literal.size());
            return true;
        }
        if (op.literal.starts_with(in.rest)) {  // What is there so far fits.
            if (!in.at_end) return false;
            in.rest = {};
            if (last) return true;
            return fail(Errc::truncated, "the input ends inside a record");
        }
        return fail(Errc::corrupt, "the input does not fit the format: expected '{}' before '{}'", op.literal,
                    in.rest.substr(0, 20));
    }
    if (is_number(op.verb)) {
        std::int64_t number = 0;
        KLOG_TRY(const Taken taken, take_number(in.rest, in.at_end, op.coding, number));
        if (taken == Taken::more) return false;
        switch (op.verb) {
            case Verb::partition: out.partition = base::PartitionId{static_cast<std::int32_t>(number)}; break;
            case Verb::timestamp_ms: out.timestamp_ms = number; break;
            case Verb::key_length: lengths.key = number; break;
            case Verb::value_length: lengths.value = number; break;
            case Verb::header_count: lengths.headers = number; break;
            default: break;  // Offsets, epochs and counters of the source mean nothing here.
        }
        const bool length = op.verb == Verb::key_length || op.verb == Verb::value_length;
        if ((length && (number < -1 || number > text_bytes_max)) ||
            (op.verb == Verb::header_count && (number < 0 || number > headers_max)))
            return fail(Errc::corrupt, "{} is not a length", number);
        return true;
    }
    const std::string_view stop =
        index + 1 < ops.size() ? std::string_view(ops[index + 1].literal) : std::string_view();
    if (op.verb == Verb::headers) return read_headers(in, op, stop, lengths, out);

    return read_text(in, op, stop, lengths, out, header);
}

Result<bool> FormatReader::read_text(Cursor& in, const FormatOp& op, std::string_view stop, const Lengths& lengths,
                                     RecordInput& out, HeaderText* header) {
    std::string_view raw;
    const auto& length = op.verb == Verb::key ? lengths.key : lengths.value;
    if (op.coding == Coding::json) {
        const JsonSpan span = json_value_span(in.rest, in.at_end);
        if (span.outcome == JsonSpan::more) return false;
        if (span.outcome == JsonSpan::bad) return fail(Errc::corrupt, "'{}' is not JSON", in.rest.substr(0, 40));
        raw = in.rest.substr(0, span.length);
        in.rest.remove_prefix(span.length);
    } else if (length && (op.verb == Verb::key || op.verb == Verb::value)) {
        if (*length < 0) {
            if (header != nullptr && op.verb == Verb::value) header->value.reset();
            return true;  // Null, as it is by default.
        }
        const auto size = static_cast<std::size_t>(*length);
        if (in.rest.size() < size) return false;
        raw = in.rest.substr(0, size);
        in.rest.remove_prefix(size);
    } else if (take_until(in.rest, in.at_end, stop, raw) == Taken::more) {
        return false;
    }
    if (op.verb == Verb::timestamp_text) {
        KLOG_TRY(out.timestamp_ms, parse_time(raw, 0));
        return true;
    }
    KLOG_TRY(const std::optional<std::string_view> text, decoded(op.coding, raw));
    if (header != nullptr) {
        if (op.verb == Verb::value)
            header->value = text;
        else
            header->key = text.value_or("");
    } else if (op.verb == Verb::topic)
        out.topic = text;
    else if (op.verb == Verb::key)
        out.key = text;
    else
        out.value = text;
    return true;
}

Result<bool> FormatReader::read_headers(Cursor& in, const FormatOp& op, std::string_view stop, const Lengths& lengths,
                                        RecordInput& out) {
    if (!op.each.empty()) {
        for (std::int64_t i = 0; i < lengths.headers.value_or(0); ++i) {
            HeaderText header{{}, std::string_view()};
            KLOG_TRY(const bool whole, read_ops(in, op.each, out, &header));
            if (!whole) return false;
            out.headers.push_back(header);
        }
        return true;
    }
    std::string_view text;
    if (take_until(in.rest, in.at_end, stop, text) == Taken::more) return false;
    while (!text.empty()) {
        const std::string_view one = text.substr(0, text.find(','));
        const std::size_t equals = one.find('=');
        if (equals == std::string_view::npos)
            return fail(Errc::corrupt, "header '{}' is not name=value", one.substr(0, 40));
        out.headers.push_back({one.substr(0, equals), one.substr(equals + 1)});
        text.remove_prefix(std::min(one.size() + 1, text.size()));
    }
    return true;
}

}  // namespace klog::cmd
