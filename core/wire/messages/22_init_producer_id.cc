// SPDX-License-Identifier: Apache-2.0
#include "core/wire/messages/22_init_producer_id.h"

#include "core/wire/visitors.h"

KLOG_WIRE_MESSAGE(InitProducerIdRequest)
KLOG_WIRE_MESSAGE(InitProducerIdResponse)
