// SPDX-License-Identifier: Apache-2.0
#include "core/broker/effective_config.h"

#include <algorithm>

#include "core/base/check.h"
#include "core/base/log.h"
#include "core/meta/config_feed.h"

namespace klog::broker {
namespace {

using base::Errc;
using base::fail;

const std::string* value_in(const meta::Config& config, std::string_view key) {
    const auto found = config.find(key);
    return found == config.end() ? nullptr : &found->second;
}

/// A broker's value in the unit of the topic's key.
std::string in_topic_unit(const Key& row, std::string_view value) {
    if (row.topic_factor == 1) return std::string(value);
    const std::int64_t number = to_integer(value);
    // -1 stays what it is: without bound.
    return std::to_string(number < 0 ? number : number * row.topic_factor);
}

/// Rows of one topic's key stand together, the strongest first.
std::span<const Key> rows_of(const Key& first) {
    const Key* const end = config_table().data() + config_table().size();
    const Key* last = &first;
    while (last != end && last->topic_name == first.topic_name) ++last;
    return {&first, last};
}

std::optional<records::Compression> compression_of(const std::string& name, const EffectiveConfig& config,
                                                   std::string_view topic) {
    using records::Codec;
    if (name == "producer") return std::nullopt;
    if (name == "uncompressed") return records::Compression(Codec::none);
    if (name == "snappy") return records::Compression(Codec::snappy);
    const Codec codec = name == "gzip" ? Codec::gzip : name == "lz4" ? Codec::lz4 : Codec::zstd;
    const std::string level_key = "compression." + name + ".level";
    return records::Compression(codec, static_cast<int>(config.topic_integer(topic, level_key)));
}

}  // namespace

void EffectiveConfig::add_broker_layers(const Key& key, std::vector<Synonym>& out) const {
    const std::string name(key.name);
    if (key.update != Update::read_only) {
        if (const auto* value = value_in(image_.broker_config(self_), name))
            out.push_back({name, *value, ConfigSource::dynamic_broker});
        if (const auto* value = value_in(image_.default_broker_config(), name))
            out.push_back({name, *value, ConfigSource::dynamic_default_broker});
    }
    if (const Setting* set = fixed_.setting(name)) out.push_back({name, set->value, ConfigSource::static_broker});
    if (key.preset) out.push_back({name, std::string(*key.preset), ConfigSource::preset});
}

std::vector<Synonym> EffectiveConfig::topic_layers(const Key& first_row, std::string_view topic) const {
    std::vector<Synonym> layers;
    if (const auto* own = value_in(image_.topic_config(topic), first_row.topic_name))
        layers.push_back({std::string(first_row.topic_name), *own, ConfigSource::topic});
    for (const Key& row : rows_of(first_row)) {
        if (row.name.empty()) {
            layers.push_back({std::string(row.topic_name), std::string(row.preset.value_or("")), ConfigSource::preset});
            continue;
        }
        add_broker_layers(row, layers);
    }
    return layers;
}

std::optional<std::string_view> EffectiveConfig::broker_value(std::string_view key) const {
    const Key* row = find_broker_key(key);
    KLOG_CHECK(row != nullptr, key);
    if (row->update != Update::read_only) {
        if (const auto* value = value_in(image_.broker_config(self_), key)) return *value;
        if (const auto* value = value_in(image_.default_broker_config(), key)) return *value;
    }
    return fixed_.text(key);
}

std::int64_t EffectiveConfig::broker_integer(std::string_view key) const {
    const auto value = broker_value(key);
    KLOG_CHECK(value.has_value(), key);
    return to_integer(*value);
}

bool EffectiveConfig::broker_boolean(std::string_view key) const {
    const auto value = broker_value(key);
    KLOG_CHECK(value.has_value(), key);
    return to_boolean(*value);
}

std::string EffectiveConfig::topic_value(std::string_view topic, std::string_view key) const {
    const Key* row = find_topic_key(key);
    KLOG_CHECK(row != nullptr, key);
    if (const auto* own = value_in(image_.topic_config(topic), key)) return *own;
    for (const Key& synonym : rows_of(*row)) {
        const auto value = synonym.name.empty() ? synonym.preset : broker_value(synonym.name);
        if (value) return in_topic_unit(synonym, *value);
    }
    return {};
}

std::int64_t EffectiveConfig::topic_integer(std::string_view topic, std::string_view key) const {
    return to_integer(topic_value(topic, key));
}

log::LogConfig EffectiveConfig::log_config(std::string_view topic) const {
    const auto integer = [&](std::string_view key) { return topic_integer(topic, key); };
    const auto integer32 = [&](std::string_view key) { return static_cast<std::int32_t>(topic_integer(topic, key)); };
    log::LogConfig out;
    out.segment_bytes = integer32("segment.bytes");
    out.segment_ms = integer("segment.ms");
    out.segment_jitter_ms = integer("segment.jitter.ms");
    out.segment_index_bytes = integer32("segment.index.bytes");
    out.index_interval_bytes = integer32("index.interval.bytes");
    out.retention_ms = integer("retention.ms");
    out.retention_bytes = integer("retention.bytes");
    out.max_message_bytes = integer32("max.message.bytes");
    out.timestamp_type = topic_value(topic, "message.timestamp.type") == "LogAppendTime"
                             ? records::TimestampType::log_append_time
                             : records::TimestampType::create_time;
    out.timestamp_before_max_ms = integer("message.timestamp.before.max.ms");
    out.timestamp_after_max_ms = integer("message.timestamp.after.max.ms");
    out.compression = compression_of(topic_value(topic, "compression.type"), *this, topic);
    const auto policies = to_list(topic_value(topic, "cleanup.policy"));
    out.cleanup_compact = std::ranges::find(policies, "compact") != policies.end();
    // Compaction alone, or no policy at all, deletes nothing by age or size.
    if (std::ranges::find(policies, "delete") == policies.end())
        out.retention_ms = out.retention_bytes = log::LogConfig::unlimited;
    out.flush_messages = integer("flush.messages");
    out.flush_ms = integer("flush.ms");
    out.file_delete_delay_ms = integer("file.delete.delay.ms");
    out.delete_retention_ms = integer("delete.retention.ms");
    out.min_compaction_lag_ms = integer("min.compaction.lag.ms");
    out.max_compaction_lag_ms = integer("max.compaction.lag.ms");
    out.min_cleanable_dirty_ratio = to_real(topic_value(topic, "min.cleanable.dirty.ratio"));
    out.producer_id_expiration_ms = broker_integer("producer.id.expiration.ms");
    out.durability = fixed_.must("durability") == "os" ? log::Durability::os : log::Durability::fsync;
    return out;
}

DescribedKey EffectiveConfig::described(const Key& key, std::string_view name, std::vector<Synonym> layers) const {
    DescribedKey out;
    out.name = name;
    out.type = key.type;
    out.doc = key.doc;
    out.sensitive = key.sensitive;
    if (!layers.empty()) {
        out.value = layers.front().value;
        out.source = layers.front().source;
    }
    out.synonyms = std::move(layers);
    if (!key.sensitive) return out;
    out.value.reset();
    for (Synonym& synonym : out.synonyms) synonym.value.reset();
    return out;
}

std::vector<DescribedKey> EffectiveConfig::describe_topic(std::string_view topic) const {
    std::vector<DescribedKey> all;
    std::string_view last;
    for (const Key& key : config_table()) {
        if (key.topic_name.empty() || key.topic_name == last) continue;
        last = key.topic_name;
        all.push_back(described(key, key.topic_name, topic_layers(key, topic)));
        // Synonyms show what was written; the value is in the topic's own unit.
        all.back().value = topic_value(topic, key.topic_name);
    }
    std::ranges::sort(all, {}, &DescribedKey::name);
    return all;
}

std::vector<DescribedKey> EffectiveConfig::describe_broker() const {
    std::vector<DescribedKey> all;
    for (const Key& key : config_table()) {
        if (key.name.empty() || key.use == Use::ignored) continue;
        std::vector<Synonym> layers;
        add_broker_layers(key, layers);
        all.push_back(described(key, key.name, std::move(layers)));
        all.back().read_only = key.update == Update::read_only;
    }
    std::ranges::sort(all, {}, &DescribedKey::name);
    return all;
}

std::vector<DescribedKey> EffectiveConfig::describe_default_broker() const {
    std::vector<DescribedKey> all;
    for (const auto& [name, value] : image_.default_broker_config()) {
        const Key* key = find_broker_key(name);
        if (key != nullptr) all.push_back(described(*key, name, {{name, value, ConfigSource::dynamic_default_broker}}));
    }
    return all;
}

base::Result<> check_topic_config(const meta::Config& config) {
    for (const auto& [name, value] : config) {
        const Key* key = find_topic_key(name);
        if (key == nullptr) {
            const std::string_view near = nearest_key(name, Names::topic);
            if (near.empty()) return fail(Errc::invalid_config, "unknown topic config '{}'", name);
            return fail(Errc::invalid_config, "unknown topic config '{}'; did you mean '{}'?", name, near);
        }
        if (const auto good = check_value(*key, value); !good)
            return fail(Errc::invalid_config, "invalid value {} for {}: {}", value, name, good.error().message);
    }
    return {};
}

base::Result<> check_broker_config(std::string_view id, const meta::Config& config) {
    for (const auto& [name, value] : config) {
        const Key* key = find_broker_key(name);
        if (key == nullptr) {
            const std::string_view near = nearest_key(name, Names::broker);
            if (near.empty()) return fail(Errc::invalid_config, "unknown broker config '{}'", name);
            return fail(Errc::invalid_config, "unknown broker config '{}'; did you mean '{}'?", name, near);
        }
        if (key->update == Update::read_only)
            return fail(Errc::invalid_argument, "{} cannot change while the broker runs", name);
        if (key->update == Update::per_broker && id.empty())
            return fail(Errc::invalid_argument, "{} can be set for one broker only, not for all", name);
        if (const auto good = check_value(*key, value); !good)
            return fail(Errc::invalid_config, "invalid value {} for {}: {}", key->sensitive ? "(hidden)" : value, name,
                        good.error().message);
    }
    return {};
}

meta::Config usable_config(const meta::ConfigEntity& entity, meta::Config stored) {
    std::erase_if(stored, [&](const auto& entry) {
        const auto& [name, value] = entry;
        const bool of_topic = entity.kind == meta::ConfigEntity::Kind::topic;
        const Key* key = of_topic ? find_topic_key(name) : find_broker_key(name);
        if (key == nullptr) return false;  // Nobody reads it.
        const auto good = check_value(*key, value);
        if (!good)
            base::log_error("configuration of {}: {}={} does not count: {}", entity.entity_path(), name,
                            key->sensitive ? "(hidden)" : value, good.error().message);
        return !good.has_value();
    });
    return stored;
}

}  // namespace klog::broker
