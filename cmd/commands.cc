// SPDX-License-Identifier: Apache-2.0
// The table of the subcommands, in the order of the help.
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
        {"run", "Run a command with a broker of its own", declare_run},
        {"ready", "Whether a cluster can serve", declare_ready},
        {"bench", "Load a cluster and measure it", declare_bench},
        {"explain", "What an error of Kafka means, and what to do", declare_explain},
        {"version", "Print the version", declare_version},
        {"complete", "Candidates for the last of the words of a command line", declare_complete, true},
        {"man", "A man page with the options of a subcommand", declare_man, true},
    };
    return all;
}

}  // namespace klog::cmd
