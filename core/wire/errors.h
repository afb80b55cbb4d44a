// SPDX-License-Identifier: Apache-2.0
// Kafka's error codes, all of them, as of 4.3 (org.apache.kafka.common.protocol.Errors). Clients act on the exact code.
// The mapping from base::Errc is in broker/kafka_error.cc.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

#include <fmt/core.h>

namespace klog::wire {

/// X(code, name, kind): the name is Kafka's in lower case, `kind` says what a client may do about it.
// clang-format off
#define KLOG_WIRE_ERRORS(X)                                   \
    X(-1, unknown_server_error, fatal)                        \
    X(0, none, fatal)                                         \
    X(1, offset_out_of_range, fatal)                          \
    X(2, corrupt_message, retry)                              \
    X(3, unknown_topic_or_partition, refresh)                 \
    X(4, invalid_fetch_size, fatal)                           \
    X(5, leader_not_available, refresh)                       \
    X(6, not_leader_or_follower, refresh)                     \
    X(7, request_timed_out, retry)                            \
    X(8, broker_not_available, fatal)                         \
    X(9, replica_not_available, refresh)                      \
    X(10, message_too_large, fatal)                           \
    X(11, stale_controller_epoch, fatal)                      \
    X(12, offset_metadata_too_large, fatal)                   \
    X(13, network_exception, refresh)                         \
    X(14, coordinator_load_in_progress, retry)                \
    X(15, coordinator_not_available, retry)                   \
    X(16, not_coordinator, retry)                             \
    X(17, invalid_topic_exception, fatal)                     \
    X(18, record_list_too_large, fatal)                       \
    X(19, not_enough_replicas, retry)                         \
    X(20, not_enough_replicas_after_append, retry)            \
    X(21, invalid_required_acks, fatal)                       \
    X(22, illegal_generation, fatal)                          \
    X(23, inconsistent_group_protocol, fatal)                 \
    X(24, invalid_group_id, fatal)                            \
    X(25, unknown_member_id, fatal)                           \
    X(26, invalid_session_timeout, fatal)                     \
    X(27, rebalance_in_progress, fatal)                       \
    X(28, invalid_commit_offset_size, fatal)                  \
    X(29, topic_authorization_failed, fatal)                  \
    X(30, group_authorization_failed, fatal)                  \
    X(31, cluster_authorization_failed, fatal)                \
    X(32, invalid_timestamp, fatal)                           \
    X(33, unsupported_sasl_mechanism, fatal)                  \
    X(34, illegal_sasl_state, fatal)                          \
    X(35, unsupported_version, fatal)                         \
    X(36, topic_already_exists, fatal)                        \
    X(37, invalid_partitions, fatal)                          \
    X(38, invalid_replication_factor, fatal)                  \
    X(39, invalid_replica_assignment, fatal)                  \
    X(40, invalid_config, fatal)                              \
    X(41, not_controller, retry)                              \
    X(42, invalid_request, fatal)                             \
    X(43, unsupported_for_message_format, fatal)              \
    X(44, policy_violation, fatal)                            \
    X(45, out_of_order_sequence_number, fatal)                \
    X(46, duplicate_sequence_number, fatal)                   \
    X(47, invalid_producer_epoch, fatal)                      \
    X(48, invalid_txn_state, fatal)                           \
    X(49, invalid_producer_id_mapping, fatal)                 \
    X(50, invalid_transaction_timeout, fatal)                 \
    X(51, concurrent_transactions, retry)                     \
    X(52, transaction_coordinator_fenced, fatal)              \
    X(53, transactional_id_authorization_failed, fatal)       \
    X(54, security_disabled, fatal)                           \
    X(55, operation_not_attempted, fatal)                     \
    X(56, kafka_storage_error, refresh)                       \
    X(57, log_dir_not_found, fatal)                           \
    X(58, sasl_authentication_failed, fatal)                  \
    X(59, unknown_producer_id, fatal)                         \
    X(60, reassignment_in_progress, fatal)                    \
    X(61, delegation_token_auth_disabled, fatal)              \
    X(62, delegation_token_not_found, fatal)                  \
    X(63, delegation_token_owner_mismatch, fatal)             \
    X(64, delegation_token_request_not_allowed, fatal)        \
    X(65, delegation_token_authorization_failed, fatal)       \
    X(66, delegation_token_expired, fatal)                    \
    X(67, invalid_principal_type, fatal)                      \
    X(68, non_empty_group, fatal)                             \
    X(69, group_id_not_found, fatal)                          \
    X(70, fetch_session_id_not_found, retry)                  \
    X(71, invalid_fetch_session_epoch, retry)                 \
    X(72, listener_not_found, refresh)                        \
    X(73, topic_deletion_disabled, fatal)                     \
    X(74, fenced_leader_epoch, refresh)                       \
    X(75, unknown_leader_epoch, retry)                        \
    X(76, unsupported_compression_type, fatal)                \
    X(77, stale_broker_epoch, fatal)                          \
    X(78, offset_not_available, retry)                        \
    X(79, member_id_required, fatal)                          \
    X(80, preferred_leader_not_available, refresh)            \
    X(81, group_max_size_reached, fatal)                      \
    X(82, fenced_instance_id, fatal)                          \
    X(83, eligible_leaders_not_available, refresh)            \
    X(84, election_not_needed, refresh)                       \
    X(85, no_reassignment_in_progress, fatal)                 \
    X(86, group_subscribed_to_topic, fatal)                   \
    X(87, invalid_record, fatal)                              \
    X(88, unstable_offset_commit, retry)                      \
    X(89, throttling_quota_exceeded, retry)                   \
    X(90, producer_fenced, fatal)                             \
    X(91, resource_not_found, fatal)                          \
    X(92, duplicate_resource, fatal)                          \
    X(93, unacceptable_credential, fatal)                     \
    X(94, inconsistent_voter_set, fatal)                      \
    X(95, invalid_update_version, fatal)                      \
    X(96, feature_update_failed, fatal)                       \
    X(97, principal_deserialization_failure, fatal)           \
    X(98, snapshot_not_found, fatal)                          \
    X(99, position_out_of_range, fatal)                       \
    X(100, unknown_topic_id, refresh)                         \
    X(101, duplicate_broker_registration, fatal)              \
    X(102, broker_id_not_registered, fatal)                   \
    X(103, inconsistent_topic_id, refresh)                    \
    X(104, inconsistent_cluster_id, fatal)                    \
    X(105, transactional_id_not_found, fatal)                 \
    X(106, fetch_session_topic_id_error, retry)               \
    X(107, ineligible_replica, fatal)                         \
    X(108, new_leader_elected, fatal)                         \
    X(109, offset_moved_to_tiered_storage, fatal)             \
    X(110, fenced_member_epoch, fatal)                        \
    X(111, unreleased_instance_id, fatal)                     \
    X(112, unsupported_assignor, fatal)                       \
    X(113, stale_member_epoch, fatal)                         \
    X(114, mismatched_endpoint_type, fatal)                   \
    X(115, unsupported_endpoint_type, fatal)                  \
    X(116, unknown_controller_id, fatal)                      \
    X(117, unknown_subscription_id, fatal)                    \
    X(118, telemetry_too_large, fatal)                        \
    X(119, invalid_registration, fatal)                       \
    X(120, transaction_abortable, fatal)                      \
    X(121, invalid_record_state, fatal)                       \
    X(122, share_session_not_found, retry)                    \
    X(123, invalid_share_session_epoch, retry)                \
    X(124, fenced_state_epoch, fatal)                         \
    X(125, invalid_voter_key, fatal)                          \
    X(126, duplicate_voter, fatal)                            \
    X(127, voter_not_found, fatal)                            \
    X(128, invalid_regular_expression, fatal)                 \
    X(129, rebootstrap_required, fatal)                       \
    X(130, streams_invalid_topology, fatal)                   \
    X(131, streams_invalid_topology_epoch, fatal)             \
    X(132, streams_topology_fenced, fatal)                    \
    X(133, share_session_limit_reached, retry)
// clang-format on

enum class ErrorCode : std::int16_t {
#define KLOG_WIRE_ERROR(code, name, kind) name = code,
    KLOG_WIRE_ERRORS(KLOG_WIRE_ERROR)
#undef KLOG_WIRE_ERROR
};

/// Kafka's name, as UNKNOWN_TOPIC_OR_PARTITION; "UNKNOWN" for a code that 4.3 does not have.
std::string_view name_of(ErrorCode code);

/// One sentence for a person: what it means and, where that helps, what to do.
std::string_view sentence_of(ErrorCode code);

/// The same request may succeed later, perhaps at another broker.
bool is_retriable(ErrorCode code);

/// Retriable, but only after the client has asked for metadata anew.
bool needs_new_metadata(ErrorCode code);

/// The code of that name, in upper or lower case, or of that number written in decimal.
std::optional<ErrorCode> parse_error_code(std::string_view text);

}  // namespace klog::wire

template <>
struct fmt::formatter<klog::wire::ErrorCode> {
    constexpr auto parse(format_parse_context& context) { return context.begin(); }
    template <class Context>
    auto format(klog::wire::ErrorCode code, Context& context) const {
        return std::ranges::copy(klog::wire::name_of(code), context.out()).out;
    }
};
