// SPDX-License-Identifier: Apache-2.0
#include "core/client/config.h"

#include <algorithm>
#include <charconv>

namespace klog::client {
namespace {

using base::Errc;
using base::fail;
using base::Result;

Result<std::int64_t> whole(std::string_view text, std::int64_t least, std::int64_t most) {
    std::int64_t number = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || error != std::errc{} || stop != text.data() + text.size())
        return fail(Errc::invalid_argument, "'{}' is not a whole number", text);
    if (number < least || number > most)
        return fail(Errc::invalid_argument, "{} is not between {} and {}", number, least, most);
    return number;
}

Result<bool> truth(std::string_view text) {
    if (text == "true") return true;
    if (text == "false") return false;
    return fail(Errc::invalid_argument, "'{}' is neither true nor false", text);
}

constexpr std::int64_t int_max = INT32_MAX;

template <Result<> (*set)(Security&, std::string_view)>
Result<> secure(Config& config, std::string_view value) {
    return set(config.security, value);
}
template <std::string net::TlsOptions::* member>
Result<> set_tls(Config& config, std::string_view value) {
    config.security.tls_options.*member = value;
    return {};
}
template <base::Secret Security::* member>
Result<> set_secret(Config& config, std::string_view value) {
    config.security.*member = base::Secret(std::string(value));
    return {};
}
template <bool net::TlsOptions::* member>
Result<> set_check(Config& config, std::string_view value) {
    KLOG_TRY(config.security.tls_options.*member, truth(value));
    return {};
}

template <std::int64_t Config::* member, std::int64_t least = 0, std::int64_t most = int_max, std::int64_t unit = 1>
Result<> set_number(Config& config, std::string_view value) {
    KLOG_TRY(const std::int64_t number, whole(value, least, most));
    config.*member = number * unit;
    return {};
}

Result<> set_level(Config& config, records::Codec codec, std::string_view value) {
    KLOG_TRY(const std::int64_t level, whole(value, -131'072, 22));
    if (!records::Compression::valid_level(codec, static_cast<int>(level)))
        return fail(Errc::invalid_argument, "{} has no level {}", name_of(codec), level);
    if (config.compression.codec == codec) config.compression.level = static_cast<int>(level);
    return {};
}

constexpr Property table[] = {
    {"bootstrap.servers metadata.broker.list", "where to find the cluster: host:port,...",
     [](Config& c, std::string_view v) -> Result<> {
         KLOG_TRY(c.bootstrap, parse_bootstrap(v));
         return {};
     }},
    {"client.id", "the name that brokers see",
     [](Config& c, std::string_view v) -> Result<> { return c.client_id = v, Result<>{}; }},
    {"client.rack", "the rack of this client",
     [](Config& c, std::string_view v) -> Result<> { return c.rack = v, Result<>{}; }},
    {"request.timeout.ms socket.timeout.ms", "how long a broker may take to answer",
     set_number<&Config::request_timeout_ms, 1>},
    {"socket.connection.setup.timeout.ms", "how long a connection may take",
     set_number<&Config::connect_timeout_ms, 1>},
    {"retry.backoff.ms", "the first pause before trying again", set_number<&Config::retry_backoff_ms, 1>},
    {"retry.backoff.max.ms", "the longest pause", set_number<&Config::retry_backoff_max_ms, 1>},
    {"metadata.max.age.ms topic.metadata.refresh.interval.ms", "when to look at the cluster again",
     set_number<&Config::metadata_max_age_ms, 1>},
    {"max.block.ms", "how long to wait for a topic, a leader or an answer",
     set_number<&Config::metadata_timeout_ms, 1>},

    {"acks request.required.acks", "0, 1 or all",
     [](Config& c, std::string_view v) -> Result<> {
         KLOG_TRY(c.acks, parse_acks(v));
         return {};
     }},
    {"enable.idempotence", "no duplicates when sending again",
     [](Config& c, std::string_view v) -> Result<> {
         KLOG_TRY(c.idempotent, truth(v));
         return {};
     }},
    {"batch.size", "bytes of a batch before compression", set_number<&Config::batch_bytes, 1, 1 << 30>},
    {"batch.num.messages", "records of a batch", set_number<&Config::batch_records, 1>},
    {"linger.ms queue.buffering.max.ms", "how long a batch waits for more",
     set_number<&Config::linger_us, 0, 900'000, 1000>},
    {"buffer.memory", "bytes of records that are not acknowledged yet",
     set_number<&Config::buffer_memory, 1, 1LL << 40>},
    {"queue.buffering.max.kbytes", "the same in KiB", set_number<&Config::buffer_memory, 1, int_max, 1024>},
    {"max.request.size message.max.bytes", "bytes of a request", set_number<&Config::request_bytes_max, 1000, 1 << 30>},
    {"max.in.flight.requests.per.connection max.in.flight", "requests that a broker has not answered; at most 5",
     set_number<&Config::in_flight_max, 1, 5>},
    {"delivery.timeout.ms message.timeout.ms", "when a record is given up",
     set_number<&Config::delivery_timeout_ms, 1>},
    {"compression.type compression.codec", "none, gzip, snappy, lz4 or zstd, and :LEVEL",
     [](Config& c, std::string_view v) -> Result<> {
         KLOG_TRY(c.compression, parse_compression(v));
         return {};
     }},
    {"compression.gzip.level", "gzip's level; after compression.type",
     [](Config& c, std::string_view v) { return set_level(c, records::Codec::gzip, v); }},
    {"compression.lz4.level", "lz4's level; after compression.type",
     [](Config& c, std::string_view v) { return set_level(c, records::Codec::lz4, v); }},
    {"compression.zstd.level", "zstd's level; after compression.type",
     [](Config& c, std::string_view v) { return set_level(c, records::Codec::zstd, v); }},
    {"compression.level", "the level of the codec; after compression.type",
     [](Config& c, std::string_view v) { return set_level(c, c.compression.codec, v); }},
    {"partitioner", "murmur2, crc32, sticky, round-robin or random",
     [](Config& c, std::string_view v) -> Result<> {
         KLOG_TRY(c.partitioner, parse_partitioner(v));
         return {};
     }},

    {"isolation.level", "read_committed or read_uncommitted",
     [](Config& c, std::string_view v) -> Result<> {
         if (v == "read_committed")
             c.isolation = Isolation::read_committed;
         else if (v == "read_uncommitted")
             c.isolation = Isolation::read_uncommitted;
         else
             return fail(Errc::invalid_argument, "'{}' is neither read_committed nor read_uncommitted", v);
         return {};
     }},
    {"fetch.min.bytes", "what a broker waits for", set_number<&Config::fetch_min_bytes>},
    {"fetch.max.bytes", "bytes of an answer", set_number<&Config::fetch_max_bytes, 1>},
    {"max.partition.fetch.bytes fetch.message.max.bytes", "bytes of an answer per partition",
     set_number<&Config::fetch_partition_bytes, 1>},
    {"fetch.max.wait.ms fetch.wait.max.ms", "how long a broker waits", set_number<&Config::fetch_wait_ms>},
    {"queued.max.messages.kbytes", "KiB fetched ahead", set_number<&Config::prefetch_bytes, 1, int_max, 1024>},
    {"security.protocol", "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL", secure<set_protocol>},
    {"sasl.mechanism sasl.mechanisms", "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512", secure<set_mechanism>},
    {"sasl.username", "who logs in",
     [](Config& c, std::string_view v) -> Result<> { return c.security.username = v, Result<>{}; }},
    {"sasl.password", "and the password", set_secret<&Security::password>},
    {"sasl.jaas.config", "both as Java has them: a PlainLoginModule or ScramLoginModule", secure<set_jaas>},
    {"ssl.ca.location ssl.truststore.location", "whom to trust: a file, PEM or PKCS #12",
     set_tls<&net::TlsOptions::trust_file>},
    {"ssl.truststore.type", "PEM or PKCS12; the file's content tells", secure<set_store_type>},
    {"ssl.truststore.password", "of a PKCS #12 file",
     [](Config& c, std::string_view v) -> Result<> {
         return c.security.tls_options.trust_password = base::Secret(std::string(v)), Result<>{};
     }},
    {"ssl.truststore.certificates ssl.ca.pem", "whom to trust, as PEM", set_tls<&net::TlsOptions::trust_pem>},
    {"ssl.certificate.location ssl.keystore.location", "our own certificate, with its key or without: a file",
     set_tls<&net::TlsOptions::certificate_file>},
    {"ssl.key.location", "the key: a file", set_tls<&net::TlsOptions::key_file>},
    {"ssl.keystore.type", "PEM or PKCS12; the file's content tells", secure<set_store_type>},
    {"ssl.keystore.password", "of a PKCS #12 file", set_secret<&Security::keystore_password>},
    {"ssl.key.password", "of the key", set_secret<&Security::key_password>},
    {"ssl.keystore.certificate.chain ssl.certificate.pem", "our own certificate, as PEM",
     set_tls<&net::TlsOptions::certificate_pem>},
    {"ssl.keystore.key ssl.key.pem", "its key, as PEM",
     [](Config& c, std::string_view v) -> Result<> {
         return c.security.tls_options.key_pem = base::Secret(std::string(v)), Result<>{};
     }},
    {"enable.ssl.certificate.verification", "whether brokers' certificates are checked",
     set_check<&net::TlsOptions::verify_certificate>},
    {"ssl.endpoint.identification.algorithm", "https: a broker's certificate must name its host; none",
     secure<set_host_check>},

    {"check.crcs", "check the CRC of what was fetched",
     [](Config& c, std::string_view v) -> Result<> {
         KLOG_TRY(c.check_crcs, truth(v));
         return {};
     }},
};

bool has_name(const Property& property, std::string_view name) {
    std::string_view rest = property.names;
    while (!rest.empty()) {
        const std::string_view one = rest.substr(0, rest.find(' '));
        if (one == name) return true;
        rest.remove_prefix(std::min(one.size() + 1, rest.size()));
    }
    return false;
}

Result<net::Address> parse_address(std::string_view text) {
    std::string_view host = text, port;
    if (text.starts_with('[')) {
        const std::size_t close = text.find(']');
        if (close == std::string_view::npos) return fail(Errc::invalid_argument, "'{}' has no closing bracket", text);
        host = text.substr(1, close - 1);
        port = text.substr(close + 1);
        if (!port.empty() && !port.starts_with(':')) return fail(Errc::invalid_argument, "'{}' is not host:port", text);
        port.remove_prefix(std::min<std::size_t>(1, port.size()));
    } else if (std::count(text.begin(), text.end(), ':') == 1) {
        host = text.substr(0, text.find(':'));
        port = text.substr(text.find(':') + 1);
        if (port.empty()) return fail(Errc::invalid_argument, "'{}' has no port after the colon", text);
    }
    if (host.empty()) return fail(Errc::invalid_argument, "'{}' has no host", text);
    net::Address address{std::string(host), default_port};
    if (!port.empty()) {
        const auto number = whole(port, 1, 65'535);
        if (!number) return fail(Errc::invalid_argument, "'{}' is not a port", port);
        address.port = static_cast<std::uint16_t>(*number);
    }
    return address;
}

}  // namespace

Result<std::vector<net::Address>> parse_bootstrap(std::string_view text) {
    std::vector<net::Address> addresses;
    while (!text.empty()) {
        std::string_view one = text.substr(0, text.find(','));
        text.remove_prefix(std::min(one.size() + 1, text.size()));
        while (one.starts_with(' ')) one.remove_prefix(1);
        while (one.ends_with(' ')) one.remove_suffix(1);
        if (const std::size_t scheme = one.find("://"); scheme != std::string_view::npos) one.remove_prefix(scheme + 3);
        if (one.empty()) continue;
        KLOG_TRY(net::Address address, parse_address(one));
        addresses.push_back(std::move(address));
    }
    if (addresses.empty()) return fail(Errc::invalid_argument, "no address in '{}'", text);
    return addresses;
}

Result<Partitioner> parse_partitioner(std::string_view text) {
    if (text == "murmur2" || text == "murmur2_random" || text == "default") return Partitioner::murmur2;
    if (text == "crc32" || text == "consistent" || text == "consistent_random") return Partitioner::crc32;
    if (text == "sticky") return Partitioner::sticky;
    if (text == "round-robin" || text == "roundrobin") return Partitioner::round_robin;
    if (text == "random") return Partitioner::random;
    return fail(Errc::invalid_argument,
                "there is no partitioner '{}': it is murmur2, crc32, sticky, round-robin or random", text);
}

Result<records::Compression> parse_compression(std::string_view text) {
    const std::size_t colon = text.find(':');
    const auto codec = records::codec_named(text.substr(0, colon));
    if (!codec)
        return fail(Errc::invalid_argument, "there is no codec '{}': it is none, gzip, snappy, lz4 or zstd",
                    text.substr(0, colon));
    records::Compression compression(*codec);
    if (colon == std::string_view::npos) return compression;
    KLOG_TRY(const std::int64_t level, whole(text.substr(colon + 1), -131'072, 22));
    if (!records::Compression::valid_level(*codec, static_cast<int>(level)) || *codec == records::Codec::none ||
        *codec == records::Codec::snappy)
        return fail(Errc::invalid_argument, "{} has no level {}", name_of(*codec), level);
    compression.level = static_cast<int>(level);
    return compression;
}

Result<std::int16_t> parse_acks(std::string_view text) {
    if (text == "all" || text == "-1") return std::int16_t{-1};
    if (text == "0") return std::int16_t{0};
    if (text == "1") return std::int16_t{1};
    return fail(Errc::invalid_argument, "acks is 0, 1 or all, not '{}'", text);
}

std::span<const Property> properties() { return table; }

Result<> set_property(Config& config, std::string_view name, std::string_view value) {
    for (const Property& property : table) {
        if (!has_name(property, name)) continue;
        if (auto set = property.set(config, value); !set)
            return fail(set.error().code, "{}: {}", name, set.error().message);
        return {};
    }
    return fail(Errc::not_found, "there is no client property '{}'", name);
}

}  // namespace klog::client
