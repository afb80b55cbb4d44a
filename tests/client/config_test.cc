// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "core/client/config.h"

using namespace klog::client;
using klog::base::Errc;
using klog::net::Address;

TEST_CASE("a bootstrap list has hosts, ports and IPv6 addresses") {
    CHECK(parse_bootstrap("a").value() == std::vector<Address>{{"a", 9092}});
    CHECK(parse_bootstrap("a:1,b:2 , c").value() == std::vector<Address>{{"a", 1}, {"b", 2}, {"c", 9092}});
    CHECK(parse_bootstrap("[::1]:19092,::1").value() == std::vector<Address>{{"::1", 19092}, {"::1", 9092}});
    CHECK(parse_bootstrap("PLAINTEXT://a:5").value() == std::vector<Address>{{"a", 5}});
    for (const auto* bad : {"", ",", "a:", "a:0", "a:70000", "a:x", "[::1", "[::1]x", ":9"})
        CHECK_MESSAGE(!parse_bootstrap(bad), bad);
}

TEST_CASE("properties go by the names of both clients and say what is wrong") {
    Config config;
    CHECK(set_property(config, "linger.ms", "7"));
    CHECK(config.linger_us == 7000);
    CHECK(set_property(config, "queue.buffering.max.ms", "8"));
    CHECK(config.linger_us == 8000);
    CHECK(set_property(config, "compression.type", "zstd:3"));
    CHECK((config.compression.codec == klog::records::Codec::zstd && config.compression.level == 3));
    CHECK(set_property(config, "acks", "1"));
    CHECK(config.acks == 1);
    CHECK(set_property(config, "lingr.ms", "7").error().code == Errc::not_found);
    CHECK(set_property(config, "linger.ms", "x").error().message.find("linger.ms") == 0);
    CHECK_FALSE(set_property(config, "max.in.flight", "6"));
    CHECK_FALSE(set_property(config, "compression.type", "snappy:3"));
    CHECK_FALSE(set_property(config, "security.protocol", "SSL"));
}
