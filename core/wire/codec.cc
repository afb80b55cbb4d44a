// SPDX-License-Identifier: Apache-2.0
#include "core/wire/codec.h"

namespace klog::wire {

base::Error to_error(const DecodeError& why, std::string_view decoded) {
    if (why.field[0] == '\0') {
        return {base::Errc::corrupt, fmt::format("{}: {} at byte {}", decoded, why.what, why.offset)};
    }
    return {base::Errc::corrupt, fmt::format("{}: {}: {} at byte {}", decoded, why.field, why.what, why.offset)};
}

}  // namespace klog::wire
