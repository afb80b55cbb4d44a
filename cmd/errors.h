// SPDX-License-Identifier: Apache-2.0
// How a command says that something went wrong: one line on stderr, `klog: SUBJECT: what happened (KAFKA_ERROR_NAME);
// what to do next`, and the exit code that belongs to it.
#pragma once

#include <string_view>

#include "cmd/command.h"
#include "core/base/error.h"

namespace klog::cmd {

Exit exit_of(const base::Error& error);

/// Prints the line. `next` empty: what usually helps against this error. Returns the exit code.
ExitCode complain(std::string_view subject, const base::Error& error, std::string_view next = {});

/// `klog: words` on stderr.
void say(std::string_view words);

/// The progress line (cmd/progress.h): overwritten by the next, gone before anything is said. On one thread.
void show_progress_line(std::string_view words);
void clear_progress_line();

}  // namespace klog::cmd
