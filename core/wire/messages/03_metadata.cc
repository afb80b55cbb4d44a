// SPDX-License-Identifier: Apache-2.0
#include "core/wire/messages/03_metadata.h"

#include "core/wire/visitors.h"

KLOG_WIRE_MESSAGE(MetadataRequest)
KLOG_WIRE_MESSAGE(MetadataResponse)
