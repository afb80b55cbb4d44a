// SPDX-License-Identifier: Apache-2.0
#include "cmd/connection_options.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "cmd/nearest.h"
#include "core/broker/properties.h"

namespace klog::cmd {
namespace {

using base::Errc;
using base::fail;
using base::Result;

std::string_view trim(std::string_view text) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
    return text;
}

Result<> set(client::Config& config, std::string_view name, std::string_view value) {
    auto done = client::set_property(config, name, value);
    if (done || done.error().code != Errc::not_found) return done;
    std::vector<std::string_view> known;
    for (const client::Property& property : client::properties()) {
        std::string_view rest = property.names;
        while (!rest.empty()) {
            const std::string_view one = rest.substr(0, rest.find(' '));
            known.push_back(one);
            rest.remove_prefix(std::min(one.size() + 1, rest.size()));
        }
    }
    return fail(Errc::invalid_argument, "{}{}", done.error().message, did_you_mean(name, known));
}

Result<> set_pair(client::Config& config, std::string_view pair) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos)  // What follows the key may be a password.
        return fail(Errc::invalid_argument, "'{}' is not key=value", pair.substr(0, pair.find_first_of(" \t:")));
    return set(config, trim(pair.substr(0, equals)), trim(pair.substr(equals + 1)));
}

/// By Java's rules, as it is a file of Java's clients too.
Result<> read_file(client::Config& config, const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    if (!file) return fail(Errc::invalid_argument, "cannot read {}", path);
    const auto read = broker::parse_properties(text.str(), path);
    if (!read) return fail(Errc::invalid_argument, "{}", read.error().message);
    for (const broker::Property& property : *read) {
        Result<> done = set(config, property.key, trim(property.value));
        if (property.bare) done = fail(Errc::invalid_argument, "not key=value");  // It may be part of a password.
        if (!done) return fail(Errc::invalid_argument, "{}:{}: {}", path, property.line, done.error().message);
    }
    return {};
}

}  // namespace

void add_connection_options(Options& options, ConnectionOptions& into) {
    options.add({"-b,--bootstrap,--bootstrap-server,--brokers", "HOST[:PORT],...",
                 "brokers to begin with (KLOG_BROKERS; localhost:9092)", "Cluster"},
                into.bootstrap);
    options.add({"-X", "KEY=VALUE", "a client property by its Java or librdkafka name", "Cluster"}, into.properties);
    options.add({"--client-config,--command-config", "FILE", "client properties from a .properties file", "Cluster"},
                into.client_config);
}

Result<client::Config> client_config(const ConnectionOptions& options, client::Config start) {
    client::Config config = std::move(start);
    if (const char* brokers = std::getenv("KLOG_BROKERS"); brokers != nullptr && *brokers != '\0') {
        auto parsed = client::parse_bootstrap(brokers);
        if (!parsed) return fail(Errc::invalid_argument, "KLOG_BROKERS: {}", parsed.error().message);
        config.bootstrap = std::move(*parsed);
    }
    if (options.client_config) KLOG_TRY_VOID(read_file(config, *options.client_config));
    for (const std::string& pair : options.properties) KLOG_TRY_VOID(set_pair(config, pair));
    if (options.bootstrap) {
        KLOG_TRY(config.bootstrap, client::parse_bootstrap(*options.bootstrap));
    }
    KLOG_TRY_VOID(client::prepare(config.security));
    return config;
}

}  // namespace klog::cmd
