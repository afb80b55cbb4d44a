// SPDX-License-Identifier: Apache-2.0
#include "core/wire/messages/60_describe_cluster.h"

#include "core/wire/visitors.h"

KLOG_WIRE_MESSAGE(DescribeClusterRequest)
KLOG_WIRE_MESSAGE(DescribeClusterResponse)
