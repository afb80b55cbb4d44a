// SPDX-License-Identifier: Apache-2.0
#include "cmd/selection.h"

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

runtime::Task<Result<std::vector<std::string>>> select_topics(client::Cluster* cluster, TopicSelection selection) {
    if (!selection.regex) co_return selection.words;
    KLOG_CO_TRY(const auto topics, co_await cluster->all_topics());
    std::set<std::string> names;
    for (const std::string& word : selection.words) {
        const re2::RE2 pattern(word, quiet());
        const bool internal = word.starts_with("__") || word.starts_with("^__");
        for (const client::TopicPtr& topic : topics)
            if ((internal || !topic->internal) && re2::RE2::FullMatch(topic->name, pattern)) names.insert(topic->name);
    }
    if (names.empty()) co_return fail(Errc::not_found, "no topic matches '{}'", fmt::join(selection.words, "', '"));
    co_return std::vector<std::string>(names.begin(), names.end());
}

}  // namespace klog::cmd
