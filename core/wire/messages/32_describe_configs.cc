// SPDX-License-Identifier: Apache-2.0
#include "core/wire/messages/32_describe_configs.h"

#include "core/wire/visitors.h"

KLOG_WIRE_MESSAGE(DescribeConfigsRequest)
KLOG_WIRE_MESSAGE(DescribeConfigsResponse)
