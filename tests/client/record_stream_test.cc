// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "core/client/record_stream.h"
#include "core/records/builder.h"

using namespace klog::client;
using klog::base::Errc;
using klog::base::Offset;
using klog::base::PartitionId;
using klog::base::ProducerEpoch;
using klog::base::ProducerId;
namespace records = klog::records;

namespace {

std::string batch(std::int64_t base, std::initializer_list<std::string_view> values, std::int64_t producer = -1,
                  records::Codec codec = records::Codec::none) {
    records::BatchBuilder::Options options;
    options.base_offset = Offset{base};
    options.compression = records::Compression(codec);
    options.transactional = producer >= 0;
    if (producer >= 0) options.producer = {ProducerId{producer}, ProducerEpoch{0}, 0};
    records::BatchBuilder builder(options);
    for (const auto value : values) builder.append({1000, std::nullopt, value, {}});
    return builder.build().value();
}
std::string marker(std::int64_t offset, std::int64_t producer, bool commit) {
    return records::build_end_transaction({commit, 0}, ProducerId{producer}, ProducerEpoch{0}, 1000, Offset{offset});
}

struct Reading {
    std::string values;
    std::optional<Errc> fault;
};
Reading read(const std::string& bytes, std::int64_t from, std::optional<std::int64_t> until,
             std::vector<AbortedTransaction> aborted, Isolation isolation = Isolation::read_committed) {
    Fetched fetched;
    fetched.where = {"t", PartitionId{0}};
    fetched.records = bytes;
    fetched.position = Offset{from};
    if (until) fetched.until = Offset{*until};
    fetched.aborted = std::move(aborted);
    RecordStream stream(std::move(fetched), true, isolation);
    Reading reading;
    StreamRecord record;
    for (;;) {
        const auto more = stream.next(record);
        if (!more) reading.fault = more.error().code;
        if (!more || !*more) return reading;
        reading.values += *record.record.value;
    }
}

}  // namespace

TEST_CASE("records before the position and from the end on are left out, in any codec") {
    for (const auto codec : {records::Codec::none, records::Codec::gzip, records::Codec::snappy, records::Codec::lz4,
                             records::Codec::zstd}) {
        const std::string bytes = batch(10, {"a", "b", "c"}, -1, codec) + batch(13, {"d", "e"}, -1, codec);
        CHECK(read(bytes, 10, std::nullopt, {}).values == "abcde");
        CHECK(read(bytes, 12, std::nullopt, {}).values == "cde");
        CHECK(read(bytes, 11, 14, {}).values == "bcd");
        CHECK(read(bytes, 13, 13, {}).values == "");
    }
}

TEST_CASE("aborted transactions are left out for who reads committed, and control records for all") {
    const std::string bytes = batch(0, {"a"}) + batch(1, {"x"}, 7) + batch(2, {"b"}, 8) + marker(3, 7, false) +
                              batch(4, {"c"}, 7) + marker(5, 7, true) + marker(6, 8, true) + batch(7, {"d"});
    CHECK(read(bytes, 0, std::nullopt, {{ProducerId{7}, Offset{1}}}).values == "abcd");
    CHECK(read(bytes, 0, std::nullopt, {{ProducerId{7}, Offset{1}}}, Isolation::read_uncommitted).values == "axbcd");
}

TEST_CASE("an incomplete batch at the end is left for the next fetch") {
    const std::string bytes = batch(0, {"a"}) + batch(1, {"b"});
    const std::string cut = bytes.substr(0, bytes.size() - 3);
    const auto whole = whole_entries(cut);
    REQUIRE(whole);
    CHECK(whole->next == Offset{1});
    CHECK(whole->bytes == batch(0, {"a"}).size());
}

TEST_CASE("damage is an error that names its place, not the end") {
    std::string bytes = batch(0, {"a"}) + batch(1, {"bbbbbb"});
    bytes[bytes.size() - 2] ^= 1;
    const Reading reading = read(bytes, 0, std::nullopt, {});
    CHECK(reading.values == "a");
    CHECK(reading.fault == Errc::corrupt);
}
