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
}

namespace {

/// What is wrong with these properties together; "" when nothing is.
std::string fault(std::initializer_list<std::pair<const char*, const char*>> properties) {
    Config config;
    for (const auto& [name, value] : properties)
        if (auto set = set_property(config, name, value); !set) return set.error().message;
    const auto prepared = prepare(config.security);
    return prepared ? "" : prepared.error().message;
}
bool has(const std::string& words, std::string_view part) { return words.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("the security protocol says whether there is TLS and a login, and what that needs is asked for") {
    for (const auto* protocol : {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL", "sasl_ssl"}) {
        Config config;
        CHECK(set_property(config, "security.protocol", protocol));
        const std::string_view text(protocol);
        CHECK(config.security.tls == (text.ends_with("SSL") || text.ends_with("ssl")));
        CHECK(config.security.sasl == (protocol[1] == 'A' || protocol[1] == 'a'));
    }
    CHECK(has(fault({{"security.protocol", "SSH"}}), "SASL_SSL"));
    CHECK(fault({{"security.protocol", "PLAINTEXT"}, {"sasl.username", "unused"}}) == "");
    CHECK(has(fault({{"security.protocol", "SASL_PLAINTEXT"}}), "sasl.mechanism"));
    CHECK(has(fault({{"security.protocol", "SASL_SSL"}, {"sasl.mechanisms", "PLAIN"}}), "sasl.username"));
    CHECK(has(fault({{"sasl.mechanism", "OAUTHBEARER"}}), "SCRAM-SHA-512"));
    CHECK(has(fault({{"security.protocol", "SSL"}, {"ssl.ca.location", "/nowhere/ca.pem"}}), "/nowhere/ca.pem"));
    CHECK(has(fault({{"ssl.truststore.type", "JKS"}}), "keytool"));
    CHECK(has(fault({{"ssl.endpoint.identification.algorithm", "maybe"}}), "https"));
    CHECK(fault({{"ssl.endpoint.identification.algorithm", ""}, {"enable.ssl.certificate.verification", "false"}}) ==
          "");
}

TEST_CASE("Java's sasl.jaas.config is read, and not repeated when it is wrong") {
    Config config;
    CHECK(set_property(config, "sasl.jaas.config",
                       "org.apache.kafka.common.security.scram.ScramLoginModule  required\n username=\"al\\\"ice\" "
                       "password='s=e;c ret' ;"));
    CHECK(config.security.username == "al\"ice");
    CHECK(config.security.password.reveal() == "s=e;c ret");
    CHECK(has(fault({{"security.protocol", "SASL_PLAINTEXT"},
                     {"sasl.mechanism", "PLAIN"},
                     {"sasl.jaas.config", "x.ScramLoginModule required username=u password=p;"}}),
              "is for another"));
    // A module for PLAIN alone says enough.
    CHECK(fault({{"security.protocol", "SASL_PLAINTEXT"},
                 {"sasl.jaas.config", "x.PlainLoginModule required username=u password=p;"}}) == "");
    for (const auto* wrong :
         {"", "hunter2", "x.Krb5LoginModule required password=hunter2;",
          "x.PlainLoginModule username=u password=hunter2;", "x.PlainLoginModule required username password=hunter2;",
          "x.PlainLoginModule required password=\"hunter2;", "x.PlainLoginModule required hunter2",
          "x.PlainLoginModule required password=;"}) {
        const std::string words = fault({{"sasl.jaas.config", wrong}});
        CHECK_MESSAGE(has(words, "it is like"), wrong);
        CHECK_FALSE(has(words, "hunter2"));
    }
}
