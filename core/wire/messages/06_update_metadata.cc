// SPDX-License-Identifier: Apache-2.0
#include "core/wire/messages/06_update_metadata.h"

#include "core/wire/visitors.h"

KLOG_WIRE_MESSAGE(UpdateMetadataRequest)
KLOG_WIRE_MESSAGE(UpdateMetadataResponse)
