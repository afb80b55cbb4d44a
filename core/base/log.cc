// SPDX-License-Identifier: Apache-2.0
#include "core/base/log.h"

#include <atomic>
#include <mutex>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace klog::base {
namespace {

std::atomic<LogLevel> threshold{LogLevel::info};

struct Target {
    std::mutex mutex;
    std::function<void(LogLevel, std::string_view)> sink;
};

Target& target() {
    static Target instance;
    return instance;
}

spdlog::logger& stderr_logger() {
    static const auto logger = [] {
        auto made = std::make_shared<spdlog::logger>("klog", std::make_shared<spdlog::sinks::stderr_sink_mt>());
        made->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %L %v", spdlog::pattern_time_type::utc);
        made->set_level(spdlog::level::trace);
        return made;
    }();
    return *logger;
}

spdlog::level::level_enum to_spdlog(LogLevel level) {
    switch (level) {
        case LogLevel::debug: return spdlog::level::debug;
        case LogLevel::info: return spdlog::level::info;
        case LogLevel::warn: return spdlog::level::warn;
        case LogLevel::error: return spdlog::level::err;
        case LogLevel::off: break;
    }
    return spdlog::level::off;
}

}  // namespace

void set_log_level(LogLevel level) { threshold = level; }

bool log_enabled(LogLevel level) { return level >= threshold.load(std::memory_order_relaxed); }

void set_log_sink(std::function<void(LogLevel, std::string_view)> sink) {
    const std::lock_guard lock(target().mutex);
    target().sink = std::move(sink);
}

void write_log(LogLevel level, std::string_view line) {
    {
        const std::lock_guard lock(target().mutex);
        if (target().sink) return target().sink(level, line);
    }
    stderr_logger().log(to_spdlog(level), "{}", line);
}

}  // namespace klog::base
