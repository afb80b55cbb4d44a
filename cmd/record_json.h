// SPDX-License-Identifier: Apache-2.0
// Records as JSON, one object a line, without loss: docs/json-records.md has the shape. Text that is not UTF-8 stands
// in base64 in the member NAME_base64 instead of NAME.
#pragma once

#include <string>
#include <string_view>

#include "cmd/json_text.h"
#include "cmd/record_text.h"
#include "core/base/error.h"

namespace klog::cmd {

/// Appends the object, without a newline. Without a topic it has no members topic and partition.
void append_record_json(const RecordText& record, std::string& out);

/// Reads one object of that shape, or of kcat's -J (payload, ts, headers as a flat list). `strings` keeps what had to
/// be unescaped; the views of `out` live as long as it and `line` do.
base::Result<> read_record_json(std::string_view line, JsonStrings& strings, RecordInput& out);

}  // namespace klog::cmd
