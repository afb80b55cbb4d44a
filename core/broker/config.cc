// SPDX-License-Identifier: Apache-2.0
#include "core/broker/config.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "core/base/check.h"
#include "core/broker/connection_overrides.h"
#include "core/broker/properties.h"

namespace klog::broker {
namespace {

using base::Errc;
using base::fail;

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

bool same_word(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, [](char x, char y) { return std::tolower(x) == std::tolower(y); });
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
    if (text.starts_with('+')) text.remove_prefix(1);
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
    return value;
}

std::optional<double> parse_real(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
    return value;
}

std::int64_t type_max(KeyType type) {
    if (type == KeyType::int16) return std::numeric_limits<std::int16_t>::max();
    if (type == KeyType::int32) return std::numeric_limits<std::int32_t>::max();
    return std::numeric_limits<std::int64_t>::max();
}

base::Result<> check_integer(const Key& key, std::string_view value) {
    const auto number = parse_integer(value);
    if (!number) return fail(Errc::invalid_config, "not a whole number");
    const std::int64_t max = std::min(key.max, type_max(key.type));
    const std::int64_t min = std::max(key.min, -type_max(key.type) - 1);
    if (*number < min) return fail(Errc::invalid_config, "the least is {}", min);
    if (*number > max) return fail(Errc::invalid_config, "the most is {}", max);
    return {};
}

base::Result<> check_words(const Key& key, std::string_view value) {
    if (key.words.empty()) return {};
    std::vector<std::string> words;
    if (key.type == KeyType::list)
        words = to_list(value);
    else
        words.emplace_back(value);
    for (const std::string& word : words) {
        std::string_view rest = key.words;
        bool known = false;
        while (!rest.empty() && !known) {
            const std::string_view candidate = rest.substr(0, rest.find('|'));
            known = candidate == word;
            rest.remove_prefix(std::min(rest.size(), candidate.size() + 1));
        }
        if (!known) return fail(Errc::invalid_config, "must be one of {}", key.words);
    }
    return {};
}

/// Variables of Kafka's scripts and images that are no configuration keys.
bool belongs_to_scripts(std::string_view name) {
    static constexpr std::string_view all[] = {
        "KAFKA_VERSION",
        "KAFKA_HOME",
        "KAFKA_HEAP_OPTS",
        "KAFKA_HEAP_OPT",
        "KAFKA_OPTS",
        "KAFKA_JMX_OPTS",
        "KAFKA_JMX_PORT",
        "KAFKA_JMX_HOSTNAME",
        "KAFKA_LOG4J_OPTS",
        "KAFKA_LOG4J_LOGGERS",
        "KAFKA_LOG4J_ROOT_LOGLEVEL",
        "KAFKA_TOOLS_LOG4J_LOGLEVEL",
        "KAFKA_GC_LOG_OPTS",
        "KAFKA_DEBUG",
        "KAFKA_JVM_PERFORMANCE_OPTS",
    };
    return std::ranges::find(all, name) != std::end(all);
}

std::string key_of_variable(std::string_view name) {
    name.remove_prefix(std::string_view("KAFKA_").size());
    std::string key;
    while (!name.empty()) {
        if (name.front() != '_') {
            key += static_cast<char>(std::tolower(name.front()));
            name.remove_prefix(1);
            continue;
        }
        const std::size_t run = std::min({name.find_first_not_of('_'), name.size(), std::size_t{3}});
        key += run == 1 ? '.' : run == 2 ? '_' : '-';
        name.remove_prefix(run);
    }
    return key;
}

std::string_view name_of(Origin origin) {
    switch (origin) {
        case Origin::preset: return "default";
        case Origin::file: return "file";
        case Origin::environment: return "environment";
        case Origin::flag: return "flag";
    }
    return "default";
}

}  // namespace

base::Result<> check_value(const Key& key, std::string_view value) {
    switch (key.type) {
        case KeyType::boolean:
            if (!same_word(value, "true") && !same_word(value, "false"))
                return fail(Errc::invalid_config, "must be true or false");
            return {};
        case KeyType::int16:
        case KeyType::int32:
        case KeyType::int64: return check_integer(key, value);
        case KeyType::real: {
            const auto number = parse_real(value);
            if (!number) return fail(Errc::invalid_config, "not a number");
            if (key.min != no_min && !(*number >= static_cast<double>(key.min)))
                return fail(Errc::invalid_config, "the least is {}", key.min);
            if (key.max != no_max && !(*number <= static_cast<double>(key.max)))
                return fail(Errc::invalid_config, "the most is {}", key.max);
            return {};
        }
        case KeyType::string:
            if (key.name == "max.connections.per.ip.overrides")
                if (auto read = connection_overrides(value); !read) return std::unexpected(std::move(read.error()));
            return check_words(key, value);
        case KeyType::list:
        case KeyType::class_name:
        case KeyType::password: return check_words(key, value);
    }
    return {};
}

bool to_boolean(std::string_view value) { return same_word(trimmed(value), "true"); }

std::int64_t to_integer(std::string_view value) {
    const auto number = parse_integer(trimmed(value));
    KLOG_CHECK(number.has_value(), "a checked value");
    return *number;
}

double to_real(std::string_view value) {
    const auto number = parse_real(trimmed(value));
    KLOG_CHECK(number.has_value(), "a checked value");
    return *number;
}

std::vector<std::string> to_list(std::string_view value) {
    std::vector<std::string> words;
    value = trimmed(value);
    while (!value.empty()) {
        const std::size_t comma = std::min(value.find(','), value.size());
        if (const std::string_view word = trimmed(value.substr(0, comma)); !word.empty()) words.emplace_back(word);
        value.remove_prefix(std::min(value.size(), comma + 1));
    }
    return words;
}

const Setting* Config::setting(std::string_view key) const {
    const auto found = settings_.find(key);
    return found == settings_.end() ? nullptr : &found->second;
}

std::optional<std::string_view> Config::text(std::string_view key) const {
    if (const Setting* set = setting(key)) return set->value;
    const Key* row = find_broker_key(key);
    KLOG_CHECK(row != nullptr, key);
    return row->preset;
}

std::string_view Config::must(std::string_view key) const {
    const auto value = text(key);
    KLOG_CHECK(value.has_value(), key);
    return *value;
}

base::NodeId Config::node_id() const {
    const Setting* older = setting("broker.id");
    if (older != nullptr && setting("node.id") == nullptr && to_integer(older->value) >= 0)
        return {static_cast<std::int32_t>(to_integer(older->value))};
    return {static_cast<std::int32_t>(integer("node.id"))};
}

std::vector<std::string> Config::log_dirs() const {
    if (const auto dirs = text("log.dirs")) {
        auto list = to_list(*dirs);
        if (!list.empty()) return list;
    }
    return list("log.dir");
}

std::string Config::print() const {
    std::string out;
    for (const auto& [name, set] : settings_) {
        const Key* row = find_broker_key(name);
        const bool hidden = row == nullptr || row->sensitive;
        out += fmt::format("{}={}  # {}: {}\n", name, hidden ? "(hidden)" : set.value, name_of(set.origin), set.place);
    }
    for (const Key& key : config_table()) {
        if (key.name.empty() || setting(key.name) != nullptr || !key.preset || key.use == Use::ignored) continue;
        out += fmt::format("{}={}  # default\n", key.name, *key.preset);
    }
    return out;
}

void Config::Builder::put(std::string_view key, std::string_view value, Origin origin, std::string place) {
    key = trimmed(key);
    value = trimmed(value);
    const Key* row = find_broker_key(key);
    if (row == nullptr) {
        const std::string_view near = nearest_key(key, Names::broker);
        unknown_.push_back(
            near.empty() ? fmt::format("{}: unknown key '{}' has no effect", place, key)
                         : fmt::format("{}: unknown key '{}' has no effect; did you mean '{}'?", place, key, near));
        return;
    }
    if (row->use == Use::ignored) without_effect_.emplace_back(key);
    if (const auto good = check_value(*row, value); !good) {
        errors_.push_back(
            fmt::format("{}: {}={}: {}", place, key, row->sensitive ? "(hidden)" : value, good.error().message));
        return;
    }
    auto& set = settings_[std::string(key)];
    if (origin >= set.origin) set = {std::string(value), origin, std::move(place)};
}

void Config::Builder::add_file(std::string_view text, const std::string& file_name) {
    const auto properties = parse_properties(text, file_name);
    if (!properties) {
        errors_.push_back(properties.error().message);
        return;
    }
    for (const Property& property : *properties) {
        std::string place = fmt::format("{}:{}", file_name, property.line);
        if (property.bare && find_broker_key(property.key) == nullptr)
            errors_.push_back(fmt::format("{}: '{}' is not KEY=VALUE", place, property.key));
        else
            put(property.key, property.value, Origin::file, std::move(place));
    }
}

void Config::Builder::add_environment(std::span<const std::pair<std::string, std::string>> environment) {
    for (const auto& [name, value] : environment)
        if (name.starts_with("KAFKA_") && !belongs_to_scripts(name))
            put(key_of_variable(name), value, Origin::environment, name);
}

void Config::Builder::add_flag(std::string_view key, std::string_view value, const std::string& flag) {
    put(key, value, Origin::flag, flag);
}

void Config::Builder::add_assignment(std::string_view key_is_value, const std::string& flag) {
    const std::size_t equals = key_is_value.find('=');
    if (equals == std::string_view::npos || equals == 0) {
        errors_.push_back(fmt::format("{} {}: key=value is wanted", flag, key_is_value));
        return;
    }
    put(key_is_value.substr(0, equals), key_is_value.substr(equals + 1), Origin::flag, flag);
}

std::vector<std::string> Config::Builder::warnings() const {
    std::vector<std::string> all = unknown_;
    if (!without_effect_.empty())
        all.push_back(fmt::format("without effect here: {}", fmt::join(without_effect_, ", ")));
    return all;
}

Config Config::Builder::build() && {
    KLOG_CHECK(errors_.empty(), "a configuration without errors");
    Config config;
    config.settings_ = std::move(settings_);
    return config;
}

}  // namespace klog::broker
