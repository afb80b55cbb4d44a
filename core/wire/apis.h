// SPDX-License-Identifier: Apache-2.0
// The APIs that a broker of klog serves: one row each. The answer to ApiVersions, the choice of header versions,
// dispatch (wire/api_list.h has the types), ordering and authorization all come from these rows, so that an API cannot
// be served without being announced, or the reverse. Constant data; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/wire/headers.h"

namespace klog::wire {

/// What access is asked for, as in ACLs (org.apache.kafka.common.resource.ResourceType).
enum class AclResource : std::int8_t {
    none = 0,
    any = 1,
    topic = 2,
    group = 3,
    cluster = 4,
    transactional_id = 5,
    delegation_token = 6,
    user = 7,
};

/// To do what (org.apache.kafka.common.acl.AclOperation). The numbers are also bits of `authorized_operations` fields.
enum class AclOperation : std::int8_t {
    none = 0,
    any = 1,
    all = 2,
    read = 3,
    write = 4,
    create = 5,
    remove = 6,  // DELETE
    alter = 7,
    describe = 8,
    cluster_action = 9,
    describe_configs = 10,
    alter_configs = 11,
    idempotent_write = 12,
    create_tokens = 13,
    describe_tokens = 14,
    two_phase_commit = 15,
};

/// How requests of one connection may overlap. Answers always go out in order.
enum class ApiOrder : std::uint8_t {
    pipelined,  // What it waits for may overlap the ordered part of the next pipelined request.
    barrier,    // Waits for all before it, and all after it wait for it: a client reads its own writes.
};

enum class ApiAudience : std::uint8_t {
    clients,     // Announced by ApiVersions.
    controller,  // Between brokers: accepted from the controller, never announced.
};

// The rows: X(key, name, Message, first, last, resource, operation, order).
//  - first and last are the versions served. Kafka 4.3's oldest, which every client since 2.1 can speak (KIP-896), and
//    its newest that is final. Declarations go further back than that.
//  - resource and operation are what the usual caller needs; the handler asks for each topic, group or id that the
//    request names. Special callers are the handlers' business: followers need cluster_action on the cluster for Fetch
//    and OffsetForLeaderEpoch; brokers' configuration belongs to the cluster; a topic may be created by who may create
//    that topic; InitProducerId with a transactional id needs write on it.
// clang-format off
#define KLOG_WIRE_CLIENT_APIS(X)                                                                              \
    X(0, produce, Produce, 3, 13, topic, write, pipelined)                                                    \
    X(1, fetch, Fetch, 4, 18, topic, read, pipelined)                                                         \
    X(2, list_offsets, ListOffsets, 1, 11, topic, describe, barrier)                                          \
    X(3, metadata, Metadata, 0, 13, topic, describe, pipelined)                                               \
    X(10, find_coordinator, FindCoordinator, 0, 6, group, describe, barrier)                                  \
    X(18, api_versions, ApiVersions, 0, 4, none, none, pipelined)                                             \
    X(19, create_topics, CreateTopics, 2, 7, cluster, create, barrier)                                        \
    X(20, delete_topics, DeleteTopics, 1, 6, topic, remove, barrier)                                          \
    X(21, delete_records, DeleteRecords, 0, 2, topic, remove, barrier)                                        \
    X(22, init_producer_id, InitProducerId, 0, 5, cluster, idempotent_write, barrier)                         \
    X(23, offset_for_leader_epoch, OffsetForLeaderEpoch, 2, 4, topic, describe, barrier)                      \
    X(32, describe_configs, DescribeConfigs, 1, 4, topic, describe_configs, barrier)                          \
    X(33, alter_configs, AlterConfigs, 0, 2, topic, alter_configs, barrier)                                   \
    X(35, describe_log_dirs, DescribeLogDirs, 1, 5, cluster, describe, barrier)                               \
    X(37, create_partitions, CreatePartitions, 0, 3, topic, alter, barrier)                                   \
    X(44, incremental_alter_configs, IncrementalAlterConfigs, 0, 1, topic, alter_configs, barrier)            \
    X(60, describe_cluster, DescribeCluster, 0, 2, none, none, barrier)                                       \
    X(75, describe_topic_partitions, DescribeTopicPartitions, 0, 0, topic, describe, barrier)

#define KLOG_WIRE_CONTROLLER_APIS(X)                                                                          \
    X(4, leader_and_isr, LeaderAndIsr, 2, 7, cluster, cluster_action, barrier)                                \
    X(5, stop_replica, StopReplica, 1, 4, cluster, cluster_action, barrier)                                   \
    X(6, update_metadata, UpdateMetadata, 5, 8, cluster, cluster_action, barrier)

// Declared for clients and for later; no broker serves them yet. A row moves up when its handler is there.
#define KLOG_WIRE_UNSERVED_APIS(X)                                                                            \
    X(17, sasl_handshake, SaslHandshake, 0, 1, none, none, barrier)                                           \
    X(36, sasl_authenticate, SaslAuthenticate, 0, 2, none, none, barrier)
// clang-format on

enum class ApiKey : std::int16_t {
#define KLOG_WIRE_API(key, name, ...) name = key,
    KLOG_WIRE_CLIENT_APIS(KLOG_WIRE_API) KLOG_WIRE_CONTROLLER_APIS(KLOG_WIRE_API) KLOG_WIRE_UNSERVED_APIS(KLOG_WIRE_API)
#undef KLOG_WIRE_API
};

struct ApiRow {
    ApiKey key;
    std::string_view name;  // Kafka's: "DescribeLogDirs".
    Version first;          // Served, both ends included.
    Version last;
    Version announced_first;  // first, except for Produce.
    Version flexible_since;
    AclResource resource;
    AclOperation operation;
    ApiOrder order;
    ApiAudience audience;

    constexpr bool serves(Version version) const { return first <= version && version <= last; }
    constexpr bool flexible(Version version) const { return version >= flexible_since; }
};

/// All rows that are served, by rising key.
///
/// Produce is announced from 0 although 0 to 2 are not served (as in Kafka, KAFKA-18659): librdkafka takes a broker
/// that does not announce them for one that knows no compression, and sends uncompressed in silence. Who sends them
/// all the same gets UNSUPPORTED_VERSION, which the declarations can say in those versions.
std::span<const ApiRow> served_apis();

/// Null: no such API is served.
const ApiRow* find_api(std::int16_t key);

/// A frame taken apart as far as its header. Points into the frame.
struct RequestFrame {
    const ApiRow* api = nullptr;
    RequestHeader header;
    std::string_view body;
};

/// Takes a frame (without its length) apart. False: damaged, or an API that nobody serves; such a connection is closed,
/// as Kafka does. Whether the version is served is for the caller to ask: ApiVersions in an unknown version is
/// answered.
[[nodiscard]] bool open_request(std::string_view frame, RequestFrame& out, DecodeError* why = nullptr);

}  // namespace klog::wire
