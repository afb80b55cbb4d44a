// SPDX-License-Identifier: Apache-2.0
#include "core/replica/high_watermark.h"

#include <algorithm>

namespace klog::replica {

base::Offset next_high_watermark(const HighWatermarkInput& input) {
    if (std::ssize(input.isr) < input.min_isr) return input.current;
    base::Offset smallest = input.own_end;
    for (const auto& members : {input.isr, input.proposed_isr}) {
        for (const base::NodeId member : members) {
            if (member == input.self) continue;
            const auto end = input.follower_ends.find(member);
            if (end == input.follower_ends.end()) return input.current;
            smallest = std::min(smallest, end->second);
        }
    }
    return std::max(smallest, input.current);
}

}  // namespace klog::replica
