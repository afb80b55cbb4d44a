// SPDX-License-Identifier: Apache-2.0
#include "cmd/remedies.h"

#include <string>

namespace klog::cmd {
namespace {

using wire::ErrorCode;

std::string_view data_remedy(ErrorCode code) {
    using enum ErrorCode;
    switch (code) {
        case offset_out_of_range:
            return "`klog offsets TOPIC` shows where the partitions begin and end. A consumer with auto.offset.reset "
                   "set goes on "
                   "by itself; one that fell behind retention needs a longer retention.ms or more consumers.";
        case corrupt_message:
            return "When producing: try again; if it stays, something between client and broker changes bytes. When "
                   "fetching: "
                   "`klog dump-segment --verify` on the broker's partition directory names the damage.";
        case unknown_topic_or_partition:
            return "Check the name with `klog topic list`. Right after a topic was made it passes by itself; clients "
                   "try again. "
                   "`klog topic create NAME` makes it.";
        case leader_not_available:
            return "Wait: clients try again by themselves. If it stays, a broker that holds the partition is down.";
        case not_leader_or_follower:
            return "Nothing: clients ask for the new leader and try again. If it stays, their metadata.max.age.ms is "
                   "too long or "
                   "advertised.listeners lead to the wrong broker.";
        case request_timed_out:
            return "Try again. If it stays: a follower is slow (acks=all), the disk is, or the time-out is too short "
                   "(request.timeout.ms, delivery.timeout.ms).";
        case replica_not_available:
            return "Wait until the broker that holds the replica is back, or read from the leader.";
        case message_too_large:
            return "Raise max.message.bytes of the topic (`klog topic alter NAME max.message.bytes=...`), compress "
                   "(`-z zstd`), or "
                   "send smaller batches (batch.size, max.request.size).";
        case network_exception: return "Try again; if it stays, look at the broker's log and the network between.";
        case record_list_too_large: return "Send smaller batches, or raise segment.bytes of the topic.";
        case not_enough_replicas:
        case not_enough_replicas_after_append:
            return "`klog topic describe NAME` shows which replicas are missing: bring them back, or lower "
                   "min.insync.replicas.";
        case invalid_required_acks: return "Set acks to 0, 1 or all.";
        case invalid_timestamp:
            return "Mend the producer's clock, or widen message.timestamp.before.max.ms and "
                   "message.timestamp.after.max.ms.";
        case unsupported_for_message_format:
            return "Rewrite old data with a current client; formats v0 and v1 carry less.";
        case kafka_storage_error:
            return "Look at the log of that broker: a disk failed or is full. Another replica takes over where there "
                   "is one.";
        case log_dir_not_found:
            return "`klog topic list -o wide` and the broker's log.dirs show which directories there are.";
        case invalid_fetch_size: return "Set fetch.max.bytes and max.partition.fetch.bytes to at least 1.";
        case unsupported_compression_type:
            return "Use a newer client, or another codec; zstd needs Kafka 2.1 or later on both sides.";
        case invalid_record:
            return "A compacted topic wants a key in every record; else the record's timestamp or layout is wrong. The "
                   "answer names the record.";
        case preferred_leader_not_available:
            return "Start the broker that is first in the partition's list of replicas.";
        case eligible_leaders_not_available:
            return "Start a broker that was in sync. unclean.leader.election.enable would lose records.";
        case inconsistent_topic_id:
            return "Restart the client, or let its metadata expire: the topic was deleted and made again.";
        case offset_moved_to_tiered_storage: return "Read it from a broker with tiered storage; klog has none.";
        default: return {};
    }
}

std::string_view group_remedy(ErrorCode code) {
    using enum ErrorCode;
    switch (code) {
        case offset_metadata_too_large: return "Shorten it, or raise offset.metadata.max.bytes.";
        case coordinator_load_in_progress: return "Wait: it takes seconds after a start; clients try again.";
        case coordinator_not_available:
            return "Wait: clients try again. If it stays, the brokers that hold __consumer_offsets (or "
                   "__transaction_state) are "
                   "down, or the broker has no groups.";
        case not_coordinator: return "Nothing: clients find the new coordinator by themselves.";
        case illegal_generation:
        case rebalance_in_progress:
            return "Nothing, when it is rare: members rejoin. Often: processing takes longer than "
                   "max.poll.interval.ms; "
                   "raise it or take fewer records at a time (max.poll.records).";
        case unknown_member_id:
            return "Members rejoin by themselves. Often: the member was too slow for max.poll.interval.ms or "
                   "session.timeout.ms.";
        case inconsistent_group_protocol:
            return "Give all members of the group the same partition.assignment.strategy (or one in common) and "
                   "protocol type.";
        case invalid_group_id: return "Set group.id to a name that is not empty.";
        case invalid_session_timeout:
            return "Keep session.timeout.ms between the broker's group.min.session.timeout.ms and "
                   "group.max.session.timeout.ms.";
        case non_empty_group: return "Stop its consumers first, and wait until their session time-out has passed.";
        case group_id_not_found: return "`klog offsets list` shows the groups.";
        case member_id_required: return "Nothing: a normal step of joining (KIP-394).";
        case group_max_size_reached: return "Raise group.max.size, or start fewer consumers.";
        case fenced_instance_id: return "Give every running consumer its own group.instance.id.";
        case group_subscribed_to_topic: return "Stop the consumers of that topic first.";
        case unstable_offset_commit: return "Wait until the transaction ends; clients try again.";
        case fenced_member_epoch:
        case stale_member_epoch: return "Nothing: the member's next heartbeat mends it.";
        case unreleased_instance_id: return "Wait until the other member has left or its session has expired.";
        case unsupported_assignor: return "Use one of group.consumer.assignors: uniform or range.";
        case invalid_regular_expression:
            return "Mend it; brokers read RE2's syntax (no look-around, no back references).";
        case invalid_record_state:
        case share_session_not_found:
        case invalid_share_session_epoch:
        case fenced_state_epoch:
        case share_session_limit_reached:
            return "Share groups: klog has none; on Kafka the client opens another session.";
        case streams_invalid_topology:
        case streams_invalid_topology_epoch:
        case streams_topology_fenced: return "Deploy the same topology to all members of the streams application.";
        default: return {};
    }
}

std::string_view transaction_remedy(ErrorCode code) {
    using enum ErrorCode;
    switch (code) {
        case out_of_order_sequence_number:
            return "The producer lost a batch or the broker lost data: start a new producer. On a broker without fsync "
                   "it can "
                   "follow a power cut.";
        case duplicate_sequence_number: return "Nothing: the record is in the log, once.";
        case invalid_producer_epoch:
        case producer_fenced:
            return "Stop this producer: another with the same transactional.id has begun. Give each instance its own "
                   "id.";
        case invalid_txn_state: return "A bug of the client, as a rule: look whether it commits without having begun.";
        case invalid_producer_id_mapping:
            return "The id expired (transactional.id.expiration.ms): call initTransactions again.";
        case invalid_transaction_timeout:
            return "Lower transaction.timeout.ms, or raise the broker's transaction.max.timeout.ms.";
        case concurrent_transactions: return "Nothing: clients try again until the last transaction has ended.";
        case unknown_producer_id:
            return "Start a new producer; its state expired (producer.id.expiration.ms) or was deleted.";
        case transactional_id_not_found: return "Check the id: it was never used, or has expired.";
        case transaction_abortable: return "Abort the transaction and begin it again.";
        default: return {};
    }
}

std::string_view access_remedy(ErrorCode code) {
    using enum ErrorCode;
    switch (code) {
        case topic_authorization_failed:
        case group_authorization_failed:
        case cluster_authorization_failed:
        case transactional_id_authorization_failed:
        case delegation_token_authorization_failed:
            return "Ask for an ACL for this user and resource; the broker's log names both.";
        case unsupported_sasl_mechanism: return "Set sasl.mechanism to one of the broker's sasl.enabled.mechanisms.";
        case illegal_sasl_state:
            return "Check security.protocol: the listener wants SASL and the client did not begin it, or the other way "
                   "round.";
        case sasl_authentication_failed:
            return "Check user name and password (sasl.jaas.config, sasl.username, sasl.password).";
        case security_disabled: return "Set authorizer.class.name on the brokers, if ACLs are wanted.";
        case delegation_token_auth_disabled:
        case delegation_token_not_found:
        case delegation_token_owner_mismatch:
        case delegation_token_request_not_allowed:
        case delegation_token_expired:
            return "Get a new delegation token over a connection that was authenticated with SASL or TLS.";
        case invalid_principal_type: return "Write it as User:NAME.";
        case unacceptable_credential: return "Use a longer password; SCRAM wants at least 4096 iterations.";
        default: return {};
    }
}

std::string_view admin_remedy(ErrorCode code) {
    using enum ErrorCode;
    switch (code) {
        case invalid_topic_exception:
            return "Names have up to 249 letters, digits, '.', '_' and '-'. Internal topics take no records of "
                   "clients.";
        case topic_already_exists: return "`klog topic create --if-not-exists` takes it as done.";
        case invalid_partitions: return "At least 1; and a topic can grow, never shrink.";
        case invalid_replication_factor: return "Give at most the number of brokers; on a single one, 1.";
        case invalid_replica_assignment: return "Name each broker once, all of them alive, as many for each partition.";
        case invalid_config:
            return "The message names the key. `klog broker --print-config` and docs/configuration.md have them all.";
        case policy_violation: return "The message says which; ask who administers the cluster.";
        case operation_not_attempted: return "Mend the part that failed, and send all of it again.";
        case reassignment_in_progress: return "Wait until it is done, or cancel it.";
        case no_reassignment_in_progress: return "Nothing is to be cancelled.";
        case topic_deletion_disabled: return "Set delete.topic.enable=true on the brokers.";
        case listener_not_found: return "Give every broker the same listener names.";
        case resource_not_found: return "Check its name and type.";
        case duplicate_resource: return "Name each resource once.";
        case feature_update_failed: return "The message says why: a broker is too old for that level, as a rule.";
        case throttling_quota_exceeded: return "Wait as long as the answer's throttle time says; clients do.";
        case not_controller: return "Nothing: clients ask for the controller and try again.";
        case unsupported_version:
            return "Client and broker have no version of the request in common: update the older one. Kafka 4 dropped "
                   "what clients "
                   "before 2.1 speak.";
        case invalid_request:
            return "A bug of the client, or a client that is not one of Kafka's; the broker's log has more.";
        case unknown_topic_id: return "Nothing: clients refresh their metadata. If it stays, the topic was deleted.";
        case rebootstrap_required: return "Nothing: clients start again from bootstrap.servers (KIP-1102).";
        case inconsistent_cluster_id:
            return "Check bootstrap.servers or the data directory: it belongs to another cluster.";
        case duplicate_broker_registration: return "Give each broker its own node.id.";
        case broker_not_available:
        case broker_id_not_registered: return "Start that broker, or ask another one.";
        case unknown_server_error: return "Look at the broker's log at that moment.";
        case none: return "Nothing.";
        default: return {};
    }
}

}  // namespace

std::string_view remedy_of(ErrorCode code) {
    for (const auto of : {data_remedy, group_remedy, transaction_remedy, access_remedy, admin_remedy})
        if (const std::string_view remedy = of(code); !remedy.empty()) return remedy;
    if (wire::is_retriable(code)) return "Nothing: clients try again by themselves.";
    return "Brokers and client libraries settle this between them. If a program shows it, its library or a broker has "
           "a bug or is "
           "much older than the other.";
}

std::optional<ErrorCode> find_error(std::string_view text) {
    if (const std::size_t dot = text.rfind('.'); dot != std::string_view::npos) text.remove_prefix(dot + 1);
    if (const auto code = wire::parse_error_code(text)) return code;
    for (const std::string_view prefix : {"RD_KAFKA_RESP_ERR_", "ERR_"})
        if (text.starts_with(prefix)) return find_error(text.substr(prefix.size()));
    std::string words;
    for (const char c : text) {
        if (c >= 'A' && c <= 'Z' && !words.empty()) words += '_';
        words += c;
    }
    // Some of Kafka's own names end in it as well.
    if (const auto code = wire::parse_error_code(words)) return code;
    constexpr std::string_view exception = "_Exception";
    if (words.ends_with(exception)) return wire::parse_error_code(words.substr(0, words.size() - exception.size()));
    return std::nullopt;
}

}  // namespace klog::cmd
