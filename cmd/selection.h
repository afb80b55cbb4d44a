// SPDX-License-Identifier: Apache-2.0
// Which topics a subcommand is about: names as they stand, or with --regex patterns. A plain name is never a pattern.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cmd/options.h"
#include "core/base/error.h"
#include "core/client/cluster.h"

namespace klog::cmd {

struct TopicSelection {
    std::vector<std::string> words;
    bool regex = false;

    bool empty() const { return words.empty(); }
};

/// Adds --regex; the words come from a positional or -t.
void add_regex_option(Options& options, TopicSelection& into);

/// Patterns that can be compiled; for the usage error before anything is asked.
base::Result<> check(const TopicSelection& selection);

/// Whether a topic is selected: by its name or, with --regex, by a pattern that matches it whole; an internal one only
/// by a pattern that begins with "__". The patterns are compiled once. For a selection that check() has passed.
std::function<bool(const std::string& topic, bool internal)> selector_of(const TopicSelection& selection);

/// The names, or those of all topics that a pattern matches whole, sorted. Internal topics only for patterns that begin
/// with "__". not_found: no topic matches. Without --regex nothing is asked and nothing is checked.
runtime::Task<base::Result<std::vector<std::string>>> select_topics(client::Cluster* cluster, TopicSelection selection);

}  // namespace klog::cmd
