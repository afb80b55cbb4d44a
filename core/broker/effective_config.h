// SPDX-License-Identifier: Apache-2.0
// Which value stands: a topic's own over this broker's dynamic one over that of all brokers over the static one over
// the default (Kafka's order of synonyms). Pure functions of the static configuration and the cluster image; callable
// on any shard.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/broker/config.h"
#include "core/log/log_config.h"
#include "core/meta/image.h"

namespace klog::meta {
struct ConfigEntity;
}

namespace klog::broker {

/// Kafka's DescribeConfigsResponse.ConfigSource, with its numbers.
enum class ConfigSource : std::int8_t {
    topic = 1,
    dynamic_broker = 2,
    dynamic_default_broker = 3,
    static_broker = 4,
    preset = 5,
};

struct Synonym {
    std::string name;
    std::optional<std::string> value;
    ConfigSource source = ConfigSource::preset;
};

/// One key as DescribeConfigs shows it.
struct DescribedKey {
    std::string name;
    std::optional<std::string> value;  // None when sensitive, or null.
    ConfigSource source = ConfigSource::preset;
    bool read_only = false;
    bool sensitive = false;
    KeyType type = KeyType::string;
    std::string_view doc;
    std::vector<Synonym> synonyms;  // The strongest first, each as it was written.
};

class EffectiveConfig {
public:
    /// Both must outlive this object; it is made where it is used.
    EffectiveConfig(const Config& fixed, const meta::Image& image, base::NodeId self)
        : fixed_(fixed), image_(image), self_(self) {}

    /// A broker's key; none: null.
    std::optional<std::string_view> broker_value(std::string_view key) const;
    std::int64_t broker_integer(std::string_view key) const;
    bool broker_boolean(std::string_view key) const;

    /// A topic's key, as the text that stands.
    std::string topic_value(std::string_view topic, std::string_view key) const;
    std::int64_t topic_integer(std::string_view topic, std::string_view key) const;
    log::LogConfig log_config(std::string_view topic) const;

    /// All keys of a topic, by name.
    std::vector<DescribedKey> describe_topic(std::string_view topic) const;
    /// All keys of this broker, by name.
    std::vector<DescribedKey> describe_broker() const;
    /// What was set for all brokers, by name.
    std::vector<DescribedKey> describe_default_broker() const;

private:
    void add_broker_layers(const Key& key, std::vector<Synonym>& out) const;
    std::vector<Synonym> topic_layers(const Key& first_row, std::string_view topic) const;
    DescribedKey described(const Key& key, std::string_view name, std::vector<Synonym> layers) const;

    const Config& fixed_;
    const meta::Image& image_;
    base::NodeId self_;
};

/// Whether this whole set of keys may stand for a topic: every key is known and has a value of its kind.
/// invalid_config.
base::Result<> check_topic_config(const meta::Config& config);
/// The same for a broker; `id` is empty for the default of all brokers. Keys that cannot change while it runs, or not
/// for all at once, are refused.
base::Result<> check_broker_config(std::string_view id, const meta::Config& config);

/// What of a stored configuration counts: values that their keys cannot have (written by another program or version)
/// are left out, with a log line each. Everything that reads the cluster image relies on it.
meta::Config usable_config(const meta::ConfigEntity& entity, meta::Config stored);

}  // namespace klog::broker
