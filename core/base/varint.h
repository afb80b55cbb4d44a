// SPDX-License-Identifier: Apache-2.0
// Zigzag varints of the record format (KIP-98, org.apache.kafka.common.utils.ByteUtils).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace klog::base {

inline constexpr std::size_t varint_bytes_max = 10;

constexpr std::uint64_t zigzag(std::int64_t x) {
    return (static_cast<std::uint64_t>(x) << 1) ^ static_cast<std::uint64_t>(x >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t x) {
    return static_cast<std::int64_t>(x >> 1) ^ -static_cast<std::int64_t>(x & 1);
}

constexpr std::size_t uvarint_size(std::uint64_t x) {
    return x == 0 ? 1 : (static_cast<std::size_t>(std::bit_width(x)) + 6) / 7;
}
constexpr std::size_t varint_size(std::int64_t x) { return uvarint_size(zigzag(x)); }

/// Writes at `to`, which has room for varint_bytes_max; returns the end of what was written.
inline char* write_uvarint(char* to, std::uint64_t x) {
    for (; x >= 0x80; x >>= 7) *to++ = static_cast<char>(x | 0x80);
    *to++ = static_cast<char>(x);
    return to;
}
inline char* write_varint(char* to, std::int64_t x) { return write_uvarint(to, zigzag(x)); }

/// Takes one varint from the front of `bytes`. False: it is cut off, or longer than `bits` bits (32 or 64) allow.
inline bool take_uvarint(std::string_view& bytes, std::uint64_t& out, int bits = 64) {
    std::uint64_t x = 0;
    const int bytes_max = (bits + 6) / 7;
    for (int i = 0; i < bytes_max; ++i) {
        if (static_cast<std::size_t>(i) >= bytes.size()) return false;
        const auto b = static_cast<std::uint8_t>(bytes[static_cast<std::size_t>(i)]);
        if (i == bytes_max - 1 && (b >> (bits - 7 * i)) != 0) return false;
        x |= static_cast<std::uint64_t>(b & 0x7f) << (7 * i);
        if (b < 0x80) {
            bytes.remove_prefix(static_cast<std::size_t>(i) + 1);
            out = x;
            return true;
        }
    }
    return false;
}
inline bool take_varint(std::string_view& bytes, std::int64_t& out, int bits = 64) {
    std::uint64_t x = 0;
    if (!take_uvarint(bytes, x, bits)) return false;
    out = unzigzag(x);
    return true;
}

}  // namespace klog::base
