// SPDX-License-Identifier: Apache-2.0
// klog complete -- WORD...: what may stand for the last of the words after `klog`. The scripts in completions/ call it.
// The first line of the answer is `words`, `file` or `directory`; after `words` follow the candidates, a line each,
// with a tab and an explanation where there is one. It is quick or silent: topics that do not come within the time
// limit are those of the last time.
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <sys/time.h>
#include <unistd.h>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cmd/connection_options.h"
#include "cmd/pipes.h"
#include "core/client/run.h"

namespace klog::cmd {
namespace {

constexpr int answer_ms_max = 120;
constexpr int ask_ms_max = 100;

// What is printed when the time is up; for the signal handler.
std::string last_resort;

void give_up(int) {
    (void)!write(STDOUT_FILENO, last_resort.data(), last_resort.size());
    _exit(0);
}

std::filesystem::path cache_of(const client::Config& config) {
    std::string name = "topics";
    for (const auto& address : config.bootstrap) name += "-" + address.to_string();
    for (char& c : name)
        if (c == '/') c = '_';
    const char* base = std::getenv("XDG_CACHE_HOME");
    const char* home = std::getenv("HOME");
    if (base != nullptr && *base != '\0') return std::filesystem::path(base) / "klog" / name;
    return home == nullptr ? std::filesystem::path() : std::filesystem::path(home) / ".cache" / "klog" / name;
}

void remember(const std::filesystem::path& cache, const std::string& topics) {
    std::error_code ignored;
    if (cache.empty()) return;
    std::filesystem::create_directories(cache.parent_path(), ignored);
    const auto fresh = cache.string() + fmt::format(".{}", getpid());
    if (std::ofstream(fresh, std::ios::binary) << topics) std::filesystem::rename(fresh, cache, ignored);
    std::filesystem::remove(fresh, ignored);
}

runtime::Task<int> ask_topics(client::Cluster* cluster, std::string* out) {
    const auto topics = co_await cluster->all_topics();
    if (!topics) co_return 1;
    for (const auto& topic : *topics) *out += topic->name + "\n";
    co_return 0;
}

/// A line each.
std::string topics_of(const ConnectionOptions& connection) {
    client::Config defaults;
    defaults.connect_timeout_ms = defaults.request_timeout_ms = defaults.metadata_timeout_ms = ask_ms_max;
    defaults.bootstrap_patience_ms = 0;
    auto config = client_config(connection, defaults);
    if (!config) return {};
    const auto cache = cache_of(*config);
    std::stringstream before;
    if (!cache.empty()) before << std::ifstream(cache, std::ios::binary).rdbuf();
    last_resort = "words\n" + before.str();
    std::signal(SIGALRM, give_up);
    const itimerval limit{{}, {0, suseconds_t{answer_ms_max} * 1000}};
    setitimer(ITIMER_REAL, &limit, nullptr);
    std::string topics;
    const int failed = client::run_client(std::move(*config), [&topics](client::Cluster& cluster, client::Interrupts&) {
        return ask_topics(&cluster, &topics);
    });
    if (failed != 0) return before.str();
    remember(cache, topics);
    return topics;
}

bool takes_value(const CLI::Option& option) { return option.get_expected_min() > 0; }

std::string first_sentence_part(std::string text) { return text.substr(0, text.find('\n')); }

/// The words typed so far, read against the declaration of their subcommand.
class Line {
public:
    explicit Line(std::vector<std::string> words) : words_(std::move(words)) {
        current_ = words_.empty() ? "" : words_.back();
        if (!words_.empty()) words_.pop_back();
    }
    std::string answer();

private:
    std::string commands_there_are() const;
    std::string options_of(const CLI::App& app) const;
    std::string values(const std::string& placeholder, const std::string& typed, const std::string& before);
    const CLI::App* walk(CLI::App& app, const CLI::Option*& pending, bool& only_words);
    void keep(const CLI::Option& option, const std::string& value);

    std::vector<std::string> words_;  // Before the one that is completed.
    std::string current_;
    ConnectionOptions connection_;
};

std::string Line::commands_there_are() const {
    std::string out = "words\n";
    for (const Command& command : commands())
        if (!command.hidden && std::string_view(command.name).starts_with(current_))
            out += fmt::format("{}\t{}\n", command.name, command.summary);
    for (const std::string_view word : {"help", "--help", "--version"})
        if (word.starts_with(current_) && (!current_.empty() || word == "help")) out += fmt::format("{}\n", word);
    return out;
}

std::string Line::options_of(const CLI::App& app) const {
    std::string out = "words\n";
    for (const CLI::Option* option : app.get_options()) {
        if (option->get_group().empty()) continue;
        // The first long name; a short one where there is no other, or when it was asked for.
        std::vector<std::string> names;
        for (const auto& name : option->get_lnames()) names.push_back("--" + name);
        if (names.size() > 1) names.resize(1);
        if (names.empty() || current_ == "-")
            for (const auto& name : option->get_snames()) names.push_back("-" + name);
        for (const std::string& name : names)
            if (name.starts_with(current_))
                out += fmt::format("{}\t{}\n", name, first_sentence_part(option->get_description()));
    }
    return out;
}

std::string Line::values(const std::string& placeholder, const std::string& typed, const std::string& before) {
    if (placeholder == "FILE" || placeholder == "PATH") return "file\n";
    if (placeholder == "DIR") return "directory\n";
    std::string candidates;
    if (placeholder == "TOPIC" && !typed.starts_with('^')) {
        candidates = topics_of(connection_);
    } else if (placeholder.find('|') != std::string::npos) {
        candidates = placeholder + "\n";
        for (char& c : candidates)
            if (c == '|') c = '\n';
    }
    std::string out = "words\n";
    std::stringstream lines(candidates);
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with(typed)) out += before + line + "\n";
    return out;
}

void Line::keep(const CLI::Option& option, const std::string& value) {
    if (option.check_lname("bootstrap")) connection_.bootstrap = value;
    if (option.check_lname("client-config")) connection_.client_config = value;
    if (option.check_sname("X")) connection_.properties.push_back(value);
}

/// The innermost subcommand that was named; `pending` is the option that waits for its value.
const CLI::App* Line::walk(CLI::App& app, const CLI::Option*& pending, bool& only_words) {
    CLI::App* here = &app;
    for (std::size_t i = 1; i < words_.size(); ++i) {
        const std::string& word = words_[i];
        if (pending != nullptr) {
            keep(*pending, word);
            pending = nullptr;
        } else if (word == "--") {
            only_words = true;
        } else if (!only_words && word.size() > 1 && word[0] == '-') {
            const std::size_t equals = word.find('=');
            const CLI::Option* option = here->get_option_no_throw(word.substr(0, equals));
            if (option != nullptr && equals != std::string::npos) keep(*option, word.substr(equals + 1));
            if (option != nullptr && equals == std::string::npos && takes_value(*option)) pending = option;
        } else {
            for (CLI::App* below : here->get_subcommands([](CLI::App*) { return true; }))
                if (below->get_name() == word) here = below;
        }
    }
    return here;
}

std::string Line::answer() {
    if (words_.empty() || (words_[0] == "help" && words_.size() == 1)) return commands_there_are();
    CLI::App app;
    for (const Command& command : commands()) {
        if (words_[0] != command.name) continue;
        const Run owner = command.declare(app);
        const CLI::Option* pending = nullptr;
        bool only_words = false;
        const CLI::App* here = walk(app, pending, only_words);
        if (pending != nullptr) return values(pending->get_type_name(), current_, "");
        if (const std::size_t equals = current_.find('='); current_.starts_with("--") && equals != std::string::npos) {
            const CLI::Option* option = here->get_option_no_throw(current_.substr(0, equals));
            if (option == nullptr) return "words\n";
            return values(option->get_type_name(), current_.substr(equals + 1), current_.substr(0, equals + 1));
        }
        if (!only_words && current_.starts_with('-')) return options_of(*here);
        std::string out;
        for (const CLI::App* below : here->get_subcommands([](const CLI::App*) { return true; }))
            if (below->get_name().starts_with(current_))
                out += fmt::format("{}\t{}\n", below->get_name(), below->get_description());
        if (!out.empty()) return "words\n" + out;
        for (const CLI::Option* option : here->get_options())
            if (option->get_positional() && !option->get_group().empty())
                return values(option->get_name(true), current_, "");
    }
    return "words\n";
}

}  // namespace

Run declare_complete(CLI::App& app) {
    const auto words = std::make_shared<std::vector<std::string>>();
    app.add_option("WORD", *words);
    return [words] {
        ignore_sigpipe();
        (void)write_stdout(Line(*words).answer());
        return code_of(Exit::done);
    };
}

}  // namespace klog::cmd
