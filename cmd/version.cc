// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include <CLI/CLI.hpp>

#include "cmd/command.h"

namespace klog::cmd {

Run declare_version(CLI::App&) {
    return [] {
        std::puts("klog " KLOG_VERSION);
        return code_of(Exit::done);
    };
}

}  // namespace klog::cmd
