// SPDX-License-Identifier: Apache-2.0
// What subcommands that ask a cluster something and list the answer have in common.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "cmd/connection_options.h"
#include "cmd/errors.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "core/client/admin.h"
#include "core/client/run.h"

namespace klog::cmd {

/// -o FORMAT.
void add_output_option(Options& options, OutputFormat& into);

/// Runs a task that needs a cluster; a signal ends it where it stands. `body` outlives it.
ExitCode on_cluster(const ConnectionOptions& connection,
                    const std::function<runtime::Task<int>(client::Cluster&)>& body);

/// Prints a listing to stdout as `format` wants it.
ExitCode print_listing(const Listing& listing, OutputFormat format);

/// What metadata says against a topic, in words.
base::Error topic_error(wire::ErrorCode code);

/// The code of a command over several items: its own when there is one item, else that at least one failed.
class ItemCodes {
public:
    explicit ItemCodes(std::size_t items) : items_(items) {}
    void add(ExitCode code) {
        if (code != code_of(Exit::done)) code_ = items_ == 1 ? code : code_of(Exit::item_failed);
    }
    ExitCode code() const { return code_; }

private:
    std::size_t items_;
    ExitCode code_ = code_of(Exit::done);
};

/// Shows each failed item and gives the exit code for all of them; `done` is said on a terminal for those that worked.
ExitCode report_items(const std::vector<client::ItemResult>& results, std::string_view done);

}  // namespace klog::cmd
