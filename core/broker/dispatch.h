// SPDX-License-Identifier: Apache-2.0
// From a frame to its handler and back to a frame, for every API but Produce, whose requests are served together
// (handlers/00_produce.h).
#pragma once

#include "core/base/chain.h"
#include "core/base/error.h"
#include "core/broker/broker_shard.h"
#include "core/wire/apis.h"

namespace klog::broker {

/// The body is decoded before the first suspension, which is all that must stay of the frame until then for pipelined
/// APIs; for the others it stays until the end. corrupt: the body is damaged; limit: the answer would be too large.
runtime::Task<base::Result<base::Chain>> dispatch(Call call, wire::RequestFrame frame);

/// The answer to ApiVersions in a version that is not served: in version 0, with UNSUPPORTED_VERSION and the range of
/// ApiVersions itself.
base::Chain unknown_api_versions(std::int32_t correlation_id);

}  // namespace klog::broker
