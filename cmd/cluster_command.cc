// SPDX-License-Identifier: Apache-2.0
#include "cmd/cluster_command.h"

#include <unistd.h>

#include <fmt/format.h>

#include "cmd/pipes.h"
#include "core/client/errors.h"

namespace klog::cmd {

using base::Result;

void add_output_option(Options& options, OutputFormat& into) {
    options.add({"-o,--output", "text|wide|json|ndjson|csv|name", "how to print it (text)", "Output"},
                [&into](std::string_view text) -> Result<> {
                    KLOG_TRY(into, parse_output_format(text));
                    return {};
                });
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

base::Error topic_error(wire::ErrorCode code) {
    if (code == wire::ErrorCode::unknown_topic_or_partition)
        return {base::Errc::not_found, fmt::format("there is no such topic ({})", wire::name_of(code))};
    return client::kafka_error(code);
}

ExitCode report_items(const std::vector<client::ItemResult>& results, std::string_view done) {
    ItemCodes codes(results.size());
    for (const client::ItemResult& result : results) {
        if (result.error)
            codes.add(complain(result.name, *result.error));
        else if (isatty(STDERR_FILENO) != 0)
            say(fmt::format("{}: {}", result.name, done));
    }
    return codes.code();
}

}  // namespace klog::cmd
