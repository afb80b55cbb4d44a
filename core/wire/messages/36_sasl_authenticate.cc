// SPDX-License-Identifier: Apache-2.0
#include "core/wire/messages/36_sasl_authenticate.h"

#include "core/wire/visitors.h"

KLOG_WIRE_MESSAGE(SaslAuthenticateRequest)
KLOG_WIRE_MESSAGE(SaslAuthenticateResponse)
