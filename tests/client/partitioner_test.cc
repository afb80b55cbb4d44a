// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <set>

#include "core/client/partitioner.h"

using namespace klog::client;
using klog::base::PartitionId;
using klog::base::Random;

TEST_CASE("murmur2 gives the values of Kafka's Java client") {
    // From UtilsTest.testMurmur2 of kafka-clients.
    CHECK(static_cast<std::int32_t>(murmur2("21")) == -973932308);
    CHECK(static_cast<std::int32_t>(murmur2("foobar")) == -790332482);
    CHECK(static_cast<std::int32_t>(murmur2("a-little-bit-long-string")) == -985981536);
    CHECK(static_cast<std::int32_t>(murmur2("a-little-bit-longer-string")) == -1486304829);
    CHECK(static_cast<std::int32_t>(murmur2("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8")) == -58897971);
    CHECK(static_cast<std::int32_t>(murmur2("abc")) == 479470107);
    CHECK(murmur2("") == 275646681);
}

TEST_CASE("crc32 is zlib's") { CHECK(crc32("123456789") == 0xcbf43926); }

TEST_CASE("keys go where Java's and librdkafka's partitioners put them") {
    PartitionChooser java(Partitioner::murmur2, Random(1));
    CHECK(java.choose("foobar", 10, {}).value ==
          static_cast<std::int32_t>((static_cast<std::uint32_t>(-790332482) & 0x7fffffff) % 10));
    PartitionChooser rdkafka(Partitioner::crc32, Random(1));
    CHECK(rdkafka.choose("123456789", 7, {}).value == static_cast<std::int32_t>(0xcbf43926 % 7));
}

TEST_CASE("records without a key stay in one partition until its batch goes") {
    PartitionChooser chooser(Partitioner::murmur2, Random(2));
    const PartitionId first = chooser.choose(std::nullopt, 8, {});
    for (int i = 0; i < 100; ++i) CHECK(chooser.choose(std::nullopt, 8, {}) == first);
    std::set<PartitionId> seen;
    for (int i = 0; i < 200; ++i) {
        const PartitionId now = chooser.choose(std::nullopt, 8, {});
        seen.insert(now);
        chooser.batch_closed(now);
    }
    CHECK(seen.size() == 8);
}

TEST_CASE("records that may go anywhere go where a leader is") {
    const std::vector<PartitionId> available = {{1}, {4}};
    for (const auto how : {Partitioner::murmur2, Partitioner::sticky, Partitioner::round_robin, Partitioner::random}) {
        PartitionChooser chooser(how, Random(3));
        for (int i = 0; i < 50; ++i) {
            const PartitionId id = chooser.choose(std::nullopt, 8, available);
            CHECK((id.value == 1 || id.value == 4));
            chooser.batch_closed(id);
        }
    }
}

TEST_CASE("round-robin takes each partition in turn, key or not") {
    PartitionChooser chooser(Partitioner::round_robin, Random(4));
    for (int i = 0; i < 9; ++i) CHECK(chooser.choose("same", 3, {}).value == i % 3);
}
