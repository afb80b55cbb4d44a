// SPDX-License-Identifier: Apache-2.0
#include "core/base/crc32c.h"

#include <algorithm>

#include <isa-l/crc.h>

namespace klog::base {

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before) {
    // isa-l takes int lengths, a non-const pointer that it does not write to, and leaves the two inversions to us.
    constexpr std::size_t piece_bytes_max = 1u << 30;
    std::uint32_t crc = ~before;
    while (!bytes.empty()) {
        const std::size_t n = std::min(bytes.size(), piece_bytes_max);
        auto* data = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(bytes.data()));
        crc = crc32_iscsi(data, static_cast<int>(n), crc);
        bytes.remove_prefix(n);
    }
    return ~crc;
}

}  // namespace klog::base
