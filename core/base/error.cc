// SPDX-License-Identifier: Apache-2.0
#include "core/base/error.h"

namespace klog::base {

std::string_view name_of(Errc code) {
    switch (code) {
        case Errc::io: return "io";
        case Errc::no_space: return "no_space";
        case Errc::not_found: return "not_found";
        case Errc::exists: return "exists";
        case Errc::busy: return "busy";
        case Errc::limit: return "limit";
        case Errc::closed: return "closed";
        case Errc::timed_out: return "timed_out";
        case Errc::connect_failed: return "connect_failed";
        case Errc::tls_failed: return "tls_failed";
        case Errc::corrupt: return "corrupt";
        case Errc::truncated: return "truncated";
        case Errc::unsupported_version: return "unsupported_version";
        case Errc::unsupported_compression: return "unsupported_compression";
        case Errc::too_large: return "too_large";
        case Errc::invalid_record: return "invalid_record";
        case Errc::invalid_timestamp: return "invalid_timestamp";
        case Errc::offset_out_of_range: return "offset_out_of_range";
        case Errc::offset_not_available: return "offset_not_available";
        case Errc::not_leader: return "not_leader";
        case Errc::fenced_epoch: return "fenced_epoch";
        case Errc::unknown_epoch: return "unknown_epoch";
        case Errc::not_enough_replicas: return "not_enough_replicas";
        case Errc::offline: return "offline";
        case Errc::out_of_order_sequence: return "out_of_order_sequence";
        case Errc::duplicate_sequence: return "duplicate_sequence";
        case Errc::unknown_producer: return "unknown_producer";
        case Errc::invalid_producer_epoch: return "invalid_producer_epoch";
        case Errc::bad_version: return "bad_version";
        case Errc::not_empty: return "not_empty";
        case Errc::session_expired: return "session_expired";
        case Errc::invalid_argument: return "invalid_argument";
        case Errc::invalid_config: return "invalid_config";
        case Errc::invalid_topic: return "invalid_topic";
        case Errc::invalid_partitions: return "invalid_partitions";
        case Errc::invalid_replication_factor: return "invalid_replication_factor";
        case Errc::invalid_replica_assignment: return "invalid_replica_assignment";
        case Errc::policy_violation: return "policy_violation";
        case Errc::not_authorized: return "not_authorized";
        case Errc::authentication_failed: return "authentication_failed";
        case Errc::not_controller: return "not_controller";
        case Errc::unsupported: return "unsupported";
    }
    return "unknown";
}

}  // namespace klog::base
