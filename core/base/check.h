// SPDX-License-Identifier: Apache-2.0
// An assertion that is always on. It means a bug in klog, never a state of the world: corrupt bytes, a gone peer or a
// full disk are errors (base/error.h), not failed checks.
#pragma once

#include <string_view>

namespace klog::base {

/// Prints the place and the words on stderr and aborts.
[[noreturn]] void check_failed(const char* file, int line, const char* expression, std::string_view words);

}  // namespace klog::base

/// KLOG_CHECK(condition) or KLOG_CHECK(condition, "what it means when this fails").
#define KLOG_CHECK(condition, ...)                                                                       \
    do {                                                                                                 \
        if (!(condition)) [[unlikely]]                                                                   \
            ::klog::base::check_failed(__FILE__, __LINE__, #condition, ::std::string_view{__VA_ARGS__}); \
    } while (false)
