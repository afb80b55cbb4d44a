// SPDX-License-Identifier: Apache-2.0
#include "core/broker/config_page.h"

#include <fmt/format.h>

#include "core/broker/config_table.h"

namespace klog::broker {
namespace {

constexpr std::string_view opening = R"(# Configuration

This page is made from `core/broker/config_table.cc`: `klog broker --configuration-page > docs/configuration.md`.

Keys come, the strongest first, from flags (`--set key=value` and those that stand for a key), from the environment
(`KAFKA_LOG_DIRS` is `log.dirs`; `__` stands for `_` and `___` for `-`), from the file of `--config`, and from the
defaults below. `klog broker --print-config` shows what stands and why. A file may be one written for Apache Kafka: keys
that have no meaning here are named once at start and do nothing; an unknown key is named together with the nearest
known one. A value that cannot be is an error with its file and line.

"Changes" says whether a key may be altered while the broker runs, for one broker or for all of them. "Topic" names the
key with which a topic sets its own value. Keys marked "later" are taken and kept for parts of Kafka that klog does not
have yet.

| Key | Type | Default | Bounds | Changes | Topic | What it does |
|---|---|---|---|---|---|---|
)";

std::string cell(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '|') out += '\\';
        out += c;
    }
    return out;
}

std::string bounds_of(const Key& key) {
    if (!key.words.empty()) return cell(key.words);
    if (key.min != no_min && key.max != no_max) return fmt::format("{} to {}", key.min, key.max);
    if (key.min != no_min) return fmt::format("at least {}", key.min);
    return {};
}

std::string topic_of(const Key& key) {
    if (key.topic_name.empty()) return {};
    if (key.topic_factor == 1) return fmt::format("`{}`", key.topic_name);
    return fmt::format("`{}` (x {})", key.topic_name, key.topic_factor);
}

std::string preset_of(const Key& key) {
    if (!key.preset) return "none";
    return key.preset->empty() ? "empty" : fmt::format("`{}`", cell(*key.preset));
}

}  // namespace

std::string configuration_page() {
    std::string page(opening);
    std::string without_effect;
    for (const Key& key : config_table()) {
        if (key.use == Use::ignored) {
            without_effect += fmt::format("- `{}`: {}\n", key.name, key.doc);
            continue;
        }
        page += fmt::format("| {} | {} | {} | {} | {} | {} | {}{} |\n",
                            key.name.empty() ? "" : fmt::format("`{}`", key.name), name_of(key.type), preset_of(key),
                            bounds_of(key), key.name.empty() ? "" : name_of(key.update), topic_of(key), cell(key.doc),
                            key.use == Use::later ? " (later)" : "");
    }
    return page + "\n## Taken without effect\n\n" + without_effect;
}

}  // namespace klog::broker
