// SPDX-License-Identifier: Apache-2.0
// The types that fields of messages have, under the names that declarations use for them.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/types.h"
#include "core/base/uuid.h"
#include "core/wire/codec.h"
#include "core/wire/errors.h"
#include "core/wire/records.h"

namespace klog::wire {

using base::BrokerEpoch;
using base::ControllerEpoch;
using base::LeaderEpoch;
using base::NodeId;
using base::Offset;
using base::PartitionId;
using base::ProducerEpoch;
using base::ProducerId;
using base::TimestampMs;
using base::Uuid;

}  // namespace klog::wire
