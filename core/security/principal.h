// SPDX-License-Identifier: Apache-2.0
// Who asks: the identity that a connection has proved, and where it came in. A value; it lives with its connection and
// every request of it carries it.
#pragma once

#include <string>

namespace klog::security {

/// As Kafka's KafkaPrincipal: "User:alice".
struct Principal {
    std::string type = "User";
    std::string name = "ANONYMOUS";  // Who has proved nothing.

    bool operator==(const Principal&) const = default;
    std::string to_string() const { return type + ":" + name; }
};

/// A connection, as authorization sees it.
struct Identity {
    Principal principal;
    std::string listener;  // The name of the listener that accepted it: PLAINTEXT, INTERNAL ...
    std::string host;      // The address it came from.
};

}  // namespace klog::security
