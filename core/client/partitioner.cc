// SPDX-License-Identifier: Apache-2.0
#include "core/client/partitioner.h"

#include <cstring>

#include <zlib.h>

#include "core/base/check.h"

namespace klog::client {

using base::PartitionId;

std::uint32_t murmur2(std::string_view bytes) {
    constexpr std::uint32_t m = 0x5bd1e995;
    std::uint32_t h = 0x9747b28c ^ static_cast<std::uint32_t>(bytes.size());
    while (bytes.size() >= 4) {
        std::uint32_t k;
        std::memcpy(&k, bytes.data(), sizeof k);  // Little-endian, as this machine.
        k *= m;
        k ^= k >> 24;
        h = h * m ^ k * m;
        bytes.remove_prefix(4);
    }
    if (!bytes.empty()) {
        std::uint32_t tail = 0;
        std::memcpy(&tail, bytes.data(), bytes.size());
        h = (h ^ tail) * m;
    }
    h = (h ^ (h >> 13)) * m;
    return h ^ (h >> 15);
}

std::uint32_t crc32(std::string_view bytes) {
    return static_cast<std::uint32_t>(
        ::crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

PartitionId PartitionChooser::any(std::int32_t partitions, const std::vector<PartitionId>& available) {
    if (!available.empty()) return available[random_.below(available.size())];
    return {static_cast<std::int32_t>(random_.below(static_cast<std::uint64_t>(partitions)))};
}

PartitionId PartitionChooser::stick(std::int32_t partitions, const std::vector<PartitionId>& available) {
    if (!sticky_ || sticky_->value >= partitions) {
        sticky_ = any(partitions, available);
        // Somewhere else than before, when there is somewhere else.
        for (int tries = 0; sticky_ == last_sticky_ && tries < 3; ++tries) sticky_ = any(partitions, available);
        last_sticky_ = sticky_;
    }
    return *sticky_;
}

PartitionId PartitionChooser::choose(std::optional<std::string_view> key, std::int32_t partitions,
                                     const std::vector<PartitionId>& available) {
    KLOG_CHECK(partitions > 0);
    const auto count = static_cast<std::uint32_t>(partitions);
    switch (how_) {
        case Partitioner::murmur2:
            if (!key) return stick(partitions, available);
            return {static_cast<std::int32_t>((murmur2(*key) & 0x7fffffff) % count)};
        case Partitioner::crc32:
            if (!key || key->empty()) return any(partitions, available);
            return {static_cast<std::int32_t>(crc32(*key) % count)};
        case Partitioner::sticky: return stick(partitions, available);
        case Partitioner::round_robin:
            if (!available.empty()) return available[turn_++ % available.size()];
            return {static_cast<std::int32_t>(turn_++ % count)};
        case Partitioner::random: return any(partitions, available);
    }
    return {};
}

}  // namespace klog::client
