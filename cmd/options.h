// SPDX-License-Identifier: Apache-2.0
// Options of a subcommand, each declared once: names, placeholder, help text, section, where its value goes. Parsing,
// help, the man page and the completions derive from that declaration.
//
//     auto options = std::make_shared<Options>(app);
//     options->positional("TOPIC", "the topic", wanted.topics);
//     options->add({"-z,--compression", "CODEC[:LEVEL]", "compress batches", "Batches"}, wanted.compression);
//     return options->run([wanted] { ... });
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/command.h"
#include "core/base/error.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace klog::cmd {

struct OptionText {
    const char* names;  // "-b,--bootstrap": short and long; what follows the first long name is an alias.
    /// Placeholder in the help; null: a flag. Completions derive from it: TOPIC, FILE and DIR offer what there is,
    /// "a|b|c" offers those words.
    const char* value = nullptr;
    const char* help = "";
    const char* section = "Options";
};

class Options {
public:
    /// Takes one value as text; called for each time that the option was given, in order.
    using Take = std::function<base::Result<>(std::string_view)>;

    explicit Options(CLI::App& app);
    ~Options();
    Options(const Options&) = delete;
    Options& operator=(const Options&) = delete;

    void add(const OptionText& text, Take take);
    void add(const OptionText& text, bool& flag);
    void add(const OptionText& text, std::string& into);
    void add(const OptionText& text, std::optional<std::string>& into);
    void add(const OptionText& text, std::vector<std::string>& into);  // May be given several times.
    /// A flag that may carry a value after '=': --create or --create=3. `take` sees "" for the bare flag.
    void add_flag_with_value(const OptionText& text, Take take);
    /// Whole numbers within bounds; sizes (64k, 1MiB); durations in microseconds.
    void add_integer(const OptionText& text, std::int64_t& into, std::int64_t least, std::int64_t most);
    void add_size(const OptionText& text, std::int64_t& into, std::int64_t least, std::int64_t most);
    void add_duration(const OptionText& text, std::int64_t& into_us);

    /// Words that are not options.
    void positional(const char* name, const char* help, std::vector<std::string>& into);

    /// A subcommand below this one (`topic list`); lives as long as this. The run that is called is the one of the
    /// innermost subcommand given.
    Options& subcommand(const char* name, const char* summary);
    void examples(std::string text);

    /// What a subcommand below runs.
    void then(Run what) { then_ = std::move(what); }
    /// What the frame calls after parsing: checks and stores all values, then runs `what`, or the subcommand's.
    Run run(Run what);

private:
    struct Entry;
    CLI::Option* declare(const OptionText& text, Take take, bool flag);
    base::Result<> store();
    base::Result<> unknown_option(const std::string& given) const;

    CLI::App& app_;
    std::vector<std::unique_ptr<Entry>> entries_;
    std::vector<std::unique_ptr<Options>> below_;
    std::vector<std::string>* positionals_ = nullptr;
    std::vector<std::string> words_;
    Run then_;
    ExitCode finish();
    std::string which_subcommand() const;
};

/// One line `klog: ...` on stderr and the code for wrong usage.
ExitCode usage_error(std::string_view words);

}  // namespace klog::cmd
