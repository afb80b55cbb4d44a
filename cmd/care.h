// SPDX-License-Identifier: Apache-2.0
// Care: what destroys data or moves positions shows its plan first, asks on a terminal, needs --yes elsewhere, and only
// shows the plan with --dry-run. The same for every subcommand.
#pragma once

#include <string>

#include "cmd/command.h"
#include "cmd/options.h"
#include "core/runtime/shard.h"
#include "core/runtime/task.h"

namespace klog::cmd {

struct Care {
    bool yes = false;
    bool dry_run = false;
};

void add_care_options(Options& options, Care& into);

enum class Consent { given, dry_run, refused };

/// After the plan was shown (say(), one line each): whether it may be done. Why not is said on stderr. The question is
/// put on the pool, so that ^C works while it waits.
runtime::Task<Consent> consent(const Care* care, runtime::Pool* pool, std::string question);

/// The exit code when nothing was done: done for a dry run, 2 where --yes was missing or the answer was no.
ExitCode code_without(Consent consent);

}  // namespace klog::cmd
