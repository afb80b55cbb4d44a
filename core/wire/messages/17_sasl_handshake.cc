// SPDX-License-Identifier: Apache-2.0
#include "core/wire/messages/17_sasl_handshake.h"

#include "core/wire/visitors.h"

KLOG_WIRE_MESSAGE(SaslHandshakeRequest)
KLOG_WIRE_MESSAGE(SaslHandshakeResponse)
