// SPDX-License-Identifier: Apache-2.0
#include "cmd/selection.h"

#include <algorithm>
#include <memory>
#include <set>

#include <fmt/format.h>
#include <re2/re2.h>

namespace klog::cmd {

using base::Errc;
using base::fail;
using base::Result;

namespace {

re2::RE2::Options quiet() {
    re2::RE2::Options options;
    options.set_log_errors(false);
    return options;
}

}  // namespace

void add_regex_option(Options& options, TopicSelection& into) {
    options.add({"--regex", nullptr, "topics are patterns (RE2) that must match a whole name; those that are there now",
                 "What"},
                into.regex);
}

Result<> check(const TopicSelection& selection) {
    if (!selection.regex) return {};
    for (const std::string& word : selection.words)
        if (const re2::RE2 pattern(word, quiet()); !pattern.ok())
            return fail(Errc::invalid_argument, "'{}' is not a regular expression: {}", word, pattern.error());
    return {};
}

std::function<bool(const std::string&, bool)> selector_of(const TopicSelection& selection) {
    struct Word {
        std::string text;
        std::shared_ptr<const re2::RE2> pattern;  // Null: a plain name.
        bool takes_internal = true;
    };
    std::vector<Word> words;
    for (const std::string& word : selection.words) {
        if (selection.regex)
            words.push_back(
                {word, std::make_shared<re2::RE2>(word, quiet()), word.starts_with("__") || word.starts_with("^__")});
        else
            words.push_back({word, nullptr});
    }
    return [words = std::move(words)](const std::string& topic, bool internal) {
        return std::ranges::any_of(words, [&](const Word& word) {
            if (internal && !word.takes_internal) return false;
            return word.pattern ? re2::RE2::FullMatch(topic, *word.pattern) : topic == word.text;
        });
    };
}

runtime::Task<Result<std::vector<std::string>>> select_topics(client::Cluster* cluster, TopicSelection selection) {
    if (!selection.regex) co_return selection.words;
    KLOG_CO_TRY(const auto topics, co_await cluster->all_topics());
    std::set<std::string> names;
    const auto selects = selector_of(selection);
    for (const client::TopicPtr& topic : topics)
        if (selects(topic->name, topic->internal)) names.insert(topic->name);
    if (names.empty()) co_return fail(Errc::not_found, "no topic matches '{}'", fmt::join(selection.words, "', '"));
    co_return std::vector<std::string>(names.begin(), names.end());
}

}  // namespace klog::cmd
