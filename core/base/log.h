// SPDX-License-Identifier: Apache-2.0
// Log lines: on stderr, one line an event, nothing when all is well. Data never goes here.
#pragma once

#include <functional>
#include <string_view>
#include <utility>

#include <fmt/core.h>

namespace klog::base {

enum class LogLevel { debug, info, warn, error, off };

void set_log_level(LogLevel level);
bool log_enabled(LogLevel level);
/// Replaces stderr as the target, in tests and in simulation; an empty function restores it. The line has no newline.
void set_log_sink(std::function<void(LogLevel, std::string_view)> sink);
void write_log(LogLevel level, std::string_view line);

template <class... Args>
void log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
    if (log_enabled(level)) write_log(level, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
    log(LogLevel::debug, format, std::forward<Args>(args)...);
}
template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
    log(LogLevel::info, format, std::forward<Args>(args)...);
}
template <class... Args>
void log_warn(fmt::format_string<Args...> format, Args&&... args) {
    log(LogLevel::warn, format, std::forward<Args>(args)...);
}
template <class... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
    log(LogLevel::error, format, std::forward<Args>(args)...);
}

}  // namespace klog::base
