// SPDX-License-Identifier: Apache-2.0
// One binary, `klog SUBCOMMAND`: finds the subcommand, lets it declare its options, parses, runs.
#include <cstdio>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cmd/command.h"

namespace klog::cmd {
namespace {

/// The words after the program's name; `help CMD` reads as `CMD --help`.
std::vector<std::string> words_of(int argc, char** argv) {
    std::vector<std::string> words(argv + 1, argv + argc);
    if (!words.empty() && words[0] == "help") {
        words.erase(words.begin());
        words.resize(words.empty() ? 0 : 1);
        words.emplace_back("--help");
    }
    return words;
}

/// Help goes to stdout and is success; everything else is one line on stderr and exit code 2.
ExitCode report(const CLI::App& app, const std::string& path, const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error) == 0 ? code_of(Exit::done) : code_of(Exit::usage);
    std::string line = error.what();
    for (char& c : line)
        if (c == '\n') c = ' ';
    fmt::print(stderr, "klog: {}; see `{} --help`\n", line, path);
    return code_of(Exit::usage);
}

ExitCode run(int argc, char** argv) {
    std::vector<std::string> words = words_of(argc, argv);
    CLI::App app{"Kafka in one small program: a distributed commit log and the tools for it.", "klog"};
    app.set_version_flag("-V,--version", "klog " KLOG_VERSION);
    app.require_subcommand(1);
    app.footer("`klog help COMMAND` has the options of each.");
    std::string path = "klog";
    Run chosen;
    for (const Command& command : commands()) {
        CLI::App* sub = app.add_subcommand(command.name, command.summary);
        if (words.empty() || words[0] != command.name) continue;
        path += std::string(" ") + command.name;
        chosen = command.declare(*sub);
    }
    if (!chosen && !words.empty() && !words[0].starts_with('-')) {
        fmt::print(stderr, "klog: there is no command '{}'; `klog help` lists them\n", words[0]);
        return code_of(Exit::usage);
    }
    try {
        // CLI11 takes its arguments from the back.
        app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
    } catch (const CLI::ParseError& error) {
        return report(app, path, error);
    }
    return chosen ? chosen() : code_of(Exit::usage);
}

}  // namespace
}  // namespace klog::cmd

int main(int argc, char** argv) { return klog::cmd::run(argc, argv); }
