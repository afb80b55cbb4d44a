// SPDX-License-Identifier: Apache-2.0
#include "core/wire/messages/offset_commit_record.h"

#include "core/wire/visitors.h"

KLOG_WIRE_MESSAGE(LegacyOffsetCommitKey)
KLOG_WIRE_MESSAGE(LegacyOffsetCommitValue)
KLOG_WIRE_MESSAGE(OffsetCommitKey)
KLOG_WIRE_MESSAGE(OffsetCommitValue)
