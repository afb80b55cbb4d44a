// SPDX-License-Identifier: Apache-2.0
// A small JSON reader (RFC 8259) for the record paths, where bytes come from strangers, speed matters and nothing may
// throw. It reads forward over one text, copies a string only when it holds escapes, and bounds its depth.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "core/base/error.h"

namespace klog::cmd {

inline constexpr int json_depth_max = 64;

/// Where the first JSON value of a text ends, leading white space included.
struct JsonSpan {
    enum Outcome { whole, more, bad } outcome;
    std::size_t length = 0;
};
JsonSpan json_value_span(std::string_view text, bool at_end);

/// Texts that had to be unescaped; addresses stay until reset.
class JsonStrings {
public:
    std::string& next() {
        if (used_ == texts_.size()) texts_.emplace_back();
        texts_[used_].clear();
        return texts_[used_++];
    }
    void reset() { used_ = 0; }

private:
    std::deque<std::string> texts_;
    std::size_t used_ = 0;
};

class JsonReader {
public:
    enum class Kind { object, array, string, number, literal_true, literal_false, null, end, bad };

    JsonReader(std::string_view text, JsonStrings& strings) : text_(text), strings_(strings) {}

    /// What comes next; nothing is taken.
    Kind peek();

    /// Object: `while (reader.next_member(name))`. Array: `while (reader.next_element())`. Call enter() first. On a
    /// fault they return false and ok() says so.
    bool enter(char bracket);  // '{' or '['
    bool next_member(std::string_view& name);
    bool next_element();

    bool string(std::string_view& out);
    bool integer(std::int64_t& out);  // A number without fraction or exponent.
    bool null();
    bool boolean(bool& out);
    /// Any value; its text, verbatim.
    bool raw(std::string_view& out);
    bool skip() {
        std::string_view ignored;
        return raw(ignored);
    }
    /// Nothing but white space is left.
    bool at_end();

    bool ok() const { return fault_.empty(); }
    const std::string& fault() const { return fault_; }
    std::size_t position() const { return at_; }
    /// Records the first fault and returns false.
    bool fail(std::string_view what);

private:
    void skip_space();
    bool unescape_into(std::string& text);
    bool unicode_escape(std::string& text);
    bool close(char bracket);

    std::string_view text_;
    JsonStrings& strings_;
    std::size_t at_ = 0;
    bool first_ = false;   // No element of the innermost bracket was read yet.
    std::string closers_;  // The brackets that are open.
    std::string fault_;
};

}  // namespace klog::cmd
