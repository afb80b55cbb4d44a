// SPDX-License-Identifier: Apache-2.0
#include "core/wire/messages/44_incremental_alter_configs.h"

#include "core/wire/visitors.h"

KLOG_WIRE_MESSAGE(IncrementalAlterConfigsRequest)
KLOG_WIRE_MESSAGE(IncrementalAlterConfigsResponse)
