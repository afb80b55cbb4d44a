// SPDX-License-Identifier: Apache-2.0
// Where the cluster is and what its client shall do: the options that all subcommands which talk to a cluster share.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cmd/options.h"
#include "core/base/error.h"
#include "core/client/config.h"

namespace klog::cmd {

struct ConnectionOptions {
    std::optional<std::string> bootstrap;
    std::vector<std::string> properties;       // -X key=value
    std::optional<std::string> client_config;  // A .properties file.
};

void add_connection_options(Options& options, ConnectionOptions& into);

/// Options over -X over the file over KLOG_BROKERS over the defaults. `start` has the subcommand's own defaults.
base::Result<client::Config> client_config(const ConnectionOptions& options, client::Config start = {});

}  // namespace klog::cmd
