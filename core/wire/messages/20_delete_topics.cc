// SPDX-License-Identifier: Apache-2.0
#include "core/wire/messages/20_delete_topics.h"

#include "core/wire/visitors.h"

KLOG_WIRE_MESSAGE(DeleteTopicsRequest)
KLOG_WIRE_MESSAGE(DeleteTopicsResponse)
