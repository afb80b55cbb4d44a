// SPDX-License-Identifier: Apache-2.0
#include "core/wire/messages/05_stop_replica.h"

#include "core/wire/visitors.h"

KLOG_WIRE_MESSAGE(StopReplicaRequest)
KLOG_WIRE_MESSAGE(StopReplicaResponse)
