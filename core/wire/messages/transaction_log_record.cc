// SPDX-License-Identifier: Apache-2.0
#include "core/wire/messages/transaction_log_record.h"

#include "core/wire/visitors.h"

KLOG_WIRE_MESSAGE(TransactionLogKey)
KLOG_WIRE_MESSAGE(TransactionLogValue)
