// SPDX-License-Identifier: Apache-2.0
// The progress line: on stderr, when that is a terminal and the work takes over half a second. It is gone before
// anything else is said there, and at the end. Lives on the shard that does the work.
#pragma once

#include <functional>
#include <string>

#include "core/runtime/scope.h"
#include "core/runtime/shard.h"

namespace klog::cmd {

class Progress {
public:
    /// `words` gives the line as it is now. Nothing is shown with `shown` false or without a terminal.
    Progress(const base::Clock& clock, bool shown, std::function<std::string()> words);
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    /// Takes the line away. Once, before it dies.
    runtime::Task<void> close();

private:
    runtime::Task<void> show();

    const base::Clock& clock_;
    std::function<std::string()> words_;
    bool ended_ = false;
    runtime::Signal end_;
    runtime::Scope scope_;
};

/// "1,234,567", for people.
std::string grouped(std::uint64_t number);

/// "1,234,567 records, 115.2 MiB, 45.1 MiB/s": what produce and consume show.
std::string flow_words(std::uint64_t records, std::uint64_t bytes, std::chrono::nanoseconds since);

}  // namespace klog::cmd
