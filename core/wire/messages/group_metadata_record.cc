// SPDX-License-Identifier: Apache-2.0
#include "core/wire/messages/group_metadata_record.h"

#include "core/wire/visitors.h"

KLOG_WIRE_MESSAGE(GroupMetadataKey)
KLOG_WIRE_MESSAGE(GroupMetadataValue)
