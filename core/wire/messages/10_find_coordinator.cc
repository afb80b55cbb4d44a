// SPDX-License-Identifier: Apache-2.0
#include "core/wire/messages/10_find_coordinator.h"

#include "core/wire/visitors.h"

KLOG_WIRE_MESSAGE(FindCoordinatorRequest)
KLOG_WIRE_MESSAGE(FindCoordinatorResponse)
