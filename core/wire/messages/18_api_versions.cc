// SPDX-License-Identifier: Apache-2.0
#include "core/wire/messages/18_api_versions.h"

#include "core/wire/visitors.h"

KLOG_WIRE_MESSAGE(ApiVersionsRequest)
KLOG_WIRE_MESSAGE(ApiVersionsResponse)
