// SPDX-License-Identifier: Apache-2.0
// What the parts of `klog topic` share. Private to cmd/topic*.cc.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cmd/connection_options.h"
#include "cmd/errors.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "core/client/admin.h"
#include "core/client/run.h"

namespace klog::cmd {

/// Options that all of them have.
struct TopicOptions {
    ConnectionOptions connection;
    std::vector<std::string> names;
    OutputFormat output = OutputFormat::text;
    bool yes = false;
    bool dry_run = false;
};

void add_output_option(Options& options, OutputFormat& into);
void add_care_options(Options& options, TopicOptions& into);

/// Runs a task that needs a cluster. `body` outlives it.
ExitCode on_cluster(const ConnectionOptions& connection,
                    const std::function<runtime::Task<int>(client::Cluster&)>& body);

/// Prints a listing to stdout as `format` wants it.
ExitCode print_listing(const Listing& listing, OutputFormat format);

/// Shows each failed item and gives the exit code for all of them; `done` is said on stderr for those that worked.
ExitCode report_items(const std::vector<client::ItemResult>& results, std::string_view done);

/// What destroys or moves needs a yes: --yes, or an answer on the terminal. `plan` was shown already.
bool confirmed(const TopicOptions& options, std::string_view question);

// Each declares one subcommand below `topic`.
void declare_topic_list(Options& topic);
void declare_topic_describe(Options& topic);
void declare_topic_create(Options& topic);
void declare_topic_delete(Options& topic);
void declare_topic_alter(Options& topic);
void declare_topic_add_partitions(Options& topic);
void declare_topic_trim(Options& topic);

}  // namespace klog::cmd
