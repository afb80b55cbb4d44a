// SPDX-License-Identifier: Apache-2.0
#include "core/broker/endpoints.h"

#include <algorithm>
#include <charconv>

namespace klog::broker {
namespace {

using base::Errc;
using base::fail;

std::string upper(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return out;
}

/// Empty: the map does not have the name.
std::string protocol_of(std::string_view name, std::string_view protocol_map) {
    for (const std::string& pair : to_list(protocol_map)) {
        const std::size_t colon = pair.find(':');
        if (colon != std::string::npos && upper(pair.substr(0, colon)) == upper(name))
            return upper(std::string_view(pair).substr(colon + 1));
    }
    return {};
}

bool has(const std::vector<ListenerAddress>& listeners, std::string_view name) {
    return std::ranges::any_of(listeners, [&](const ListenerAddress& one) { return one.name == name; });
}

}  // namespace

base::Result<net::Address> parse_address(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return fail(Errc::invalid_config, "'{}' is not HOST:PORT", text);
    std::string_view host = text.substr(0, colon);
    const std::string_view digits = text.substr(colon + 1);
    if (host.starts_with('[') && host.ends_with(']'))
        host = host.substr(1, host.size() - 2);
    else if (host.find(':') != std::string_view::npos)
        return fail(Errc::invalid_config, "'{}': an IPv6 address stands in brackets, as in [::1]:9092", text);
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc{} || end != digits.data() + digits.size() || digits.empty())
        return fail(Errc::invalid_config, "'{}' has no port from 0 to 65535", text);
    return net::Address{std::string(host), port};
}

base::Result<std::vector<ListenerAddress>> parse_listeners(std::string_view value, std::string_view protocol_map) {
    std::vector<ListenerAddress> all;
    for (const std::string& one : to_list(value)) {
        const std::size_t slashes = one.find("://");
        if (slashes == std::string::npos || slashes == 0)
            return fail(Errc::invalid_config, "'{}' is not NAME://HOST:PORT", one);
        ListenerAddress listener;
        listener.name = upper(one.substr(0, slashes));
        listener.protocol = protocol_of(listener.name, protocol_map);
        if (listener.protocol.empty())
            return fail(Errc::invalid_config, "listener.security.protocol.map does not have {}", listener.name);
        KLOG_TRY(listener.address, parse_address(std::string_view(one).substr(slashes + 3)));
        all.push_back(std::move(listener));
    }
    return all;
}

base::Result<Endpoints> endpoints_of(const Config& config) {
    Endpoints out;
    const std::string_view map = config.must("listener.security.protocol.map");
    KLOG_TRY(auto listeners, parse_listeners(config.must("listeners"), map));
    // KRaft's controllers are no part of a broker here; files written for it name a listener for them.
    std::vector<std::string> left_out;
    if (const auto names = config.text("controller.listener.names")) left_out = to_list(upper(*names));
    for (ListenerAddress& listener : listeners) {
        if (std::ranges::find(left_out, listener.name) != left_out.end()) {
            out.left_out.push_back(listener.name);
            continue;
        }
        if (listener.protocol != "PLAINTEXT")
            return fail(Errc::invalid_config, "listener {}: {} is not served yet, only PLAINTEXT", listener.name,
                        listener.protocol);
        if (has(out.listeners, listener.name))
            return fail(Errc::invalid_config, "listener {} stands twice", listener.name);
        out.listeners.push_back(std::move(listener));
    }
    if (out.listeners.empty()) return fail(Errc::invalid_config, "there is no listener");
    const auto advertised = config.text("advertised.listeners");
    if (!advertised) return out;
    KLOG_TRY(auto told, parse_listeners(*advertised, map));
    for (ListenerAddress& one : told) {
        if (std::ranges::find(left_out, one.name) != left_out.end()) continue;
        if (!has(out.listeners, one.name))
            return fail(Errc::invalid_config, "advertised listener {} is not among the listeners", one.name);
        if (one.address.host.empty() || one.address.host == "0.0.0.0" || one.address.host == "::")
            return fail(Errc::invalid_config, "advertised listener {} names no host that clients could reach",
                        one.name);
        out.advertised.push_back(std::move(one));
    }
    return out;
}

}  // namespace klog::broker
