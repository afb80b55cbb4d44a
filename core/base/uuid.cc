// SPDX-License-Identifier: Apache-2.0
#include "core/base/uuid.h"

namespace klog::base {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

}  // namespace

std::string Uuid::to_string() const {
    std::string text;
    std::uint32_t bits = 0;
    int count = 0;
    for (const std::uint8_t octet : octets) {
        bits = bits << 8 | octet;
        for (count += 8; count >= 6; count -= 6) text += alphabet[bits >> (count - 6) & 63];
    }
    return text += alphabet[bits << (6 - count) & 63];
}

std::optional<Uuid> Uuid::parse(std::string_view text) {
    if (text.size() != 22) return std::nullopt;
    Uuid id;
    std::uint32_t bits = 0;
    int count = 0;
    std::size_t at = 0;
    for (const char c : text) {
        const auto digit = alphabet.find(c);
        if (digit == std::string_view::npos) return std::nullopt;
        bits = bits << 6 | static_cast<std::uint32_t>(digit);
        count += 6;
        if (count >= 8) id.octets[at++] = static_cast<std::uint8_t>(bits >> (count -= 8));
    }
    if ((bits & 15) != 0) return std::nullopt;  // Four bits are left over and must be zero.
    return id;
}

Uuid Uuid::random(Random& random) {
    for (;;) {
        const std::uint64_t words[2] = {random.next(), random.next()};
        Uuid id;
        std::memcpy(id.octets.data(), words, sizeof words);
        id.octets[6] = static_cast<std::uint8_t>((id.octets[6] & 0x0f) | 0x40);
        id.octets[8] = static_cast<std::uint8_t>((id.octets[8] & 0x3f) | 0x80);
        if (id.to_string().front() != '-') return id;
    }
}

}  // namespace klog::base
