// SPDX-License-Identifier: Apache-2.0
// The record format language of -f, compiled once into a list of operations that print a record (`consume`) or read one
// from a stream (`produce`):
//
//     %t topic  %p partition  %o offset  %e leader epoch  %k key  %v (= %s) value  %K %V (= %S) their lengths, -1: null
//     %T (= %d) timestamp in ms  %F timestamp in RFC 3339  %h headers as name=value,...  %h{%k=%v;} each header so
//     %H number of headers  %R length of the value in four bytes  %i number of the record in this run  %% a percent
//     sign
//
// Modifiers stand in braces. Of texts: hex base64 json q (printable) len. Of numbers: big8 .. big64, little8 ..
// little64, hex, ascii. Outside the verbs: \n \t \r \0 \\ \xNN.
//
// Reading: a key or value whose length verb came before it takes that many bytes; every other text reaches to the next
// literal of the format, so the format must not leave one open.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/json_text.h"
#include "cmd/record_text.h"
#include "core/base/error.h"

namespace klog::cmd {

enum class Verb : std::uint8_t {
    literal,
    topic,
    partition,
    offset,
    leader_epoch,
    key,
    value,
    key_length,
    value_length,
    timestamp_ms,
    timestamp_text,
    headers,
    header_count,
    counter,
};

/// How a verb's bytes are written.
enum class Coding : std::uint8_t {
    plain,
    hex,
    base64,
    json,
    printable,
    length,  // Texts.
    big8,
    big16,
    big32,
    big64,
    little8,
    little16,
    little32,
    little64,  // Numbers; plain is decimal.
};

struct FormatOp {
    Verb verb = Verb::literal;
    Coding coding = Coding::plain;
    std::string literal;         // Of a key: printed behind it, when there is one.
    std::vector<FormatOp> each;  // Of headers: printed per header; empty: name=value,...
};

class Format {
public:
    static base::Result<Format> compile(std::string_view text);

    /// Adds the operations of another text.
    base::Result<> append(std::string_view text);
    /// Adds literal text behind the last operation.
    void append_literal(std::string_view text);

    /// Adds the key and what stands behind it; a record without a key gets neither.
    void append_key(std::string between);

    /// Appends one record; `counter` is what %i prints.
    void print(const RecordText& record, std::uint64_t counter, std::string& out) const;

    bool has(Verb verb) const;
    const std::vector<FormatOp>& ops() const { return ops_; }

private:
    std::vector<FormatOp> ops_;
};

/// Reads records from a stream of bytes by a format.
class FormatReader {
public:
    /// Refuses formats that cannot be read back.
    static base::Result<FormatReader> make(Format format);

    /// Takes one record from the front of `input`. Returns the bytes it took; 0 when `input` holds no whole record yet
    /// (never when `at_end`, unless it is empty). Views of `out` point into `input` or into this reader, until the next
    /// call. The last delimiter may be missing at the end.
    base::Result<std::size_t> read(std::string_view input, bool at_end, RecordInput& out);

private:
    struct Cursor;
    struct Lengths {
        std::optional<std::int64_t> key, value, headers;
    };

    explicit FormatReader(Format format) : format_(std::move(format)) {}
    base::Result<bool> read_ops(Cursor& in, const std::vector<FormatOp>& ops, RecordInput& out, HeaderText* header);
    base::Result<bool> read_one(Cursor& in, const std::vector<FormatOp>& ops, std::size_t index, Lengths& lengths,
                                RecordInput& out, HeaderText* header);
    base::Result<bool> read_headers(Cursor& in, const FormatOp& op, std::string_view stop, const Lengths& lengths,
                                    RecordInput& out);
    base::Result<bool> read_text(Cursor& in, const FormatOp& op, std::string_view stop, const Lengths& lengths,
                                 RecordInput& out, HeaderText* header);
    base::Result<std::optional<std::string_view>> decoded(Coding coding, std::string_view text);
    std::string& scratch();

    Format format_;
    std::deque<std::string> scratch_;  // Decoded texts of the current record; addresses are stable.
    std::size_t scratch_used_ = 0;
    JsonStrings json_strings_;
};

}  // namespace klog::cmd
