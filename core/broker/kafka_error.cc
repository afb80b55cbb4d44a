// SPDX-License-Identifier: Apache-2.0
#include "core/broker/kafka_error.h"

namespace klog::broker {

wire::ErrorCode kafka_error(base::Errc code) {
    using base::Errc;
    using enum wire::ErrorCode;
    switch (code) {
        // The machine. A client tries again, after it has asked where the partition is now.
        case Errc::io: return kafka_storage_error;
        case Errc::no_space: return kafka_storage_error;
        case Errc::offline: return kafka_storage_error;
        case Errc::not_found: return unknown_topic_or_partition;
        case Errc::exists: return topic_already_exists;
        case Errc::busy: return leader_not_available;
        case Errc::limit: return throttling_quota_exceeded;
        case Errc::closed: return not_leader_or_follower;  // Shutting down: somebody else leads soon.
        case Errc::timed_out: return request_timed_out;
        case Errc::connect_failed:
        case Errc::tls_failed: return network_exception;
        // Bytes.
        case Errc::corrupt: return corrupt_message;
        case Errc::truncated: return corrupt_message;
        case Errc::unsupported_version: return unsupported_for_message_format;
        case Errc::unsupported_compression: return unsupported_compression_type;
        case Errc::too_large: return message_too_large;
        case Errc::invalid_record: return invalid_record;
        case Errc::invalid_timestamp: return invalid_timestamp;
        // The log.
        case Errc::offset_out_of_range: return offset_out_of_range;
        case Errc::offset_not_available: return offset_not_available;
        case Errc::not_leader: return not_leader_or_follower;
        case Errc::fenced_epoch: return fenced_leader_epoch;
        case Errc::unknown_epoch: return unknown_leader_epoch;
        case Errc::not_enough_replicas: return not_enough_replicas;
        // Producers.
        case Errc::out_of_order_sequence: return out_of_order_sequence_number;
        case Errc::duplicate_sequence: return duplicate_sequence_number;
        case Errc::unknown_producer: return unknown_producer_id;
        case Errc::invalid_producer_epoch: return invalid_producer_epoch;
        // Metadata. The store's own troubles pass.
        case Errc::bad_version: return invalid_update_version;
        case Errc::not_empty: return unknown_server_error;
        case Errc::session_expired: return request_timed_out;
        case Errc::invalid_argument: return invalid_request;
        case Errc::invalid_config: return invalid_config;
        case Errc::invalid_topic: return invalid_topic_exception;
        case Errc::invalid_partitions: return invalid_partitions;
        case Errc::invalid_replication_factor: return invalid_replication_factor;
        case Errc::invalid_replica_assignment: return invalid_replica_assignment;
        case Errc::policy_violation: return policy_violation;
        // Access.
        case Errc::not_authorized: return cluster_authorization_failed;
        case Errc::authentication_failed: return sasl_authentication_failed;
        case Errc::not_controller: return not_controller;
        case Errc::unsupported: return unsupported_version;
    }
    return unknown_server_error;
}

}  // namespace klog::broker
