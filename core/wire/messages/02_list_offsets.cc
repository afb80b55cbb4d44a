// SPDX-License-Identifier: Apache-2.0
#include "core/wire/messages/02_list_offsets.h"

#include "core/wire/visitors.h"

KLOG_WIRE_MESSAGE(ListOffsetsRequest)
KLOG_WIRE_MESSAGE(ListOffsetsResponse)
