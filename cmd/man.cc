// SPDX-License-Identifier: Apache-2.0
// klog man FILE: a man page in scdoc's language. The page's prose comes from the file; in the place of the line
// @OPTIONS NAME@ stands what the subcommand NAME declares. The build calls it.
#include <fstream>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cmd/errors.h"
#include "cmd/pipes.h"

namespace klog::cmd {
namespace {

/// Text that means nothing to scdoc.
std::string plain(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '\\' || c == '*' || c == '_' || c == '#' || c == '[' || c == ']' || c == '|' || c == '.') out += '\\';
        out += c;
    }
    return out;
}

std::string names_of(const CLI::Option& option) {
    std::string out;
    const auto add = [&](const std::string& dashes, const std::string& name) {
        out += fmt::format("{}*{}{}*", out.empty() ? "" : ", ", dashes, plain(name));
    };
    for (const auto& name : option.get_snames()) add("-", name);
    for (const auto& name : option.get_lnames()) add("--", name);
    if (const std::string value = option.get_type_name(); !value.empty())
        out += (value.starts_with("[=") ? "" : " ") + fmt::format("_{}_", plain(value));
    return out;
}

void append_options(std::string& out, const CLI::App& app, const std::string& path) {
    const auto below = app.get_subcommands([](const CLI::App*) { return true; });
    for (const CLI::Option* option : app.get_options())
        if (option->get_positional() && below.empty())
            out += fmt::format("_{}_\n\t{}\n\n", plain(option->get_name(true)), plain(option->get_description()));
    for (const std::string& group : app.get_groups()) {
        if (group.empty()) continue;
        std::string entries;
        for (const CLI::Option* option : app.get_options())
            if (option->get_group() == group && !option->get_positional())
                entries += fmt::format("{}\n\t{}\n\n", names_of(*option), plain(option->get_description()));
        if (!entries.empty()) out += fmt::format("## {}\n\n{}", plain(group), entries);
    }
    for (const CLI::App* sub : below) {
        const std::string name = path + " " + sub->get_name();
        out += fmt::format("# {}\n\n{}\n\n", plain(name), plain(sub->get_description()));
        append_options(out, *sub, name);
    }
}

std::string options_of(std::string_view name) {
    std::string out;
    for (const Command& command : commands()) {
        if (name != command.name) continue;
        CLI::App app;
        const Run owner = command.declare(app);
        append_options(out, app, std::string("klog ") + command.name);
    }
    return out;
}

ExitCode print_page(const std::string& file) {
    std::ifstream in(file);
    std::string page;
    for (std::string line; std::getline(in, line);) {
        constexpr std::string_view mark = "@OPTIONS ";
        if (!line.starts_with(mark) || !line.ends_with('@')) {
            page += line + "\n";
            continue;
        }
        const std::string name = line.substr(mark.size(), line.size() - mark.size() - 1);
        const std::string options = options_of(name);
        if (options.empty()) return say(fmt::format("{}: there is no command '{}'", file, name)), code_of(Exit::usage);
        page += options;
    }
    if (page.empty()) return say(fmt::format("{}: cannot be read", file)), code_of(Exit::not_found);
    return write_stdout(page) ? code_of(Exit::done) : code_of(Exit::item_failed);
}

}  // namespace

Run declare_man(CLI::App& app) {
    const auto file = std::make_shared<std::string>();
    app.add_option("FILE", *file)->required();
    return [file] { return print_page(*file); };
}

}  // namespace klog::cmd
