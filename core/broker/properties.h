// SPDX-License-Identifier: Apache-2.0
// Reads .properties files by the rules of java.util.Properties.load, as UTF-8: comments, continued lines, escapes, '='
// or ':' or blanks between key and value. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"

namespace klog::broker {

struct Property {
    std::string key;
    std::string value;
    int line = 0;       // Of its first character, from 1.
    bool bare = false;  // The key stands alone: Java takes its value as empty.
};

/// In the order of the file; a key that stands twice is there twice. invalid_config: a bad \u escape, with its line.
base::Result<std::vector<Property>> parse_properties(std::string_view text, std::string_view file_name);

}  // namespace klog::broker
