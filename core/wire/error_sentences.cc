// SPDX-License-Identifier: Apache-2.0
// One sentence per error code, for people who meet it in a terminal.
#include "core/wire/errors.h"

namespace klog::wire {

namespace {

std::string_view data_sentence(ErrorCode code) {
    using enum ErrorCode;
    switch (code) {
        case offset_out_of_range:
            return "The partition does not hold that offset: it was deleted, or is not written yet.";
        case corrupt_message: return "A record batch is damaged: its checksum or its length is wrong.";
        case unknown_topic_or_partition: return "The broker knows no such topic or partition.";
        case invalid_fetch_size: return "The size asked for in a fetch is not valid.";
        case leader_not_available: return "The partition has no leader at the moment; one is being elected.";
        case not_leader_or_follower:
            return "The broker asked does not lead the partition (or has no replica of it); ask again for its leader.";
        case request_timed_out: return "The broker could not finish the request within the time that it was given.";
        case broker_not_available: return "The broker that is needed is not there.";
        case replica_not_available: return "The replica asked for is not available.";
        case message_too_large: return "A record batch is larger than max.message.bytes allows.";
        case network_exception: return "The connection was lost before the answer came.";
        case record_list_too_large: return "The record batch is larger than a whole segment of the log.";
        case not_enough_replicas:
            return "Fewer replicas are in sync than min.insync.replicas asks for; nothing was written.";
        case not_enough_replicas_after_append:
            return "The records were written, but fewer replicas than min.insync.replicas have them.";
        case invalid_required_acks: return "acks must be 0, 1 or -1 (all).";
        case invalid_timestamp: return "A record's timestamp is outside of what the topic accepts.";
        case unsupported_for_message_format: return "The format in which the records are stored cannot do this.";
        case kafka_storage_error: return "The log directory of the partition has failed on that broker.";
        case log_dir_not_found: return "The broker has no such log directory.";
        case fetch_session_id_not_found:
            return "The broker no longer has this fetch session; the client opens another.";
        case invalid_fetch_session_epoch: return "The fetch session is at another epoch; the client opens another.";
        case fetch_session_topic_id_error: return "A fetch session was used once with topic ids and once without them.";
        case fenced_leader_epoch:
            return "The client knows an older leader of the partition; it has to refresh its metadata.";
        case unknown_leader_epoch: return "The client knows a newer leader of the partition than this broker does.";
        case unsupported_compression_type:
            return "The client's version of the request cannot carry records compressed in this way.";
        case offset_not_available: return "The new leader does not yet know how far the log is committed.";
        case invalid_record: return "The broker does not accept a record in the batch.";
        case preferred_leader_not_available: return "The preferred leader of the partition is not available.";
        case eligible_leaders_not_available: return "No replica of the partition may become its leader now.";
        case election_not_needed: return "The partition has the leader that was asked for already.";
        case unknown_topic_id: return "The broker knows no topic with this id.";
        case inconsistent_topic_id: return "The topic has another id: it was deleted and made again.";
        case offset_moved_to_tiered_storage: return "The offset lies in tiered storage.";
        case snapshot_not_found: return "There is no such snapshot.";
        case position_out_of_range: return "The position lies outside of the snapshot.";
        default: return {};
    }
}

std::string_view group_sentence(ErrorCode code) {
    using enum ErrorCode;
    switch (code) {
        case offset_metadata_too_large: return "The metadata kept with a committed offset is too large.";
        case coordinator_load_in_progress: return "The coordinator is still reading its state.";
        case coordinator_not_available: return "There is no coordinator at the moment.";
        case not_coordinator: return "Another broker is the coordinator; ask for it again.";
        case illegal_generation: return "The member belongs to an earlier generation of the group and has to rejoin.";
        case inconsistent_group_protocol:
            return "The member shares no assignment protocol with the others of its group.";
        case invalid_group_id: return "The group's name is not valid.";
        case unknown_member_id: return "The group has no such member; it has to join anew.";
        case invalid_session_timeout: return "The session time-out is outside of what the broker allows.";
        case rebalance_in_progress: return "The group is rebalancing; the member has to rejoin.";
        case invalid_commit_offset_size: return "An offset that was to be committed is too large to be stored.";
        case non_empty_group: return "The group still has members.";
        case group_id_not_found: return "There is no such group.";
        case member_id_required: return "The member joins again with the id that it was just given.";
        case group_max_size_reached: return "The group has as many members as it may have.";
        case fenced_instance_id: return "Another member has taken over this group.instance.id.";
        case group_subscribed_to_topic:
            return "The group's members are subscribed to the topic, so its offsets cannot be deleted.";
        case unstable_offset_commit: return "A transaction that commits offsets of this group is still open.";
        case fenced_member_epoch:
            return "The coordinator has moved on without this member; it gives up its partitions and joins again.";
        case unreleased_instance_id: return "Another member still holds this group.instance.id.";
        case unsupported_assignor: return "The group does not know the assignor that the member asks for.";
        case stale_member_epoch: return "The member's epoch is old; its next heartbeat brings the new one.";
        case invalid_record_state: return "The record is not in a state in which its delivery can be acknowledged.";
        case share_session_not_found: return "The broker no longer has this share session; the client opens another.";
        case invalid_share_session_epoch: return "The share session is at another epoch; the client opens another.";
        case fenced_state_epoch: return "The state of the share group is at another epoch.";
        case share_session_limit_reached: return "The broker has as many share sessions as it may have.";
        case invalid_regular_expression: return "The regular expression cannot be read.";
        case streams_invalid_topology: return "The topology of the streams application is not valid.";
        case streams_invalid_topology_epoch: return "The topology epoch of the streams application is not valid.";
        case streams_topology_fenced: return "The streams application has a newer topology than this member.";
        default: return {};
    }
}

std::string_view transaction_sentence(ErrorCode code) {
    using enum ErrorCode;
    switch (code) {
        case out_of_order_sequence_number: return "An idempotent producer's batch is missing before this one.";
        case duplicate_sequence_number: return "The broker has this batch of an idempotent producer already.";
        case invalid_producer_epoch: return "A newer producer uses the same producer id.";
        case invalid_txn_state: return "The transaction is in a state that does not allow this.";
        case invalid_producer_id_mapping: return "The producer id does not belong to this transactional id.";
        case invalid_transaction_timeout: return "The transaction time-out is longer than transaction.max.timeout.ms.";
        case concurrent_transactions: return "The transaction is being changed by an earlier request.";
        case transaction_coordinator_fenced: return "Another broker has become the coordinator of this transaction.";
        case unknown_producer_id: return "The broker remembers nothing of this producer: its records are deleted.";
        case producer_fenced: return "A newer producer uses the same transactional id; this one has to stop.";
        case transactional_id_not_found: return "There is no such transactional id.";
        case transaction_abortable: return "The transaction failed; it can be aborted and begun again.";
        default: return {};
    }
}

std::string_view access_sentence(ErrorCode code) {
    using enum ErrorCode;
    switch (code) {
        case topic_authorization_failed: return "The user may not do this with the topic.";
        case group_authorization_failed: return "The user may not do this with the group.";
        case cluster_authorization_failed: return "The user may not do this with the cluster.";
        case transactional_id_authorization_failed: return "The user may not use this transactional id.";
        case unsupported_sasl_mechanism: return "The broker does not offer this SASL mechanism.";
        case illegal_sasl_state: return "The request came at the wrong point of the SASL exchange.";
        case sasl_authentication_failed: return "The broker does not accept these credentials.";
        case security_disabled: return "The cluster has no authorizer.";
        case delegation_token_auth_disabled: return "The cluster does not use delegation tokens.";
        case delegation_token_not_found: return "The cluster does not have this delegation token.";
        case delegation_token_owner_mismatch: return "The delegation token belongs to somebody else.";
        case delegation_token_request_not_allowed:
            return "Delegation tokens are not given over a connection like this.";
        case delegation_token_authorization_failed: return "The user may not do this with the delegation token.";
        case delegation_token_expired: return "The delegation token has expired.";
        case invalid_principal_type: return "There is no such type of principal.";
        case unacceptable_credential: return "The new credential is not good enough to be accepted.";
        case principal_deserialization_failure: return "The broker cannot read for whom a request was passed on.";
        default: return {};
    }
}

std::string_view admin_sentence(ErrorCode code) {
    using enum ErrorCode;
    switch (code) {
        case invalid_topic_exception: return "The topic's name is not valid, or the topic may not be used in this way.";
        case topic_already_exists: return "There is a topic of this name already.";
        case invalid_partitions: return "The number of partitions is not valid.";
        case invalid_replication_factor: return "The replication factor is below 1 or above the number of brokers.";
        case invalid_replica_assignment: return "The assignment of replicas to brokers is not valid.";
        case invalid_config: return "A configuration key or value is not valid.";
        case policy_violation: return "A policy of the cluster forbids this.";
        case operation_not_attempted: return "Not tried, because another part of the same request failed.";
        case reassignment_in_progress: return "Replicas of the partition are being moved.";
        case no_reassignment_in_progress: return "No replicas of the partition are being moved.";
        case topic_deletion_disabled: return "The cluster does not delete topics (delete.topic.enable).";
        case listener_not_found: return "The leader has no listener of the name that the client came through.";
        case resource_not_found: return "There is no such resource.";
        case duplicate_resource: return "The request names the same resource twice.";
        case invalid_update_version: return "The version in the update is not valid.";
        case feature_update_failed: return "The feature's level could not be changed.";
        case throttling_quota_exceeded: return "The client is over its quota; it may try again later.";
        case unknown_subscription_id: return "The client pushed telemetry under a subscription that has changed.";
        case telemetry_too_large: return "The client pushed more telemetry than the broker accepts.";
        default: return {};
    }
}

std::string_view cluster_sentence(ErrorCode code) {
    using enum ErrorCode;
    switch (code) {
        case stale_controller_epoch: return "Another broker has become the controller.";
        case not_controller: return "This broker is not the controller.";
        case stale_broker_epoch: return "The broker has been restarted since.";
        case inconsistent_voter_set: return "The sender and the receiver disagree on who votes.";
        case duplicate_broker_registration: return "Another broker has this id.";
        case broker_id_not_registered: return "No broker with this id is registered.";
        case inconsistent_cluster_id: return "The request is meant for another cluster.";
        case ineligible_replica: return "A replica that is to join the ISR may not.";
        case new_leader_elected: return "The partition changed as asked, and has another leader now.";
        case mismatched_endpoint_type: return "The request went to the wrong kind of endpoint.";
        case unsupported_endpoint_type: return "This kind of endpoint is not supported.";
        case unknown_controller_id: return "There is no controller with this id.";
        case invalid_registration: return "The controller refuses the broker's registration.";
        case invalid_voter_key: return "The voter's key is not that of the replica that got the request.";
        case duplicate_voter: return "The replica is a voter already.";
        case voter_not_found: return "The replica is no voter.";
        case rebootstrap_required:
            return "The client's picture of the cluster is too old; it starts again from its bootstrap addresses.";
        default: return {};
    }
}

}  // namespace

std::string_view sentence_of(ErrorCode code) {
    using enum ErrorCode;
    switch (code) {
        case none: return "No error.";
        case unknown_server_error:
            return "Something went wrong in the broker that no other code describes; its log says what.";
        case invalid_request: return "The broker cannot make sense of the request.";
        case unsupported_version: return "The broker does not serve this request in this version.";
        default: break;
    }
    for (const auto of :
         {data_sentence, group_sentence, transaction_sentence, access_sentence, admin_sentence, cluster_sentence}) {
        if (const std::string_view sentence = of(code); !sentence.empty()) return sentence;
    }
    return "An error code that this version of klog does not know.";
}

}  // namespace klog::wire
