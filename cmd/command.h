// SPDX-License-Identifier: Apache-2.0
// What a subcommand is. Each lives in its own file and declares its options once, on a CLI::App; help, the man page and
// the completions derive from that declaration. cmd/commands.cc lists them all.
#pragma once

#include <functional>
#include <span>

namespace CLI {
class App;
}

namespace klog::cmd {

/// Exit codes of all subcommands; 128 + n by signal n.
enum class Exit : int {
    done = 0,
    item_failed = 1,  // At least one item or record failed.
    usage = 2,
    not_found = 3,  // Or empty where something was asked for.
    timed_out = 4,
    cannot_connect = 5,
    not_allowed = 6,
    corrupt = 7,
};

/// What the shell sees: an Exit, or 128 + n.
using ExitCode = int;
constexpr ExitCode code_of(Exit exit) { return static_cast<ExitCode>(exit); }

/// Runs after the options were parsed.
using Run = std::function<ExitCode()>;

struct Command {
    const char* name;
    const char* summary;  // One line, for `klog help`.
    /// Adds the options to `app` and returns what to run; the closure owns the options. Called only for the subcommand
    /// that is wanted, and for help and completions.
    Run (*declare)(CLI::App& app);
    bool hidden = false;  // For scripts and the build; help and completions do not name it.
};

/// All subcommands, in the order in which `klog help` shows them.
std::span<const Command> commands();

Run declare_bench(CLI::App& app);
Run declare_broker(CLI::App& app);
Run declare_complete(CLI::App& app);
Run declare_consume(CLI::App& app);
Run declare_dump_segment(CLI::App& app);
Run declare_explain(CLI::App& app);
Run declare_man(CLI::App& app);
Run declare_offsets(CLI::App& app);
Run declare_produce(CLI::App& app);
Run declare_ready(CLI::App& app);
Run declare_run(CLI::App& app);
Run declare_topic(CLI::App& app);
Run declare_version(CLI::App& app);

}  // namespace klog::cmd
