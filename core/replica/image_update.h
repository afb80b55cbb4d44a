// SPDX-License-Identifier: Apache-2.0
// What an UpdateMetadata request makes of a cluster image. Pure.
#pragma once

#include "core/base/error.h"
#include "core/meta/image.h"

namespace klog::wire {
struct UpdateMetadataRequest;
}

namespace klog::replica {

/// A partition's index in a request is believed up to here.
inline constexpr std::int32_t partitions_believed_max = 1'000'000;
/// The request's `type` that lists everything there is.
inline constexpr std::int8_t full_request = 2;

/// invalid_argument: the request is grouped as only versions before 5 are, or names an impossible partition.
base::Result<> apply(meta::Image::Change& change, const wire::UpdateMetadataRequest& request);

}  // namespace klog::replica
