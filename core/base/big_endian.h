// SPDX-License-Identifier: Apache-2.0
// Big-endian integers in byte buffers: Kafka's wire and files.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>

namespace klog::base {

template <std::integral I>
constexpr I big_endian(I x) {
    static_assert(std::endian::native == std::endian::little);
    if constexpr (sizeof(I) == 1)
        return x;
    else
        return std::byteswap(x);
}

/// The caller has checked that sizeof(I) bytes are there.
template <std::integral I>
I load_big(const char* from) {
    I x;
    std::memcpy(&x, from, sizeof x);
    return big_endian(x);
}

template <std::integral I>
void store_big(char* to, I x) {
    x = big_endian(x);
    std::memcpy(to, &x, sizeof x);
}

}  // namespace klog::base
