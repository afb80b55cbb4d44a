// SPDX-License-Identifier: Apache-2.0
#include "core/wire/messages/19_create_topics.h"

#include "core/wire/visitors.h"

KLOG_WIRE_MESSAGE(CreateTopicsRequest)
KLOG_WIRE_MESSAGE(CreateTopicsResponse)
