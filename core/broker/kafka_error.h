// SPDX-License-Identifier: Apache-2.0
// From klog's errors to Kafka's: the one mapping. Clients act on the exact code.
#pragma once

#include "core/base/error.h"
#include "core/wire/errors.h"

namespace klog::broker {

/// What a client is told, where the handler knows nothing more exact.
wire::ErrorCode kafka_error(base::Errc code);
inline wire::ErrorCode kafka_error(const base::Error& error) { return kafka_error(error.code); }

template <class T>
wire::ErrorCode kafka_error(const base::Result<T>& result) {
    return result ? wire::ErrorCode::none : kafka_error(result.error());
}

}  // namespace klog::broker
