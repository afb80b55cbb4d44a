// SPDX-License-Identifier: Apache-2.0
#include "core/net/stream.h"

#include <fmt/format.h>

namespace klog::net {

std::string Address::to_string() const {
    return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

}  // namespace klog::net
