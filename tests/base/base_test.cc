// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "core/base/chain.h"
#include "core/base/clock.h"
#include "core/base/crc32c.h"
#include "core/base/random.h"
#include "core/base/uuid.h"
#include "core/base/varint.h"

using namespace klog::base;

TEST_CASE("crc32c gives the check value of RFC 3720 and can be continued") {
    CHECK(crc32c("123456789") == 0xe3069283);
    CHECK(crc32c("456789", crc32c("123")) == 0xe3069283);
    CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aa);  // RFC 3720, B.4.
}

TEST_CASE("varints have the bytes that Kafka gives them and come back") {
    char room[varint_bytes_max];
    const auto bytes = [&](std::int64_t x) { return std::string(room, write_varint(room, x)); };
    CHECK(bytes(0) == std::string("\0", 1));
    CHECK(bytes(-1) == "\x01");
    CHECK(bytes(63) == "\x7e");
    CHECK(bytes(-65) == "\x81\x01");
    CHECK(bytes(INT64_MIN) == "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    Random random(1);
    for (int i = 0; i < 10'000; ++i) {
        const auto x = static_cast<std::int64_t>(random.next() >> random.below(64));
        const std::string text = bytes(x);
        CHECK(text.size() == varint_size(x));
        std::string_view rest = text;
        std::int64_t again = 0;
        CHECK((take_varint(rest, again) && again == x && rest.empty()));
    }
}

TEST_CASE("a varint that is cut off or too long is refused") {
    std::int64_t x = 0;
    for (std::string_view bad : {"", "\x80", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"})
        CHECK_FALSE(take_varint(bad, x));
    std::string_view over_32_bits = "\xff\xff\xff\xff\x1f";
    CHECK_FALSE(take_varint(over_32_bits, x, 32));
    CHECK(take_varint(over_32_bits, x, 64));
}

TEST_CASE("a uuid reads and prints as Kafka's") {
    // Uuid.METADATA_TOPIC_ID and the text its toString gives.
    Uuid one;
    one.octets[15] = 1;
    CHECK(one.to_string() == "AAAAAAAAAAAAAAAAAAAAAQ");
    CHECK(Uuid::parse("AAAAAAAAAAAAAAAAAAAAAQ") == one);
    for (const auto* bad : {"", "AAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAR", "AAAAAAAAAAAAAAAAAAAA+Q"})
        CHECK_FALSE(Uuid::parse(bad));
    Random random(2);
    for (int i = 0; i < 1000; ++i) {
        const Uuid id = Uuid::random(random);
        CHECK(Uuid::parse(id.to_string()) == id);
        CHECK(id.to_string().front() != '-');
    }
}

TEST_CASE("the same seed gives the same numbers, within their bounds") {
    Random a(7), b(7);
    for (int i = 0; i < 1000; ++i) CHECK(a.next() == b.next());
    for (int i = 0; i < 1000; ++i) {
        const auto x = a.between(-3, 3);
        CHECK((x >= -3 && x <= 3));
        CHECK(a.below(5) < 5);
    }
}

TEST_CASE("a chain knows its length and flattens in order") {
    Chain chain;
    chain.append(SharedBytes::own("ab"));
    chain.append(SharedBytes::own(""));
    chain.append(SharedBytes::own("cde"));
    CHECK(chain.size() == 5);
    CHECK(chain.pieces().size() == 2);
    CHECK(chain.flatten() == "abcde");
}

TEST_CASE("a manual clock moves only when told") {
    ManualClock clock(1000);
    CHECK(clock.wall_ms() == 1000);
    clock.advance(std::chrono::milliseconds(5));
    CHECK(clock.wall_ms() == 1005);
    const auto now = clock.now();
    clock.jump_wall(std::chrono::milliseconds(-500));
    CHECK(clock.wall_ms() == 505);
    CHECK(clock.now() == now);
}
