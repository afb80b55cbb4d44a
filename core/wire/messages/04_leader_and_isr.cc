// SPDX-License-Identifier: Apache-2.0
#include "core/wire/messages/04_leader_and_isr.h"

#include "core/wire/visitors.h"

KLOG_WIRE_MESSAGE(LeaderAndIsrRequest)
KLOG_WIRE_MESSAGE(LeaderAndIsrResponse)
