// SPDX-License-Identifier: Apache-2.0
#include "cmd/options.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cmd/nearest.h"
#include "cmd/quantity.h"

namespace klog::cmd {

using base::Errc;
using base::fail;
using base::Result;

struct Options::Entry {
    std::string name;  // As people see it in messages: the first long name, else the short one.
    CLI::Option* option = nullptr;
    Take take;
    bool flag = false;
};

namespace {

std::string shown_name(std::string_view names) {
    const std::size_t at = names.find("--");
    const std::string_view from = at == std::string_view::npos ? names : names.substr(at);
    return std::string(from.substr(0, from.find(',')));
}

}  // namespace

Options::Options(CLI::App& app) : app_(app) {
    // Unknown options are ours to report: with the nearest one that exists.
    app_.allow_extras();
    app_.get_formatter()->column_width(38);
}

Options::~Options() = default;

CLI::Option* Options::declare(const OptionText& text, Take take, bool flag) {
    auto entry = std::make_unique<Entry>();
    entry->name = shown_name(text.names);
    entry->take = std::move(take);
    entry->flag = flag;
    if (flag) {
        entry->option = app_.add_flag(text.names, text.help);
    } else {
        entry->option = app_.add_option(text.names, CLI::callback_t{}, text.help);
        entry->option->type_size(1)->expected(1)->allow_extra_args(false)->type_name(text.value ? text.value : "");
    }
    entry->option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)->group(text.section);
    entries_.push_back(std::move(entry));
    return entries_.back()->option;
}

void Options::add(const OptionText& text, Take take) { declare(text, std::move(take), false); }

void Options::add(const OptionText& text, bool& flag) {
    declare(text, [&flag](std::string_view) { return flag = true, Result<>{}; }, true);
}
void Options::add(const OptionText& text, std::string& into) {
    add(text, [&into](std::string_view value) { return into = value, Result<>{}; });
}
void Options::add(const OptionText& text, std::optional<std::string>& into) {
    add(text, [&into](std::string_view value) { return into = value, Result<>{}; });
}
void Options::add(const OptionText& text, std::vector<std::string>& into) {
    add(text, [&into](std::string_view value) { return into.emplace_back(value), Result<>{}; });
}

void Options::add_flag_with_value(const OptionText& text, Take take) {
    CLI::Option* option = declare(text, std::move(take), true);
    if (text.value) option->type_name(fmt::format("[={}]", text.value));
}

void Options::add_integer(const OptionText& text, std::int64_t& into, std::int64_t least, std::int64_t most) {
    add(text, [&into, least, most](std::string_view value) -> Result<> {
        KLOG_TRY(into, parse_integer(value));
        if (into < least || into > most)
            return fail(Errc::invalid_argument, "{} is not between {} and {}", value, least, most);
        return {};
    });
}
void Options::add_size(const OptionText& text, std::int64_t& into, std::int64_t least, std::int64_t most) {
    add(text, [&into, least, most](std::string_view value) -> Result<> {
        KLOG_TRY(into, parse_size(value));
        if (into < least || into > most)
            return fail(Errc::invalid_argument, "{} is not between {} and {}", value, least, most);
        return {};
    });
}
void Options::add_duration(const OptionText& text, std::int64_t& into_us) {
    add(text, [&into_us](std::string_view value) -> Result<> {
        KLOG_TRY(into_us, parse_duration_us(value));
        return {};
    });
}

void Options::positional(const char* name, const char* help, std::vector<std::string>& into) {
    positionals_ = &into;
    app_.add_option(name, words_, help)->type_name("");
}

Options& Options::subcommand(const char* name, const char* summary) {
    below_.push_back(std::make_unique<Options>(*app_.add_subcommand(name, summary)));
    return *below_.back();
}

void Options::examples(std::string text) { app_.footer(std::move(text)); }

Result<> Options::unknown_option(const std::string& given) const {
    std::string name = given.substr(0, given.find('='));
    std::vector<std::string> names;
    for (const CLI::Option* option : app_.get_options()) {
        for (const auto& text : option->get_lnames()) names.push_back("--" + text);
        for (const auto& text : option->get_snames()) names.push_back("-" + text);
    }
    const std::vector<std::string_view> views(names.begin(), names.end());
    return fail(Errc::invalid_argument, "there is no option {}{}", name,
                name.starts_with("--") ? did_you_mean(name, views) : "");
}

Result<> Options::store() {
    for (const std::string& given : app_.remaining()) {
        if (given.size() > 1 && given[0] == '-' && given != "--") return unknown_option(given);
        if (given != "--" && positionals_ == nullptr)
            return fail(Errc::invalid_argument, "'{}' is one word too many", given);
    }
    if (positionals_ != nullptr) *positionals_ = words_;
    for (const auto& entry : entries_) {
        for (const std::string& value : entry->option->results()) {
            // CLI11 gives "true" for a flag without a value.
            const std::string_view text = entry->flag && value == "true" ? std::string_view() : std::string_view(value);
            if (auto taken = entry->take(text); !taken)
                return fail(Errc::invalid_argument, "{}: {}", entry->name, taken.error().message);
        }
    }
    return {};
}

ExitCode Options::finish() {
    for (const auto& sub : below_)
        if (sub->app_.parsed()) return sub->finish();
    if (!below_.empty()) return usage_error(which_subcommand());
    if (auto stored = store(); !stored) return usage_error(stored.error().message);
    return then_();
}

std::string Options::which_subcommand() const {
    std::vector<std::string> names;
    for (const auto& sub : below_) names.push_back(sub->app_.get_name());
    const std::vector<std::string> given = app_.remaining();
    if (given.empty()) return fmt::format("{} what? It has {}", app_.get_name(), fmt::join(names, ", "));
    const std::vector<std::string_view> views(names.begin(), names.end());
    return fmt::format("there is no '{} {}': it has {}{}", app_.get_name(), given[0], fmt::join(names, ", "),
                       did_you_mean(given[0], views));
}

Run Options::run(Run what) {
    then_ = std::move(what);
    return [this] { return finish(); };
}

ExitCode usage_error(std::string_view words) {
    fmt::print(stderr, "klog: {}\n", words);
    return code_of(Exit::usage);
}

}  // namespace klog::cmd
