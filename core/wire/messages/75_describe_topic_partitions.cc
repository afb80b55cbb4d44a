// SPDX-License-Identifier: Apache-2.0
#include "core/wire/messages/75_describe_topic_partitions.h"

#include "core/wire/visitors.h"

KLOG_WIRE_MESSAGE(DescribeTopicPartitionsRequest)
KLOG_WIRE_MESSAGE(DescribeTopicPartitionsResponse)
