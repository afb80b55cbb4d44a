// SPDX-License-Identifier: Apache-2.0
#include "core/wire/messages/00_produce.h"

#include "core/wire/visitors.h"

KLOG_WIRE_MESSAGE(ProduceRequest)
KLOG_WIRE_MESSAGE(ProduceResponse)
