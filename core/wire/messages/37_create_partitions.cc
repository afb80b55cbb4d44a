// SPDX-License-Identifier: Apache-2.0
#include "core/wire/messages/37_create_partitions.h"

#include "core/wire/visitors.h"

KLOG_WIRE_MESSAGE(CreatePartitionsRequest)
KLOG_WIRE_MESSAGE(CreatePartitionsResponse)
