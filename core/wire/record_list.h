// SPDX-License-Identifier: Apache-2.0
// The records of __consumer_offsets and __transaction_state, and what consumers of the classic protocol tell each other
// through a group. A key starts with its type (int16), which is its api_key here; a value with its version (int16).
#pragma once

#include <string>

#include "core/wire/messages/consumer_group_records.h"
#include "core/wire/messages/consumer_protocol.h"
#include "core/wire/messages/group_metadata_record.h"
#include "core/wire/messages/offset_commit_record.h"
#include "core/wire/messages/transaction_log_record.h"

// NAME of the pairs NAMEKey and NAMEValue that lie in __consumer_offsets.
#define KLOG_WIRE_GROUP_RECORDS(ROW)           \
    ROW(LegacyOffsetCommit)                    \
    ROW(OffsetCommit)                          \
    ROW(GroupMetadata)                         \
    ROW(ConsumerGroupMetadata)                 \
    ROW(ConsumerGroupPartitionMetadata)        \
    ROW(ConsumerGroupMemberMetadata)           \
    ROW(ConsumerGroupTargetAssignmentMetadata) \
    ROW(ConsumerGroupTargetAssignmentMember)   \
    ROW(ConsumerGroupCurrentMemberAssignment)  \
    ROW(ConsumerGroupRegularExpression)

namespace klog::wire {

template <Message KeyOf, Message ValueOf>
struct StateRecord {
    static_assert(KeyOf::api_key == ValueOf::api_key);
    using Key = KeyOf;
    using Value = ValueOf;
};

/// Calls visit(StateRecord<...>{}) for the record of that type in __consumer_offsets and returns true; false when there
/// is none of that type.
template <class Visit>
bool with_group_record(std::int16_t type, Visit&& visit) {
    switch (type) {
#define KLOG_WIRE_CASE(Name) \
    case Name##Key::api_key: visit(StateRecord<Name##Key, Name##Value>{}); return true;
        KLOG_WIRE_GROUP_RECORDS(KLOG_WIRE_CASE)
#undef KLOG_WIRE_CASE
        default: return false;
    }
}

/// Calls visit(message{}, "Name") for every message of this header. For tests and tools.
template <class Visit>
void for_each_record_message(Visit&& visit) {
#define KLOG_WIRE_VISIT(Name)        \
    visit(Name##Key{}, #Name "Key"); \
    visit(Name##Value{}, #Name "Value");
    KLOG_WIRE_GROUP_RECORDS(KLOG_WIRE_VISIT)
    KLOG_WIRE_VISIT(TransactionLog)
#undef KLOG_WIRE_VISIT
    visit(ConsumerProtocolSubscription{}, "ConsumerProtocolSubscription");
    visit(ConsumerProtocolAssignment{}, "ConsumerProtocolAssignment");
}

}  // namespace klog::wire
