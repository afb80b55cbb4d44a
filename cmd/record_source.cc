// SPDX-License-Identifier: Apache-2.0
#include "cmd/record_source.h"

#include <cstring>

#include "cmd/record_json.h"
#include "core/base/big_endian.h"

namespace klog::cmd {
namespace {

using base::Errc;
using base::fail;
using base::Result;

/// Looks for a short text; one byte, which is the rule, at the speed of memchr.
class Finder {
public:
    explicit Finder(std::string text) : text_(std::move(text)) {}
    std::size_t find(std::string_view in, std::size_t from) const {
        if (text_.size() != 1) return in.find(text_, from);
        if (from >= in.size()) return std::string_view::npos;
        const void* at = std::memchr(in.data() + from, text_[0], in.size() - from);
        return at == nullptr ? std::string_view::npos
                             : static_cast<std::size_t>(static_cast<const char*>(at) - in.data());
    }
    std::size_t size() const { return text_.size(); }

private:
    std::string text_;
};

/// Finds the end of a record in a growing input without looking at the same bytes twice.
class Delimiter {
public:
    explicit Delimiter(std::string text) : finder_(std::move(text)) {}
    /// The record's text; `taken` counts its delimiter too, 0: not whole yet.
    std::string_view take(std::string_view input, bool at_end, std::size_t& taken) {
        const std::size_t end = finder_.find(input, searched_);
        if (end == std::string_view::npos) {
            taken = at_end ? input.size() : 0;
            searched_ = at_end || input.size() < finder_.size() ? 0 : input.size() - finder_.size() + 1;
            return input;
        }
        searched_ = 0;
        taken = end + finder_.size();
        return input.substr(0, end);
    }

private:
    Finder finder_;
    std::size_t searched_ = 0;
};

class Delimited final : public RecordSource {
public:
    Delimited(std::string delimiter, std::optional<std::string> key_delimiter) : delimiter_(std::move(delimiter)) {
        if (key_delimiter) key_delimiter_.emplace(std::move(*key_delimiter));
    }
    Result<std::size_t> read(std::string_view input, bool at_end, RecordInput& out, bool&) override {
        std::size_t taken = 0;
        const std::string_view text = delimiter_.take(input, at_end, taken);
        if (taken == 0) return 0U;
        out.value = text;
        if (!key_delimiter_) return taken;
        const std::size_t split = key_delimiter_->find(text, 0);
        if (split == std::string_view::npos) return taken;
        out.key = text.substr(0, split);
        out.value = text.substr(split + key_delimiter_->size());
        return taken;
    }

private:
    Delimiter delimiter_;
    std::optional<Finder> key_delimiter_;
};

class Lengths final : public RecordSource {
public:
    Result<std::size_t> read(std::string_view input, bool at_end, RecordInput& out, bool&) override {
        if (input.empty()) return 0U;
        if (input.size() >= sizeof(std::uint32_t)) {
            const auto length = base::load_big<std::uint32_t>(input.data());
            if (length > INT32_MAX) return fail(Errc::corrupt, "{} is not a length", length);
            if (input.size() - sizeof length >= length) {
                out.value = input.substr(sizeof length, length);
                return sizeof length + length;
            }
        }
        if (at_end) return fail(Errc::truncated, "the input ends inside a record");
        return 0U;
    }
};

class Whole final : public RecordSource {
public:
    Result<std::size_t> read(std::string_view input, bool at_end, RecordInput& out, bool&) override {
        if (!at_end || input.empty()) return 0U;
        out.value = input;
        return input.size();
    }
};

class Formatted final : public RecordSource {
public:
    explicit Formatted(FormatReader reader) : reader_(std::move(reader)) {}
    Result<std::size_t> read(std::string_view input, bool at_end, RecordInput& out, bool&) override {
        return reader_.read(input, at_end, out);
    }

private:
    FormatReader reader_;
};

class JsonLines final : public RecordSource {
public:
    Result<std::size_t> read(std::string_view input, bool at_end, RecordInput& out, bool& skip) override {
        std::size_t taken = 0;
        const std::string_view line = delimiter_.take(input, at_end, taken);
        if (taken == 0) return 0U;
        skip = line.find_first_not_of(" \t\r\n") == std::string_view::npos;
        if (skip) return taken;
        strings_.reset();
        KLOG_TRY_VOID(read_record_json(line, strings_, out));
        return taken;
    }

private:
    Delimiter delimiter_{"\n"};
    JsonStrings strings_;
};

}  // namespace

std::unique_ptr<RecordSource> delimited_source(std::string delimiter, std::optional<std::string> key_delimiter) {
    return std::make_unique<Delimited>(std::move(delimiter), std::move(key_delimiter));
}
std::unique_ptr<RecordSource> length_source() { return std::make_unique<Lengths>(); }
std::unique_ptr<RecordSource> whole_source() { return std::make_unique<Whole>(); }
std::unique_ptr<RecordSource> format_source(FormatReader reader) {
    return std::make_unique<Formatted>(std::move(reader));
}
std::unique_ptr<RecordSource> json_source() { return std::make_unique<JsonLines>(); }

}  // namespace klog::cmd
