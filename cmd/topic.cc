// SPDX-License-Identifier: Apache-2.0
// klog topic: the subcommands below it, and what they share.
#include "cmd/topic.h"

#include <cstdio>
#include <iostream>

#include <unistd.h>

#include <fmt/format.h>

#include "cmd/pipes.h"

namespace klog::cmd {

using base::Result;

void add_output_option(Options& options, OutputFormat& into) {
    options.add({"-o,--output", "text|wide|json|ndjson|csv|name", "how to print it", "Output"},
                [&into](std::string_view text) -> Result<> {
                    KLOG_TRY(into, parse_output_format(text));
                    return {};
                });
}

void add_care_options(Options& options, TopicOptions& into) {
    options.add({"-y,--yes", nullptr, "do it without asking", "Care"}, into.yes);
    options.add({"--dry-run", nullptr, "only show what would be done", "Care"}, into.dry_run);
}

ExitCode on_cluster(const ConnectionOptions& connection,
                    const std::function<runtime::Task<int>(client::Cluster&)>& body) {
    auto config = client_config(connection);
    if (!config) return usage_error(config.error().message);
    ignore_sigpipe();
    return client::run_client(std::move(*config),
                              [&body](client::Cluster& cluster, client::Interrupts&) { return body(cluster); });
}

ExitCode print_listing(const Listing& listing, OutputFormat format) {
    const auto written = write_stdout(listing.render(format, isatty(STDOUT_FILENO) != 0));
    return written ? code_of(Exit::done) : complain("", written.error());
}

ExitCode report_items(const std::vector<client::ItemResult>& results, std::string_view done) {
    ExitCode code = code_of(Exit::done);
    for (const client::ItemResult& result : results) {
        if (result.error) {
            const ExitCode one = complain(result.name, *result.error);
            // One item: its own code. Several: at least one failed.
            code = results.size() == 1 ? one : code_of(Exit::item_failed);
        } else if (isatty(STDERR_FILENO) != 0) {
            say(fmt::format("{}: {}", result.name, done));
        }
    }
    return code;
}

bool confirmed(const TopicOptions& options, std::string_view question) {
    if (options.yes) return true;
    if (isatty(STDIN_FILENO) == 0 || isatty(STDERR_FILENO) == 0) {
        say("nothing was done: give --yes to do it");
        return false;
    }
    fmt::print(stderr, "klog: {} [y/N] ", question);
    std::string answer;
    std::getline(std::cin, answer);
    return answer == "y" || answer == "Y" || answer == "yes";
}

Run declare_topic(CLI::App& app) {
    const auto options = std::make_shared<Options>(app);
    declare_topic_list(*options);
    declare_topic_describe(*options);
    declare_topic_create(*options);
    declare_topic_delete(*options);
    declare_topic_alter(*options);
    declare_topic_add_partitions(*options);
    declare_topic_trim(*options);
    const Run run = options->run([] { return code_of(Exit::usage); });
    return [options, run] { return run(); };
}

}  // namespace klog::cmd
