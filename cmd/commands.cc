// SPDX-License-Identifier: Apache-2.0
#include "cmd/command.h"

namespace klog::cmd {

std::span<const Command> commands() {
    static constexpr Command all[] = {
        {"broker", "Run a broker", declare_broker},
        {"produce", "Write stdin to a topic, a record a line", declare_produce},
        {"consume", "Print the records of topics", declare_consume},
        {"topic", "List, describe, create, delete, alter, grow and trim topics", declare_topic},
        {"offsets", "Where the partitions of topics begin and end", declare_offsets},
        {"dump-segment", "Print or check segment files, without a broker", declare_dump_segment},
        {"version", "Print the version", declare_version},
    };
    return all;
}

}  // namespace klog::cmd
