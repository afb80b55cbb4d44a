// SPDX-License-Identifier: Apache-2.0
// The configuration table: one row per key of Kafka's server.properties that klog knows, and klog's own. Parsing,
// validation, --print-config, DescribeConfigs, AlterConfigs, topic configurations and docs/configuration.md all derive
// from it; nothing else names a default or a bound. Constant data.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

namespace klog::broker {

/// Kafka's ConfigDef.Type, with its numbers in DescribeConfigs.
enum class KeyType : std::int8_t {
    boolean = 1,
    string = 2,
    int32 = 3,
    int16 = 4,
    int64 = 5,
    real = 6,
    list = 7,
    class_name = 8,
    password = 9,
};
std::string_view name_of(KeyType type);

/// How a broker's key may change while it runs (Kafka's DynamicBrokerConfig).
enum class Update {
    read_only,     // At start only.
    per_broker,    // For one broker.
    cluster_wide,  // For one broker or for all.
};
std::string_view name_of(Update update);

enum class Use {
    used,     // Does what its doc says.
    later,    // Taken and kept for a part of Kafka that klog does not have yet; no effect.
    ignored,  // Has no meaning here; one notice at start says so.
};

inline constexpr std::int64_t no_min = std::numeric_limits<std::int64_t>::min();
inline constexpr std::int64_t no_max = std::numeric_limits<std::int64_t>::max();

struct Key {
    std::string_view name;  // Empty: a topic's key without a synonym among the broker's.
    KeyType type = KeyType::string;
    std::optional<std::string_view> preset;  // The default; none: null, and others decide.
    std::string_view doc = {};
    std::int64_t min = no_min;
    std::int64_t max = no_max;
    /// string and list: the only words allowed, separated by '|'; empty: any.
    std::string_view words = {};
    /// The topic's key whose default this is. Rows with the same one stand together, the strongest first.
    std::string_view topic_name = {};
    /// The topic's value is this many times the broker's: hours and minutes to milliseconds.
    std::int64_t topic_factor = 1;
    Update update = Update::read_only;
    Use use = Use::used;
    bool sensitive = false;  // Its value is never shown.
};

/// All rows, in the order of docs/configuration.md.
std::span<const Key> config_table();

/// The row of a broker's key; null: unknown. Keys below listener.name.NAME. are those of the rest of their name.
const Key* find_broker_key(std::string_view name);
/// The first (strongest) row of a topic's key, which has its type, bounds and words; null: unknown.
const Key* find_topic_key(std::string_view name);

/// The known name that is nearest to a mistyped one, or empty.
enum class Names { broker, topic };
std::string_view nearest_key(std::string_view name, Names among);

}  // namespace klog::broker
