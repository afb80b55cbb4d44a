// SPDX-License-Identifier: Apache-2.0
#include "core/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace klog::base {

void check_failed(const char* file, int line, const char* expression, std::string_view words) {
    std::fprintf(stderr, "klog: bug at %s:%d: %s%s%.*s\n", file, line, expression, words.empty() ? "" : ": ",
                 static_cast<int>(words.size()), words.data());
    std::abort();
}

}  // namespace klog::base
