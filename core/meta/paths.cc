// SPDX-License-Identifier: Apache-2.0
#include "core/meta/paths.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace klog::meta {

using base::Errc;
using base::fail;
using base::NodeId;
using base::PartitionId;
using base::Result;
using Json = nlohmann::json;

namespace paths {

std::string broker(NodeId id) { return fmt::format("{}/{}", broker_ids, id); }
std::string topic(std::string_view name) { return fmt::format("{}/{}", topics, name); }
std::string partitions(std::string_view topic_name) { return topic(topic_name) + "/partitions"; }
std::string partition(std::string_view topic_name, PartitionId id) {
    return fmt::format("{}/partitions/{}", topic(topic_name), id);
}
std::string partition_state(std::string_view topic_name, PartitionId id) {
    return partition(topic_name, id) + "/state";
}
std::string topic_config(std::string_view topic_name) { return fmt::format("{}/{}", config_topics, topic_name); }
std::string broker_config(NodeId id) {
    if (id == base::no_node) return fmt::format("{}/{}", config_brokers, default_entity);
    return fmt::format("{}/{}", config_brokers, id);
}
std::string delete_topic(std::string_view topic_name) { return fmt::format("{}/{}", delete_topics, topic_name); }

std::vector<std::string> persistent() {
    return {"/consumers",
            "/brokers",
            std::string(broker_ids),
            std::string(topics),
            std::string(broker_sequence),
            "/config",
            std::string(config_changes),
            std::string(config_topics),
            std::string(config_brokers),
            "/config/clients",
            "/config/users",
            "/config/ips",
            "/admin",
            std::string(delete_topics),
            "/cluster",
            std::string(isr_change_notification),
            std::string(producer_id_block),
            std::string(log_dir_event_notification)};
}

}  // namespace paths

namespace {

/// Strings from clients were checked when they came in; a byte that is no UTF-8 all the same must not throw here.
std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json ids_of(const std::vector<NodeId>& ids) {
    Json array = Json::array();
    for (const NodeId id : ids) array.push_back(id.value);
    return array;
}

/// One body being read: every question names the path when the answer is not there.
class Body {
public:
    static Result<Body> parse(std::string_view path, std::string_view text) {
        auto json = Json::parse(text, nullptr, false);
        if (!json.is_object()) return fail(Errc::corrupt, "{}: not a JSON object", path);
        return Body(path, std::move(json));
    }

    const Json& json() const { return json_; }
    const Json* member(const char* name) const { return member_of(json_, name); }
    static const Json* member_of(const Json& object, const char* name) {
        const auto at = object.find(name);
        return at == object.end() || at->is_null() ? nullptr : &*at;
    }

    std::unexpected<base::Error> wrong(std::string_view name) const {
        return fail(Errc::corrupt, "{}: '{}' is missing or of the wrong type", path_, name);
    }
    template <class Integer>
    Result<Integer> integer(const Json* value, std::string_view name) const {
        if (value == nullptr || !value->is_number_integer()) return wrong(name);
        if (value->is_number_unsigned() &&
            value->get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<Integer>::max())) {
            return wrong(name);
        }
        const auto number = value->get<std::int64_t>();
        if (number < std::numeric_limits<Integer>::min() || number > std::numeric_limits<Integer>::max()) {
            return wrong(name);
        }
        return static_cast<Integer>(number);
    }
    template <class Integer>
    Result<Integer> integer(const char* name) const {
        return integer<Integer>(member(name), name);
    }
    Result<std::string> string(const Json* value, std::string_view name) const {
        if (value == nullptr || !value->is_string()) return wrong(name);
        return value->get<std::string>();
    }
    Result<std::string> string(const char* name) const { return string(member(name), name); }
    Result<std::vector<NodeId>> ids(const Json& value, std::string_view name) const {
        if (!value.is_array()) return wrong(name);
        std::vector<NodeId> ids;
        for (const auto& element : value) {
            KLOG_TRY(const auto id, integer<std::int32_t>(&element, name));
            ids.push_back(NodeId{id});
        }
        return ids;
    }
    /// A number in a string, as Kafka writes times and producer ids.
    Result<std::int64_t> decimal(const char* name) const {
        KLOG_TRY(const auto text, string(name));
        std::int64_t number = 0;
        const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error != std::errc() || stop != text.data() + text.size()) return wrong(name);
        return number;
    }
    Result<base::Uuid> uuid(const Json* value, std::string_view name) const {
        KLOG_TRY(const auto text, string(value, name));
        const auto id = base::Uuid::parse(text);
        if (!id) return wrong(name);
        return *id;
    }

private:
    Body(std::string_view path, Json json) : path_(path), json_(std::move(json)) {}
    std::string path_;
    Json json_;
};

std::string endpoint_text(const Endpoint& endpoint) {
    const bool bare_v6 = endpoint.host.find(':') != std::string::npos;
    return fmt::format("{}://{}{}{}:{}", endpoint.listener, bare_v6 ? "[" : "", endpoint.host, bare_v6 ? "]" : "",
                       endpoint.port);
}

/// LISTENER://host:port, LISTENER://[v6]:port
std::optional<Endpoint> parse_endpoint(std::string_view text) {
    Endpoint endpoint;
    const auto scheme = text.find("://");
    const auto colon = text.rfind(':');
    if (scheme == std::string_view::npos || colon == std::string_view::npos || colon < scheme + 3) return std::nullopt;
    endpoint.listener = text.substr(0, scheme);
    std::string_view host = text.substr(scheme + 3, colon - scheme - 3);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    endpoint.host = host;
    const std::string_view port = text.substr(colon + 1);
    const auto [stop, error] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
    if (error != std::errc() || stop != port.data() + port.size()) return std::nullopt;
    return endpoint;
}

Json encode_supported(const std::vector<FeatureRange>& features) {
    Json all = Json::object();
    for (const auto& [name, min, max] : features) all[name] = {{"min_version", min}, {"max_version", max}};
    return all;
}

Result<std::vector<FeatureRange>> decode_supported(const Body& body) {
    std::vector<FeatureRange> features;
    const Json* all = body.member("features");
    if (all == nullptr) return features;
    if (!all->is_object()) return body.wrong("features");
    for (const auto& [name, range] : all->items()) {
        if (!range.is_object()) return body.wrong(name);
        KLOG_TRY(const auto min, body.integer<std::int16_t>(Body::member_of(range, "min_version"), "min_version"));
        KLOG_TRY(const auto max, body.integer<std::int16_t>(Body::member_of(range, "max_version"), "max_version"));
        features.push_back({name, min, max});
    }
    return features;
}

}  // namespace

// ---- Brokers

std::string encode_broker(const BrokerRegistration& registration) {
    Json json = {{"version", 5},
                 {"host", nullptr},
                 {"port", -1},
                 {"jmx_port", -1},
                 {"timestamp", std::to_string(registration.timestamp_ms)},
                 {"endpoints", Json::array()},
                 {"listener_security_protocol_map", Json::object()},
                 {"features", encode_supported(registration.features)}};
    if (registration.rack) json["rack"] = *registration.rack;
    for (const auto& endpoint : registration.endpoints) {
        json["endpoints"].push_back(endpoint_text(endpoint));
        json["listener_security_protocol_map"][endpoint.listener] = endpoint.security_protocol;
        // For old clients, which know one plain address only.
        if (endpoint.security_protocol == "PLAINTEXT" && json["host"].is_null()) {
            json["host"] = endpoint.host;
            json["port"] = endpoint.port;
        }
    }
    if (registration.boot_id) json["klog_boot_id"] = registration.boot_id->to_string();
    for (const auto& id : registration.directory_ids) json["klog_directory_ids"].push_back(id.to_string());
    return text_of(json);
}

Result<BrokerRegistration> decode_broker(std::string_view path, std::string_view text) {
    KLOG_TRY(const auto body, Body::parse(path, text));
    BrokerRegistration registration;
    const Json* protocols = body.member("listener_security_protocol_map");
    const Json* endpoints = body.member("endpoints");
    if (endpoints == nullptr || !endpoints->is_array()) return body.wrong("endpoints");
    for (const auto& element : *endpoints) {
        KLOG_TRY(const auto written, body.string(&element, "endpoints"));
        auto endpoint = parse_endpoint(written);
        if (!endpoint) return body.wrong("endpoints");
        const Json* protocol = nullptr;
        if (protocols != nullptr && protocols->is_object()) {
            protocol = Body::member_of(*protocols, endpoint->listener.c_str());
        }
        endpoint->security_protocol =
            protocol != nullptr && protocol->is_string() ? protocol->get<std::string>() : endpoint->listener;
        registration.endpoints.push_back(*std::move(endpoint));
    }
    if (body.member("rack") != nullptr) {
        KLOG_TRY(registration.rack, body.string("rack"));
    }
    if (body.member("timestamp") != nullptr) {
        KLOG_TRY(registration.timestamp_ms, body.decimal("timestamp"));
    }
    KLOG_TRY(registration.features, decode_supported(body));
    if (const Json* boot = body.member("klog_boot_id")) {
        KLOG_TRY(registration.boot_id, body.uuid(boot, "klog_boot_id"));
    }
    if (const Json* directories = body.member("klog_directory_ids");
        directories != nullptr && directories->is_array()) {
        for (const auto& element : *directories) {
            KLOG_TRY(const auto id, body.uuid(&element, "klog_directory_ids"));
            registration.directory_ids.push_back(id);
        }
    }
    return registration;
}

// ---- Topics and partitions

std::string encode_topic(const TopicAssignment& topic) {
    Json json = {{"version", 3},
                 {"partitions", Json::object()},
                 {"adding_replicas", Json::object()},
                 {"removing_replicas", Json::object()},
                 {"topic_id", topic.id.to_string()}};
    for (const auto& [id, assignment] : topic.partitions) {
        const std::string key = std::to_string(id.value);
        json["partitions"][key] = ids_of(assignment.replicas);
        if (!assignment.adding.empty()) json["adding_replicas"][key] = ids_of(assignment.adding);
        if (!assignment.removing.empty()) json["removing_replicas"][key] = ids_of(assignment.removing);
    }
    return text_of(json);
}

namespace {

Result<> decode_assignment(const Body& body, const char* member, TopicAssignment& topic,
                           std::vector<NodeId> ReplicaAssignment::* where) {
    const Json* all = body.member(member);
    if (all == nullptr) return {};
    if (!all->is_object()) return body.wrong(member);
    for (const auto& [key, value] : all->items()) {
        std::int32_t id = -1;
        const auto [stop, error] = std::from_chars(key.data(), key.data() + key.size(), id);
        if (error != std::errc() || stop != key.data() + key.size() || id < 0) return body.wrong(member);
        KLOG_TRY(topic.partitions[PartitionId{id}].*where, body.ids(value, member));
    }
    return {};
}

}  // namespace

Result<TopicAssignment> decode_topic(std::string_view path, std::string_view text) {
    KLOG_TRY(const auto body, Body::parse(path, text));
    TopicAssignment topic;
    if (const Json* id = body.member("topic_id")) {
        KLOG_TRY(topic.id, body.uuid(id, "topic_id"));
    }
    if (body.member("partitions") == nullptr) return body.wrong("partitions");
    KLOG_TRY_VOID(decode_assignment(body, "partitions", topic, &ReplicaAssignment::replicas));
    KLOG_TRY_VOID(decode_assignment(body, "adding_replicas", topic, &ReplicaAssignment::adding));
    KLOG_TRY_VOID(decode_assignment(body, "removing_replicas", topic, &ReplicaAssignment::removing));
    // Partitions are numbered without gaps: everything above indexes by them.
    std::int32_t expected = 0;
    for (const auto& [id, assignment] : topic.partitions) {
        if (id.value != expected++ || assignment.replicas.empty()) return body.wrong("partitions");
    }
    return topic;
}

std::string encode_partition_state(const PartitionState& state) {
    Json json = {{"version", 1},
                 {"leader", state.leader.value},
                 {"leader_epoch", state.leader_epoch.value},
                 {"controller_epoch", state.controller_epoch.value},
                 {"isr", ids_of(state.isr)}};
    if (state.leader_recovery_state != 0) json["leader_recovery_state"] = state.leader_recovery_state;
    return text_of(json);
}

Result<PartitionState> decode_partition_state(std::string_view path, std::string_view text) {
    KLOG_TRY(const auto body, Body::parse(path, text));
    PartitionState state;
    KLOG_TRY(state.leader.value, body.integer<std::int32_t>("leader"));
    KLOG_TRY(state.leader_epoch.value, body.integer<std::int32_t>("leader_epoch"));
    KLOG_TRY(state.controller_epoch.value, body.integer<std::int32_t>("controller_epoch"));
    const Json* isr = body.member("isr");
    if (isr == nullptr) return body.wrong("isr");
    KLOG_TRY(state.isr, body.ids(*isr, "isr"));
    if (const Json* recovery = body.member("leader_recovery_state")) {
        KLOG_TRY(state.leader_recovery_state, body.integer<std::int8_t>(recovery, "leader_recovery_state"));
    }
    return state;
}

// ---- Controller and cluster

std::string encode_controller(const ControllerRegistration& registration) {
    return text_of({{"version", 2},
                    {"brokerid", registration.broker.value},
                    {"timestamp", std::to_string(registration.timestamp_ms)},
                    {"kraftControllerEpoch", -1}});
}

Result<ControllerRegistration> decode_controller(std::string_view path, std::string_view text) {
    KLOG_TRY(const auto body, Body::parse(path, text));
    ControllerRegistration registration;
    KLOG_TRY(registration.broker.value, body.integer<std::int32_t>("brokerid"));
    if (body.member("timestamp") != nullptr) {
        KLOG_TRY(registration.timestamp_ms, body.decimal("timestamp"));
    }
    return registration;
}

std::string encode_controller_epoch(base::ControllerEpoch epoch) { return std::to_string(epoch.value); }

Result<base::ControllerEpoch> decode_controller_epoch(std::string_view path, std::string_view text) {
    base::ControllerEpoch epoch;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), epoch.value);
    if (error != std::errc() || stop != text.data() + text.size() || epoch.value < 0) {
        return fail(Errc::corrupt, "{}: not a number", path);
    }
    return epoch;
}

std::string encode_cluster_id(std::string_view id) { return text_of({{"version", "1"}, {"id", std::string(id)}}); }

Result<std::string> decode_cluster_id(std::string_view path, std::string_view text) {
    KLOG_TRY(const auto body, Body::parse(path, text));
    return body.string("id");
}

// ---- Configuration

std::string encode_config(const Config& config) {
    Json keys = Json::object();
    for (const auto& [key, value] : config) keys[key] = value;
    return text_of({{"version", 1}, {"config", std::move(keys)}});
}

Result<Config> decode_config(std::string_view path, std::string_view text) {
    Config config;
    if (text.empty()) return config;
    KLOG_TRY(const auto body, Body::parse(path, text));
    const Json* keys = body.member("config");
    if (keys == nullptr) return config;
    if (!keys->is_object()) return body.wrong("config");
    for (const auto& [key, value] : keys->items()) {
        KLOG_TRY(config[key], body.string(&value, key));
    }
    return config;
}

std::string encode_config_change(std::string_view entity_path) {
    return text_of({{"version", 2}, {"entity_path", std::string(entity_path)}});
}

Result<std::string> decode_config_change(std::string_view path, std::string_view text) {
    KLOG_TRY(const auto body, Body::parse(path, text));
    return body.string("entity_path");
}

std::string encode_log_dir_failure(NodeId broker) {
    return text_of({{"version", 1}, {"broker", broker.value}, {"event", 1}});
}

Result<NodeId> decode_log_dir_failure(std::string_view path, std::string_view text) {
    KLOG_TRY(const auto body, Body::parse(path, text));
    KLOG_TRY(const auto broker, body.integer<std::int32_t>("broker"));
    return NodeId{broker};
}

// ---- Producer ids and features

std::string encode_producer_ids(const ProducerIdRange& range) {
    return text_of({{"version", 1},
                    {"broker", range.broker.value},
                    {"block_start", std::to_string(range.first)},
                    {"block_end", std::to_string(range.last)}});
}

Result<std::optional<ProducerIdRange>> decode_producer_ids(std::string_view path, std::string_view text) {
    if (text.empty()) return std::nullopt;
    KLOG_TRY(const auto body, Body::parse(path, text));
    ProducerIdRange range;
    KLOG_TRY(range.broker.value, body.integer<std::int32_t>("broker"));
    KLOG_TRY(range.first, body.decimal("block_start"));
    KLOG_TRY(range.last, body.decimal("block_end"));
    if (range.first < 0 || range.last < range.first) return body.wrong("block_end");
    return range;
}

std::string encode_features(const std::map<std::string, std::int16_t>& levels) {
    Json features = Json::object();
    for (const auto& [name, level] : levels) features[name] = {{"max_version_level", level}};
    return text_of({{"version", 2}, {"status", 1}, {"features", std::move(features)}});
}

Result<std::map<std::string, std::int16_t>> decode_features(std::string_view path, std::string_view text) {
    KLOG_TRY(const auto body, Body::parse(path, text));
    std::map<std::string, std::int16_t> levels;
    const Json* features = body.member("features");
    if (features == nullptr) return levels;
    if (!features->is_object()) return body.wrong("features");
    for (const auto& [name, range] : features->items()) {
        if (!range.is_object()) return body.wrong(name);
        KLOG_TRY(levels[name], body.integer<std::int16_t>(Body::member_of(range, "max_version_level"), name));
    }
    return levels;
}

}  // namespace klog::meta
