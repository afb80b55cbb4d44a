// SPDX-License-Identifier: Apache-2.0
#include "cmd/output.h"

#include <algorithm>
#include <cstdlib>

#include <unistd.h>

#include <fmt/format.h>

#include "cmd/nearest.h"
#include "cmd/quantity.h"
#include "cmd/text_codec.h"
#include "core/base/check.h"

namespace klog::cmd {
namespace {

struct FormatName {
    std::string_view name;
    OutputFormat format;
};
constexpr FormatName format_names[] = {{"text", OutputFormat::text}, {"wide", OutputFormat::wide},
                                       {"json", OutputFormat::json}, {"ndjson", OutputFormat::ndjson},
                                       {"csv", OutputFormat::csv},   {"name", OutputFormat::name}};

std::string numbers_text(const Numbers& numbers) { return fmt::format("{}", fmt::join(numbers, ",")); }

std::string cell_text(const Cell& cell, Column::Kind kind, bool human) {
    if (const auto* text = std::get_if<std::string>(&cell)) return *text;
    if (const auto* flag = std::get_if<bool>(&cell)) return *flag ? "yes" : "no";
    if (const auto* numbers = std::get_if<Numbers>(&cell)) return numbers_text(*numbers);
    if (const auto* number = std::get_if<std::int64_t>(&cell)) {
        if (human && kind == Column::bytes) return human_bytes(*number);
        if (human && kind == Column::duration_ms) return human_duration(*number);
        return fmt::format("{}", *number);
    }
    return human ? "-" : "";
}

void append_json_cell(std::string& out, const Cell& cell) {
    if (const auto* text = std::get_if<std::string>(&cell))
        append_json_string(out, *text);
    else if (const auto* flag = std::get_if<bool>(&cell))
        out += *flag ? "true" : "false";
    else if (const auto* number = std::get_if<std::int64_t>(&cell))
        out += fmt::format("{}", *number);
    else if (const auto* numbers = std::get_if<Numbers>(&cell))
        out += "[" + numbers_text(*numbers) + "]";
    else
        out += "null";
}

/// RFC 4180: quoted when it holds a quote, a comma or a line break.
void append_csv(std::string& out, std::string_view text) {
    if (text.find_first_of("\",\r\n") == std::string_view::npos) {
        out += text;
        return;
    }
    out += '"';
    for (const char c : text) {
        if (c == '"') out += '"';
        out += c;
    }
    out += '"';
}

std::string title(std::string_view name) {
    std::string text(name);
    for (char& c : text) c = c == '_' ? '-' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return text;
}

/// Columns on screen: UTF-8 continuation bytes take none.
std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace

base::Result<OutputFormat> parse_output_format(std::string_view text) {
    std::vector<std::string_view> names;
    for (const FormatName& row : format_names) {
        if (row.name == text) return row.format;
        names.push_back(row.name);
    }
    return base::fail(base::Errc::invalid_argument, "there is no output format '{}': it is {}{}", text,
                      output_format_names, did_you_mean(text, names));
}

bool wants_colour() {
    const auto value = [](const char* name) {
        const char* text = std::getenv(name);
        return std::string_view(text == nullptr ? "" : text);
    };
    return isatty(STDOUT_FILENO) != 0 && value("NO_COLOR").empty() && value("TERM") != "dumb";
}

void Listing::add(std::vector<Cell> row) {
    KLOG_CHECK(row.size() == columns_.size(), "a cell for each column");
    rows_.push_back(std::move(row));
}

std::string Listing::render(OutputFormat format, bool terminal) const {
    switch (format) {
        case OutputFormat::text: return table(false, terminal);
        case OutputFormat::wide: return table(true, terminal);
        case OutputFormat::json: return json(false);
        case OutputFormat::ndjson: return json(true);
        case OutputFormat::csv: return csv();
        case OutputFormat::name: return names();
    }
    return {};
}

std::string Listing::table(bool wide, bool terminal) const {
    std::vector<std::size_t> shown;
    for (std::size_t i = 0; i < columns_.size(); ++i)
        if (wide || !columns_[i].wide_only) shown.push_back(i);
    std::vector<std::vector<std::string>> lines(1);
    for (const std::size_t i : shown) lines[0].push_back(title(columns_[i].name));
    for (const auto& row : rows_) {
        auto& line = lines.emplace_back();
        for (const std::size_t i : shown) line.push_back(cell_text(row[i], columns_[i].kind, terminal));
    }
    std::vector<std::size_t> widths(shown.size(), 0);
    for (const auto& line : lines)
        for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], width_of(line[i]));

    std::string out;
    for (const auto& line : lines) {
        for (std::size_t i = 0; i < line.size(); ++i) {
            const bool last = i + 1 == line.size();
            if (!terminal) {
                out += line[i];
                if (!last) out += '\t';
                continue;
            }
            const Column::Kind kind = columns_[shown[i]].kind;
            const bool right = kind != Column::text && kind != Column::list;
            const std::string pad(widths[i] - width_of(line[i]), ' ');
            if (right) out += pad;
            out += line[i];
            if (!last) out += (right ? "" : pad) + "  ";
        }
        out += '\n';
    }
    return out;
}

std::string Listing::csv() const {
    std::string out;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        if (i > 0) out += ',';
        out += columns_[i].name;
    }
    out += '\n';
    for (const auto& row : rows_) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            if (i > 0) out += ',';
            append_csv(out, cell_text(row[i], columns_[i].kind, false));
        }
        out += '\n';
    }
    return out;
}

std::string Listing::json(bool lines) const {
    std::string out;
    if (!lines) out = fmt::format("{{\"schema\":\"{}\",\"{}\":[", schema_, plural_);
    bool first = true;
    for (const auto& row : rows_) {
        if (!lines) out += first ? "\n" : ",\n";
        first = false;
        out += '{';
        for (std::size_t i = 0; i < row.size(); ++i) {
            out += fmt::format("{}\"{}\":", i > 0 ? "," : "", columns_[i].name);
            append_json_cell(out, row[i]);
        }
        out += lines ? "}\n" : "}";
    }
    if (!lines) out += rows_.empty() ? "]}\n" : "\n]}\n";
    return out;
}

std::string Listing::names() const {
    std::string out;
    for (const auto& row : rows_) out += cell_text(row[0], columns_[0].kind, false) + "\n";
    return out;
}

}  // namespace klog::cmd
