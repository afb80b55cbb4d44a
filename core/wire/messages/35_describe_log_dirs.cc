// SPDX-License-Identifier: Apache-2.0
#include "core/wire/messages/35_describe_log_dirs.h"

#include "core/wire/visitors.h"

KLOG_WIRE_MESSAGE(DescribeLogDirsRequest)
KLOG_WIRE_MESSAGE(DescribeLogDirsResponse)
