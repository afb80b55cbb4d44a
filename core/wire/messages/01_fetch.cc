// SPDX-License-Identifier: Apache-2.0
#include "core/wire/messages/01_fetch.h"

#include "core/wire/visitors.h"

KLOG_WIRE_MESSAGE(FetchRequest)
KLOG_WIRE_MESSAGE(FetchResponse)
