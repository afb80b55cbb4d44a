// SPDX-License-Identifier: Apache-2.0
// Listings: what `topic list`, `offsets` and their like print. The columns are declared once; table, JSON, CSV and
// names derive from them. Data goes to stdout and nothing else does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/error.h"

namespace klog::cmd {

enum class OutputFormat { text, wide, json, ndjson, csv, name };
inline constexpr std::string_view output_format_names = "text, wide, json, ndjson, csv or name";
base::Result<OutputFormat> parse_output_format(std::string_view text);

struct Column {
    std::string_view name;  // In JSON and CSV as it stands, in tables in capitals.
    enum Kind { text, number, bytes, duration_ms, list } kind = text;
    bool wide_only = false;  // In tables only with -o wide; always in JSON and CSV.
};

using Numbers = std::vector<std::int64_t>;
using Cell = std::variant<std::monostate, std::string, std::int64_t, bool, Numbers>;

/// Colour belongs on a terminal, unless NO_COLOR is there and not empty, or the terminal has none.
bool wants_colour();

class Listing {
public:
    /// `schema` names the document ("klog.topic.list/1"), `plural` the array in it ("topics"). The first column is the
    /// name that -o name prints.
    Listing(std::string_view schema, std::string_view plural, std::vector<Column> columns)
        : schema_(schema), plural_(plural), columns_(std::move(columns)) {}

    /// One cell per column.
    void add(std::vector<Cell> row);
    bool empty() const { return rows_.empty(); }

    /// Aligned and with human sizes on a terminal; tab-separated and exact otherwise.
    std::string render(OutputFormat format, bool terminal) const;

private:
    std::string table(bool wide, bool terminal) const;
    std::string csv() const;
    std::string json(bool lines) const;
    std::string names() const;

    std::string_view schema_;
    std::string_view plural_;
    std::vector<Column> columns_;
    std::vector<std::vector<Cell>> rows_;
};

}  // namespace klog::cmd
