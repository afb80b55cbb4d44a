// SPDX-License-Identifier: Apache-2.0
// Text as Kafka's Java tools print it.
#pragma once

#include <string>
#include <string_view>

namespace klog::cmd {

/// As Java decodes UTF-8: what is none becomes U+FFFD.
void append_java_text(std::string& out, std::string_view bytes);
/// A JSON string with its quotes, escaped as Jackson does.
void append_java_json_string(std::string& out, std::string_view bytes);

}  // namespace klog::cmd
