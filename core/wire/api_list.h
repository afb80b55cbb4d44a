// SPDX-License-Identifier: Apache-2.0
// The rows of wire/apis.h as types: for dispatch, where an API without a handler must not compile. Includes every
// message; for the one file of a room that needs all of them.
#pragma once

#include <tuple>

#include "core/wire/apis.h"
#include "core/wire/messages/00_produce.h"
#include "core/wire/messages/01_fetch.h"
#include "core/wire/messages/02_list_offsets.h"
#include "core/wire/messages/03_metadata.h"
#include "core/wire/messages/04_leader_and_isr.h"
#include "core/wire/messages/05_stop_replica.h"
#include "core/wire/messages/06_update_metadata.h"
#include "core/wire/messages/10_find_coordinator.h"
#include "core/wire/messages/17_sasl_handshake.h"
#include "core/wire/messages/18_api_versions.h"
#include "core/wire/messages/19_create_topics.h"
#include "core/wire/messages/20_delete_topics.h"
#include "core/wire/messages/21_delete_records.h"
#include "core/wire/messages/22_init_producer_id.h"
#include "core/wire/messages/23_offset_for_leader_epoch.h"
#include "core/wire/messages/32_describe_configs.h"
#include "core/wire/messages/33_alter_configs.h"
#include "core/wire/messages/35_describe_log_dirs.h"
#include "core/wire/messages/36_sasl_authenticate.h"
#include "core/wire/messages/37_create_partitions.h"
#include "core/wire/messages/44_incremental_alter_configs.h"
#include "core/wire/messages/60_describe_cluster.h"
#include "core/wire/messages/75_describe_topic_partitions.h"

namespace klog::wire {

template <Message Req, Message Resp>
struct Api {
    static_assert(Req::api_key == Resp::api_key);
    static_assert(Req::version_first == Resp::version_first && Req::version_last == Resp::version_last);
    static_assert(Req::flexible_since == Resp::flexible_since);
    using Request = Req;
    using Response = Resp;
    static constexpr ApiKey key = static_cast<ApiKey>(Req::api_key);
};

/// Calls visit(Api<...>{}) for the API of that key and returns true; false when it is not served. Since visit must take
/// every row's type, a handler that is missing is a compile error:
///
///     with_api(frame.api->key, [&]<class A>(A) { serve<typename A::Request, typename A::Response>(frame); });
template <class Visit>
bool with_api(ApiKey key, Visit&& visit) {
    switch (key) {
#define KLOG_WIRE_CASE(number, name, Name, ...) \
    case ApiKey::name: visit(Api<Name##Request, Name##Response>{}); return true;
        KLOG_WIRE_CLIENT_APIS(KLOG_WIRE_CASE)
        KLOG_WIRE_CONTROLLER_APIS(KLOG_WIRE_CASE)
#undef KLOG_WIRE_CASE
        default: return false;
    }
}

/// Calls visit(Api<...>{}, "Name") for every declared API, served or not. For tests and tools.
template <class Visit>
void for_each_declared_api(Visit&& visit) {
#define KLOG_WIRE_VISIT(number, name, Name, ...) visit(Api<Name##Request, Name##Response>{}, #Name);
    KLOG_WIRE_CLIENT_APIS(KLOG_WIRE_VISIT)
    KLOG_WIRE_CONTROLLER_APIS(KLOG_WIRE_VISIT)
    KLOG_WIRE_UNSERVED_APIS(KLOG_WIRE_VISIT)
#undef KLOG_WIRE_VISIT
}

}  // namespace klog::wire
