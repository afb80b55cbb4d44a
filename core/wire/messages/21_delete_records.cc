// SPDX-License-Identifier: Apache-2.0
#include "core/wire/messages/21_delete_records.h"

#include "core/wire/visitors.h"

KLOG_WIRE_MESSAGE(DeleteRecordsRequest)
KLOG_WIRE_MESSAGE(DeleteRecordsResponse)
