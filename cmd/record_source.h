// SPDX-License-Identifier: Apache-2.0
// Where one record of the input ends and the next begins, and what is in it: by delimiter, by length, by a format, as
// JSON. Views of what was read point into the input or into the source, until the next call.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cmd/format.h"
#include "cmd/record_text.h"
#include "core/base/error.h"

namespace klog::cmd {

class RecordSource {
public:
    virtual ~RecordSource() = default;
    /// Takes one record from the front of `input`. Returns the bytes that it took; 0: no whole record is there yet (or
    /// `input` is empty). `skip` set: what was taken was no record (an empty line of JSON).
    virtual base::Result<std::size_t> read(std::string_view input, bool at_end, RecordInput& out, bool& skip) = 0;
};

/// Records parted by `delimiter`; with a key delimiter, what stands before its first occurrence is the key.
std::unique_ptr<RecordSource> delimited_source(std::string delimiter, std::optional<std::string> key_delimiter);
/// A length of four bytes, big-endian, then the value.
std::unique_ptr<RecordSource> length_source();
/// All of the input is one value.
std::unique_ptr<RecordSource> whole_source();
std::unique_ptr<RecordSource> format_source(FormatReader reader);
/// One JSON object a line.
std::unique_ptr<RecordSource> json_source();

}  // namespace klog::cmd
