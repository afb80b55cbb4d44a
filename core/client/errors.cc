// SPDX-License-Identifier: Apache-2.0
#include "core/client/errors.h"

#include <fmt/format.h>

namespace klog::client {

using base::Errc;
using wire::ErrorCode;

Errc errc_of(ErrorCode code) {
    switch (code) {
        case ErrorCode::offset_out_of_range: return Errc::offset_out_of_range;
        case ErrorCode::corrupt_message: return Errc::corrupt;
        case ErrorCode::unknown_topic_or_partition:
        case ErrorCode::unknown_topic_id: return Errc::not_found;
        case ErrorCode::leader_not_available:
        case ErrorCode::not_leader_or_follower: return Errc::not_leader;
        case ErrorCode::request_timed_out: return Errc::timed_out;
        case ErrorCode::message_too_large:
        case ErrorCode::record_list_too_large: return Errc::too_large;
        case ErrorCode::network_exception: return Errc::closed;
        case ErrorCode::invalid_topic_exception: return Errc::invalid_topic;
        case ErrorCode::not_enough_replicas:
        case ErrorCode::not_enough_replicas_after_append: return Errc::not_enough_replicas;
        case ErrorCode::topic_authorization_failed:
        case ErrorCode::group_authorization_failed:
        case ErrorCode::cluster_authorization_failed:
        case ErrorCode::transactional_id_authorization_failed: return Errc::not_authorized;
        case ErrorCode::unsupported_sasl_mechanism:
        case ErrorCode::illegal_sasl_state:
        case ErrorCode::sasl_authentication_failed: return Errc::authentication_failed;
        case ErrorCode::unsupported_version: return Errc::unsupported_version;
        case ErrorCode::topic_already_exists: return Errc::exists;
        case ErrorCode::invalid_partitions: return Errc::invalid_partitions;
        case ErrorCode::invalid_replication_factor: return Errc::invalid_replication_factor;
        case ErrorCode::invalid_replica_assignment: return Errc::invalid_replica_assignment;
        case ErrorCode::invalid_config: return Errc::invalid_config;
        case ErrorCode::not_controller: return Errc::not_controller;
        case ErrorCode::policy_violation: return Errc::policy_violation;
        case ErrorCode::out_of_order_sequence_number: return Errc::out_of_order_sequence;
        case ErrorCode::duplicate_sequence_number: return Errc::duplicate_sequence;
        case ErrorCode::unknown_producer_id: return Errc::unknown_producer;
        case ErrorCode::invalid_producer_epoch: return Errc::invalid_producer_epoch;
        case ErrorCode::kafka_storage_error: return Errc::offline;
        case ErrorCode::unsupported_compression_type: return Errc::unsupported_compression;
        case ErrorCode::invalid_record: return Errc::invalid_record;
        case ErrorCode::invalid_timestamp: return Errc::invalid_timestamp;
        default: return Errc::invalid_argument;
    }
}

base::Error kafka_error(ErrorCode code, std::string_view what, std::optional<std::string_view> broker_words) {
    std::string_view words = broker_words && !broker_words->empty() ? *broker_words : wire::sentence_of(code);
    while (words.ends_with('.') || words.ends_with('\n')) words.remove_suffix(1);
    return {errc_of(code), fmt::format("{}{}{} ({})", what, what.empty() ? "" : ": ", words, wire::name_of(code))};
}

}  // namespace klog::client
