// SPDX-License-Identifier: Apache-2.0
// Texts for bytes: escapes of the command line, hex, base64, UTF-8 checks, JSON strings. Appending functions write to
// the end of `out`; nothing here allocates otherwise.
#pragma once

#include <string>
#include <string_view>

#include "core/base/error.h"

namespace klog::cmd {

/// \n \t \r \0 \\ \xNN; anything else behind a backslash is an error. For delimiters and formats.
base::Result<std::string> unescape(std::string_view text);

void append_hex(std::string& out, std::string_view bytes);
bool append_unhex(std::string& out, std::string_view text);  // False: not hex.

/// Standard alphabet, padded.
void append_base64(std::string& out, std::string_view bytes);
/// Accepts both alphabets, padded or not. False: not base64.
bool append_unbase64(std::string& out, std::string_view text);

bool is_utf8(std::string_view bytes);

/// A JSON string with its quotes. Bytes that are not UTF-8 come out as U+FFFD: ask is_utf8 first where that matters.
void append_json_string(std::string& out, std::string_view text);

/// Printable characters as they are, all else as \n \t \xNN: one line, unambiguous.
void append_printable(std::string& out, std::string_view bytes);

}  // namespace klog::cmd
