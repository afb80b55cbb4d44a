// SPDX-License-Identifier: Apache-2.0
#include "cmd/dump_rows.h"

#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include "cmd/quantity.h"
#include "cmd/text_codec.h"

namespace klog::cmd {

void DumpOutput::flush() {
    std::string_view rest = text_;
    while (!rest.empty() && !failed()) {
        const ssize_t n = ::write(descriptor_, rest.data(), rest.size());
        if (n >= 0) {
            rest.remove_prefix(static_cast<std::size_t>(n));
        } else if (errno == EAGAIN) {  // Somebody made the shared descriptor non-blocking.
            pollfd waited{descriptor_, POLLOUT, 0};
            ::poll(&waited, 1, -1);
        } else if (errno == EPIPE) {
            std::signal(SIGPIPE, SIG_DFL);
            std::raise(SIGPIPE);
        } else if (errno != EINTR) {
            failure_ = fmt::format("cannot write the output: {}", std::strerror(errno));
        }
    }
    text_.clear();
}

namespace {

void append_csv(std::string& out, std::string_view text) {
    if (text.find_first_of("\",\r\n") == std::string_view::npos && !text.empty()) {
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

/// Columns on screen: UTF-8 continuation bytes take none.
int width_of(std::string_view text) {
    int width = 0;
    for (const char c : text) width += (c & 0xc0) != 0x80;
    return width;
}

}  // namespace

void DumpTable::columns(const std::vector<RowColumn>& columns, std::string_view file, bool show_file) {
    const bool changed = columns_ != &columns;
    columns_ = &columns;
    file_ = file;
    show_file_ = show_file || style_ == RowStyle::json || style_ == RowStyle::csv;
    at_ = 0;
    first_ = true;
    if (changed && style_ != RowStyle::json) titles();
}

void DumpTable::titles() {
    const bool table = style_ != RowStyle::csv;
    std::string name;
    if (show_file_) {
        out_.text() += table ? "FILE" : "file";
        first_ = false;
    }
    for (; at_ < columns_->size(); ++at_) {
        bool right = false;
        if (!open_cell(right)) continue;
        name = (*columns_)[at_].name;
        if (table)
            for (char& c : name) c = c == '_' ? '-' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        bare(name);
    }
    end_row();
}

/// Writes what stands before a cell. False: this column is not shown.
bool DumpTable::open_cell(bool& right) {
    const RowColumn& column = (*columns_)[at_];
    const bool table = style_ == RowStyle::tabs || style_ == RowStyle::aligned;
    right = column.width > 0;
    if (table && column.data_only) return false;
    if (first_ && show_file_) {
        std::string& out = out_.text();
        switch (style_) {
            case RowStyle::json:
                out += "{\"file\":";
                append_json_string(out, file_);
                break;
            case RowStyle::csv: append_csv(out, file_); break;
            default: out += file_; break;
        }
        first_ = false;
    }
    return true;
}

/// A text that needs no quoting in any style.
void DumpTable::bare(std::string_view text) {
    std::string& out = out_.text();
    const RowColumn* column = at_ < columns_->size() ? &(*columns_)[at_] : nullptr;
    if (!first_) out += style_ == RowStyle::tabs ? "\t" : style_ == RowStyle::aligned ? "  " : ",";
    if (first_ && style_ == RowStyle::json) out += '{';
    first_ = false;
    if (style_ == RowStyle::json) {
        out += '"';
        out += column->name;
        out += "\":";
    }
    const int width = column != nullptr ? column->width : 0;
    const int pad = style_ == RowStyle::aligned ? std::abs(width) - width_of(text) : 0;
    const bool last = column == nullptr || column == &columns_->back();
    if (pad > 0 && width > 0) out.append(static_cast<std::size_t>(pad), ' ');
    out += text;
    if (pad > 0 && width < 0 && !last) out.append(static_cast<std::size_t>(pad), ' ');
}

void DumpTable::cell(std::string_view text) {
    bool right = false;
    if (open_cell(right)) bare(text);
    ++at_;
}

void DumpTable::number(std::int64_t number) {
    const fmt::format_int text(number);
    cell({text.data(), text.size()});
}

void DumpTable::text(std::string_view text) {
    scratch_.clear();
    switch (style_) {
        case RowStyle::json: append_json_string(scratch_, text); break;
        case RowStyle::csv: append_csv(scratch_, text); break;
        default: append_printable(scratch_, text); break;
    }
    cell(scratch_);
}

void DumpTable::json(std::string_view json) { style_ == RowStyle::json ? cell(json) : text(json); }

void DumpTable::flag(bool flag) { cell(style_ == RowStyle::json ? (flag ? "true" : "false") : (flag ? "yes" : "no")); }

void DumpTable::null() { cell(style_ == RowStyle::json ? "null" : style_ == RowStyle::csv ? "" : "-"); }

void DumpTable::time(base::TimestampMs time_ms) {
    if (style_ == RowStyle::json) return number(time_ms);
    scratch_.clear();
    append_rfc3339(scratch_, time_ms);
    cell(scratch_);
}

void DumpTable::end_row() {
    out_.text() += style_ == RowStyle::json ? "}\n" : "\n";
    at_ = 0;
    first_ = true;
    out_.maybe_flush();
}

}  // namespace klog::cmd
