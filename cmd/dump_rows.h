// SPDX-License-Identifier: Apache-2.0
// Rows that are printed as they are read, however many there are: tables on a terminal, tabs in a pipe, one JSON object
// a line, CSV. Declared once per kind of row.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/base/types.h"

namespace klog::cmd {

/// Collects output and writes it in big pieces. A reader that went away ends the process quietly.
class DumpOutput {
public:
    static constexpr std::size_t piece_bytes = 256u << 10;

    explicit DumpOutput(int descriptor) : descriptor_(descriptor) { text_.reserve(piece_bytes + (16u << 10)); }

    std::string& text() { return text_; }
    /// Writes when enough has gathered.
    void maybe_flush() {
        if (text_.size() >= piece_bytes) flush();
    }
    void flush();
    /// A write failed; what comes after it is dropped.
    bool failed() const { return !failure_.empty(); }
    const std::string& failure() const { return failure_; }

private:
    int descriptor_;
    std::string text_;
    std::string failure_;
};

enum class RowStyle { tabs, aligned, json, csv };

struct RowColumn {
    std::string_view name;   // As it stands in JSON and CSV, in capitals in tables.
    int width = 0;           // In tables on a terminal: positive right-aligned, negative left-aligned.
    bool data_only = false;  // Not in tables.
};

class DumpTable {
public:
    DumpTable(DumpOutput& out, RowStyle style) : out_(out), style_(style) {}

    /// Rows of these columns follow; they live as long as the table. `file` is the first column where that is asked
    /// for. Titles are printed when the columns change.
    void columns(const std::vector<RowColumn>& columns, std::string_view file, bool show_file);

    // One after the other, in the order of the columns.
    void number(std::int64_t number);
    void text(std::string_view text);
    /// JSON, which is part of the row in JSON and a text elsewhere.
    void json(std::string_view json);
    void flag(bool flag);
    void null();
    /// Milliseconds in JSON, RFC 3339 elsewhere.
    void time(base::TimestampMs time_ms);
    void end_row();

private:
    bool open_cell(bool& right);
    void cell(std::string_view text);
    void bare(std::string_view text);
    void titles();

    DumpOutput& out_;
    RowStyle style_;
    const std::vector<RowColumn>* columns_ = nullptr;
    std::string file_;
    bool show_file_ = false;
    std::size_t at_ = 0;
    bool first_ = true;
    std::string scratch_;
};

}  // namespace klog::cmd
