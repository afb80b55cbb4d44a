// SPDX-License-Identifier: Apache-2.0
// What a client can be told, under the names that Java's client and librdkafka use. A value: made on the command line,
// copied into the objects that need it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/client/security_config.h"
#include "core/net/stream.h"
#include "core/records/compression.h"

namespace klog::client {

inline constexpr std::uint16_t default_port = 9092;

enum class Isolation : std::int8_t { read_uncommitted = 0, read_committed = 1 };

/// How a record without a partition gets one.
enum class Partitioner {
    murmur2,      // Java's default: by murmur2 of the key; without a key, one partition after the other, a batch each.
    crc32,        // librdkafka's "consistent_random": by CRC-32 of the key; without a key, at random.
    sticky,       // One partition until its batch is full, whatever the key.
    round_robin,  // The next partition for each record.
    random,       // Any partition for each record.
};

struct Config {
    std::vector<net::Address> bootstrap = {{"localhost", default_port}};
    std::string client_id = "klog";
    std::int64_t request_timeout_ms = 30'000;
    std::int64_t connect_timeout_ms = 10'000;
    /// How long to go on trying when brokers of the bootstrap list refuse the first connection: one that was started a
    /// moment ago does not listen yet. 0: one try.
    std::int64_t bootstrap_patience_ms = 2000;
    std::int64_t retry_backoff_ms = 20;
    std::int64_t retry_backoff_max_ms = 1000;
    std::int64_t metadata_max_age_ms = 300'000;
    /// How long a call waits for a topic or a leader to be there, or for an answer.
    std::int64_t metadata_timeout_ms = 60'000;
    std::string rack;
    Security security;

    // Producer.
    std::int16_t acks = -1;  // -1: all in-sync replicas.
    bool idempotent = true;
    std::int64_t batch_bytes = 256 << 10;
    std::int64_t batch_records = 1'000'000;
    std::int64_t linger_us = 5000;
    std::int64_t buffer_memory = 32 << 20;
    std::int64_t request_bytes_max = 8 << 20;
    std::int64_t in_flight_max = 5;
    std::int64_t delivery_timeout_ms = 120'000;
    records::Compression compression;
    Partitioner partitioner = Partitioner::murmur2;

    // Consumer.
    Isolation isolation = Isolation::read_committed;
    std::int64_t fetch_min_bytes = 1;
    std::int64_t fetch_max_bytes = 16 << 20;
    std::int64_t fetch_partition_bytes = 4 << 20;
    std::int64_t fetch_wait_ms = 500;
    /// Fetched and not yet taken, over all partitions: beyond it no more is asked for.
    std::int64_t prefetch_bytes = 16 << 20;
    bool check_crcs = true;
};

/// "host", "host:port", "[::1]:9092", parted by commas.
base::Result<std::vector<net::Address>> parse_bootstrap(std::string_view text);

base::Result<Partitioner> parse_partitioner(std::string_view text);
/// "zstd", "gzip:9", "none".
base::Result<records::Compression> parse_compression(std::string_view text);
/// "0", "1", "all", "-1".
base::Result<std::int16_t> parse_acks(std::string_view text);

/// One property: all names that it goes by (Java's first), and what it means.
struct Property {
    std::string_view names;  // Parted by spaces.
    std::string_view help;
    base::Result<> (*set)(Config& config, std::string_view value);
};
std::span<const Property> properties();

/// Sets the property of that name. not_found: there is none; the caller names the nearest. Errors do not repeat a
/// secret.
base::Result<> set_property(Config& config, std::string_view name, std::string_view value);

}  // namespace klog::client
