// SPDX-License-Identifier: Apache-2.0
#include "core/wire/messages/23_offset_for_leader_epoch.h"

#include "core/wire/visitors.h"

KLOG_WIRE_MESSAGE(OffsetForLeaderEpochRequest)
KLOG_WIRE_MESSAGE(OffsetForLeaderEpochResponse)
