// SPDX-License-Identifier: Apache-2.0
// Which partition a record without one goes to. One per producer and topic, on the producer's shard; pure but for the
// random numbers that it is handed.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/base/random.h"
#include "core/base/types.h"
#include "core/client/config.h"

namespace klog::client {

/// Java's murmur2 (org.apache.kafka.common.utils.Utils): seed 0x9747b28c.
std::uint32_t murmur2(std::string_view bytes);
/// The CRC-32 of zlib, which librdkafka's partitioners use.
std::uint32_t crc32(std::string_view bytes);

class PartitionChooser {
public:
    PartitionChooser(Partitioner how, base::Random random) : how_(how), random_(random) {}

    /// `partitions`: their number, over 0. `available`: those with a leader, for records that may go anywhere; empty
    /// means all.
    base::PartitionId choose(std::optional<std::string_view> key, std::int32_t partitions,
                             const std::vector<base::PartitionId>& available);

    /// The batch of the sticky partition went: the next record may go elsewhere.
    void batch_closed(base::PartitionId partition) {
        if (sticky_ == partition) sticky_.reset();
    }

private:
    base::PartitionId any(std::int32_t partitions, const std::vector<base::PartitionId>& available);
    base::PartitionId stick(std::int32_t partitions, const std::vector<base::PartitionId>& available);

    Partitioner how_;
    base::Random random_;
    std::optional<base::PartitionId> sticky_;
    std::optional<base::PartitionId> last_sticky_;
    std::uint32_t turn_ = 0;
};

}  // namespace klog::client
