// SPDX-License-Identifier: Apache-2.0
#include "cmd/command.h"

namespace klog::cmd {

std::span<const Command> commands() {
    static constexpr Command all[] = {
        {"dump-segment", "Print or check segment files, without a broker", declare_dump_segment},
        {"version", "Print the version", declare_version},
    };
    return all;
}

}  // namespace klog::cmd
