// SPDX-License-Identifier: Apache-2.0
// CRC-32C (Castagnoli), the checksum of record batches v2.
#pragma once

#include <cstdint>
#include <string_view>

namespace klog::base {

/// Extends the CRC of what came before (0 at the start) by these bytes.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

}  // namespace klog::base
