// SPDX-License-Identifier: Apache-2.0
#include "core/wire/messages/33_alter_configs.h"

#include "core/wire/visitors.h"

KLOG_WIRE_MESSAGE(AlterConfigsRequest)
KLOG_WIRE_MESSAGE(AlterConfigsResponse)
