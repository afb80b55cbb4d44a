// SPDX-License-Identifier: Apache-2.0
#include "core/wire/messages/consumer_protocol.h"

#include "core/wire/visitors.h"

KLOG_WIRE_MESSAGE(ConsumerProtocolSubscription)
KLOG_WIRE_MESSAGE(ConsumerProtocolAssignment)
