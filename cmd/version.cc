// SPDX-License-Identifier: Apache-2.0
// klog version.
#include <CLI/CLI.hpp>

#include "cmd/errors.h"
#include "cmd/pipes.h"

namespace klog::cmd {

Run declare_version(CLI::App&) {
    return [] {
        const auto written = write_stdout("klog " KLOG_VERSION "\n");
        return written ? code_of(Exit::done) : complain("", written.error());
    };
}

}  // namespace klog::cmd
