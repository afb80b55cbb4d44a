// SPDX-License-Identifier: Apache-2.0
// The values of `listeners` and `advertised.listeners`: NAME://HOST:PORT, separated by commas. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/broker/config.h"
#include "core/net/stream.h"

namespace klog::broker {

struct ListenerAddress {
    std::string name;  // PLAINTEXT, INTERNAL ...
    std::string protocol;
    net::Address address;  // An empty host: every address of the machine.
};

/// invalid_config: what is wrong with which of them.
base::Result<std::vector<ListenerAddress>> parse_listeners(std::string_view value, std::string_view protocol_map);
base::Result<net::Address> parse_address(std::string_view text);

struct Endpoints {
    std::vector<ListenerAddress> listeners;
    std::vector<ListenerAddress> advertised;  // Of those that say; the others tell the address that was reached.
    std::vector<std::string> left_out;        // Names of listeners of KRaft's controllers: not served.
};
/// Of a configuration: names stand once, protocols are served, what is advertised is listened on.
base::Result<Endpoints> endpoints_of(const Config& config);

}  // namespace klog::broker
