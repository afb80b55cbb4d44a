// SPDX-License-Identifier: Apache-2.0
// The controller: at most one broker of a cluster is it. It holds the state of topics and partitions, decides leaders,
// writes every decision to the metadata store under the condition that its epoch still stands, and then tells the
// brokers. Decisions are pure functions (controller/election.h, assignment.h, topic_names.h); this is the shell that
// does what they say, one event after another.
//
// Lives on the metadata store's shard (home). The public coroutines may be called from any shard; they go home and come
// back. Each answers per item, in the order of the items, with the exact Errc. When this broker is not the controller
// every item answers not_controller; timed_out: not finished at the deadline, though it may still finish later.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/error.h"
#include "core/base/types.h"
#include "core/base/uuid.h"
#include "core/meta/image.h"
#include "core/runtime/shard.h"
#include "core/runtime/task.h"

namespace klog::base {
class Random;
}
namespace klog::meta {
class Store;
}
namespace klog::wire {
struct LeaderAndIsrRequest;
struct LeaderAndIsrResponse;
struct UpdateMetadataRequest;
struct UpdateMetadataResponse;
struct StopReplicaRequest;
struct StopReplicaResponse;
}  // namespace klog::wire

namespace klog::controller {

/// How the controller reaches a broker: in process for its own, by a connection for the others.
class BrokerLink {
public:
    virtual ~BrokerLink() = default;
    virtual runtime::Task<base::Result<wire::LeaderAndIsrResponse>> leader_and_isr(
        base::NodeId to, std::shared_ptr<const wire::LeaderAndIsrRequest> request) = 0;
    virtual runtime::Task<base::Result<wire::UpdateMetadataResponse>> update_metadata(
        base::NodeId to, std::shared_ptr<const wire::UpdateMetadataRequest> request) = 0;
    virtual runtime::Task<base::Result<wire::StopReplicaResponse>> stop_replica(
        base::NodeId to, std::shared_ptr<const wire::StopReplicaRequest> request) = 0;
};

enum class ResourceType : std::int8_t { topic = 2, broker = 4 };  // As in Kafka's ConfigResource.

struct ConfigResource {
    ResourceType type = ResourceType::topic;
    std::string name;  // The topic; the broker's id; empty: the default of all brokers.
    friend auto operator<=>(const ConfigResource&, const ConfigResource&) = default;
};

/// What the controller must know of configuration keys without knowing the table: the broker room fills it in.
struct ConfigRules {
    /// Is this whole set of keys allowed for the resource? invalid_config naming the key; policy_violation.
    std::function<base::Result<>(const ConfigResource& resource, const meta::Config& config)> check;
    /// True for keys that hold lists: append and subtract work on them only.
    std::function<bool(const ConfigResource& resource, std::string_view key)> is_list;
    /// The value that stands when the key is not set for the resource itself; append and subtract start from it.
    std::function<std::optional<std::string>(const ConfigResource& resource, std::string_view key)> inherited;
};

/// Read on each use, so that dynamic configuration counts.
struct TopicDefaults {
    std::int32_t partitions = 1;          // num.partitions
    std::int16_t replication_factor = 1;  // default.replication.factor
    bool delete_enabled = true;           // delete.topic.enable
};

struct ControllerOptions {
    base::NodeId node_id;
    ConfigRules config_rules;
    std::function<TopicDefaults()> defaults;
    /// Runs after each change of configuration in the store, before it is answered: this broker applies it.
    std::function<runtime::Task<base::Result<>>()> config_changed;
};

struct NewTopic {
    std::string name;
    std::int32_t partitions = -1;          // -1: the default, or what `assignments` say.
    std::int16_t replication_factor = -1;  // -1: the default, or what `assignments` say.
    std::vector<std::pair<base::PartitionId, std::vector<base::NodeId>>>
        assignments;                                                          // Empty: the controller's choice.
    std::vector<std::pair<std::string, std::optional<std::string>>> configs;  // A null value is invalid_config.
};

struct CreatedTopic {
    std::string name;
    base::Uuid id;  // Zero when only validated.
    std::int32_t partitions = 0;
    std::int16_t replication_factor = 0;
    meta::Config configs;
};

/// By name or by id.
using TopicRef = std::variant<std::string, base::Uuid>;

struct DeletedTopic {
    std::string name;
    base::Uuid id;
};

struct GrownTopic {
    std::string name;
    std::int32_t partitions = 0;                         // In all, afterwards.
    std::vector<std::vector<base::NodeId>> assignments;  // One per new partition; empty: the controller's choice.
};

enum class ConfigOp : std::int8_t { set = 0, remove = 1, append = 2, subtract = 3 };

struct ConfigEdit {
    std::string key;
    ConfigOp op = ConfigOp::set;
    std::optional<std::string> value;
};

/// Topics that one request may create.
inline constexpr std::size_t topics_per_request_max = 10'000;

struct ConfigAlteration {
    ConfigResource resource;
    bool incremental = true;  // False: `edits` are all sets, and whatever is not named goes back to its default.
    std::vector<ConfigEdit> edits;
};

struct ProducerIdBlock {
    base::ProducerId first;
    std::int32_t count = 0;
};

/// A class of results, one per item asked for.
template <class T>
using PerItem = std::vector<base::Result<T>>;

class Controller {
public:
    Controller(ControllerOptions options, runtime::Runtime& runtime, meta::Store& store, BrokerLink& link,
               base::Random& random);
    ~Controller();  // After stop().

    /// [home] Stands for election; ends once it is known who the controller is, and, when it is this broker, once the
    /// state is loaded, half-done changes are finished and all leaders stand. Stands again whenever the post is vacant.
    runtime::Task<base::Result<>> start();
    /// [home] Finishes what is under way and resigns.
    runtime::Task<void> stop();
    /// [any]
    bool is_active() const;

    /// invalid_topic, exists, invalid_partitions, invalid_replication_factor, invalid_replica_assignment,
    /// invalid_config, policy_violation (also all of them: more than topics_per_request_max), invalid_argument
    /// (assignments beside counts; a topic named twice).
    /// Done: the topic is in the store, its partitions have leaders, and every live broker has been told.
    runtime::Task<PerItem<CreatedTopic>> create_topics(std::vector<NewTopic> topics, bool validate_only,
                                                       runtime::MonotonicTime deadline);
    /// not_found, unsupported (delete.topic.enable=false). Done: nobody serves it and its name is free.
    runtime::Task<PerItem<DeletedTopic>> delete_topics(std::vector<TopicRef> topics, runtime::MonotonicTime deadline);
    /// not_found, invalid_partitions, invalid_replica_assignment, busy (the topic is being deleted or reassigned).
    runtime::Task<PerItem<void>> create_partitions(std::vector<GrownTopic> topics, bool validate_only,
                                                   runtime::MonotonicTime deadline);
    /// not_found (no such topic), invalid_config, invalid_argument, policy_violation.
    runtime::Task<PerItem<void>> alter_configs(std::vector<ConfigAlteration> alterations, bool validate_only);

    /// A block of producer ids that nobody was or will be given again, whatever is killed when.
    runtime::Task<base::Result<ProducerIdBlock>> allocate_producer_id_block(base::NodeId for_broker);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace klog::controller
