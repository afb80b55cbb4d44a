// SPDX-License-Identifier: Apache-2.0
// The broker's static configuration: what the file, the environment and the flags said, over the defaults of
// broker/config_table.h, each value with where it came from. Immutable once built, so that all shards may read it.
// Dynamic configuration (of topics, of this broker, of all brokers) is in the cluster image; broker/effective_config.h
// puts one over the other.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/broker/config_table.h"
#include "core/meta/image.h"

namespace klog::broker {

/// Where a static value came from, the weakest first.
enum class Origin { preset, file, environment, flag };

struct Setting {
    std::string value;
    Origin origin = Origin::preset;
    std::string place;  // server.properties:12, KAFKA_LOG_DIRS, --set
};

// ---- Values

/// Is this text a value for the key? invalid_config says what is wrong with it, without naming the key.
base::Result<> check_value(const Key& key, std::string_view value);
/// These take values that check_value has let through; anything else is a bug.
bool to_boolean(std::string_view value);
std::int64_t to_integer(std::string_view value);
double to_real(std::string_view value);
/// The words between the commas, without blanks around them; an empty text is no words.
std::vector<std::string> to_list(std::string_view value);

class Config {
public:
    /// Gathers the sources; a stronger one wins whatever the order of the calls.
    class Builder;

    /// All defaults.
    Config() = default;

    /// What the key has been set to; null: not set here.
    const Setting* setting(std::string_view key) const;
    /// The value or the default; none: neither. `key` stands in the table, or this is a bug.
    std::optional<std::string_view> text(std::string_view key) const;
    /// Those below: the key has a value or a default, or this is a bug.
    bool boolean(std::string_view key) const { return to_boolean(must(key)); }
    std::int64_t integer(std::string_view key) const { return to_integer(must(key)); }
    double real(std::string_view key) const { return to_real(must(key)); }
    std::vector<std::string> list(std::string_view key) const { return to_list(must(key)); }
    std::string_view must(std::string_view key) const;

    /// node.id, or broker.id where only that is given.
    base::NodeId node_id() const;
    /// log.dirs, or log.dir.
    std::vector<std::string> log_dirs() const;

    /// One line per key of the table that is set or has a default, as a .properties file with the origin behind each.
    std::string print() const;

private:
    std::map<std::string, Setting, std::less<>> settings_;
};

class Config::Builder {
public:
    /// A .properties file that was read.
    void add_file(std::string_view text, const std::string& file_name);
    /// Names and values of the environment; those that begin with KAFKA_ count, mapped as Kafka's container image maps
    /// them: `___` to '-', `__` to '_', `_` to '.'. Those that belong to Kafka's scripts are left alone.
    void add_environment(std::span<const std::pair<std::string, std::string>> environment);
    /// key=value of --set, or the key that another flag stands for.
    void add_flag(std::string_view key, std::string_view value, const std::string& flag);
    void add_assignment(std::string_view key_is_value, const std::string& flag);

    /// What does not keep the broker from starting: unknown keys, with the nearest known one; keys without effect.
    std::vector<std::string> warnings() const;
    /// One line each: file, line, key, what is wrong. Empty: build() may be called.
    const std::vector<std::string>& errors() const { return errors_; }
    Config build() &&;

private:
    void put(std::string_view key, std::string_view value, Origin origin, std::string place);

    std::map<std::string, Setting, std::less<>> settings_;
    std::vector<std::string> unknown_;
    std::vector<std::string> without_effect_;
    std::vector<std::string> errors_;
};

}  // namespace klog::broker
