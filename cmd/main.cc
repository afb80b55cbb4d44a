// SPDX-License-Identifier: Apache-2.0
// One binary, `klog SUBCOMMAND`: finds the subcommand, lets it declare its options, parses, runs.
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cmd/command.h"
#include "cmd/nearest.h"

namespace klog::cmd {
namespace {

/// The words after the program's name; `help CMD` reads as `CMD --help`.
std::vector<std::string> words_of(int argc, char** argv) {
    std::vector<std::string> words(argv + 1, argv + argc);
    if (!words.empty() && words[0] == "help") {
        words.erase(words.begin());
        words.emplace_back("--help");
    }
    return words;
}

/// Help goes to stdout and is success; everything else is one line on stderr and exit code 2.
ExitCode report(const CLI::App& app, const std::string& path, const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
        app.exit(error);
        std::cout.flush();
        return code_of(std::cout ? Exit::done : Exit::item_failed);
    }
    std::string line = error.what();
    for (char& c : line)
        if (c == '\n') c = ' ';
    fmt::print(stderr, "klog: {}; see `{} --help`\n", line, path);
    return code_of(Exit::usage);
}

ExitCode no_such_command(const std::string& word) {
    std::vector<std::string_view> known{"help", "--help", "--version"};
    for (const Command& command : commands())
        if (!command.hidden) known.push_back(command.name);
    const std::string near = did_you_mean(word, known);
    fmt::print(stderr, "klog: there is no {} '{}'{}\n", word.starts_with('-') ? "option" : "command", word,
               near.empty() ? "; `klog help` lists the commands" : near);
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
        if (command.hidden) sub->group("");
        if (words.empty() || words[0] != command.name) continue;
        path += std::string(" ") + command.name;
        chosen = command.declare(*sub);
    }
    const bool known_option =
        words.empty() || words[0] == "-h" || words[0] == "--help" || words[0] == "-V" || words[0] == "--version";
    if (!chosen && !known_option) return no_such_command(words[0]);
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
