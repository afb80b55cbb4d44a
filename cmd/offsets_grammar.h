// SPDX-License-Identifier: Apache-2.0
// The one grammar for offsets, used by every subcommand that reads or moves positions:
//
//     start end stored N N:M N: :M +N -N ~N @T @T1:T2 @T: @:T :end   and a map of partitions: 0=10:20,2=end
//
// beginning, earliest and latest are understood too. Ranges are half open. T: see parse_time; after "@T1:" a bare
// duration counts from T1. Resolved against a cluster by client/position.h.
#pragma once

#include <string_view>

#include "core/base/error.h"
#include "core/base/types.h"
#include "core/client/position.h"

namespace klog::cmd {

using client::OffsetExpression;
using client::OffsetRange;
using client::Position;

base::Result<OffsetExpression> parse_offsets(std::string_view text, base::TimestampMs now_ms);

}  // namespace klog::cmd
