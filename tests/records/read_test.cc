// SPDX-License-Identifier: Apache-2.0
// Reading what others wrote, whole and damaged.
#include <doctest/doctest.h>

#include "core/base/random.h"
#include "tests/records/support.h"

using namespace klog::base;
using namespace klog::records;
using namespace klog::records::test;

TEST_CASE("entries of every format and codec that Kafka wrote read as Kafka reads them") {
    const auto cases = java_cases();
    CHECK(cases.size() == 57);
    for (const Case& one : cases) {
        CAPTURE(one.name);
        const auto text = printed_log(one.bytes);
        REQUIRE_MESSAGE(text.has_value(), text.error().message);
        CHECK(*text == one.printed);
    }
}

TEST_CASE("every proper prefix of an entry is refused as truncated") {
    for (const Case& one : java_cases()) {
        if (one.bytes.size() > 4096 || one.name == "mixed-formats" || one.name.ends_with("none-small")) continue;
        CAPTURE(one.name);
        for (std::size_t n = 1; n < one.bytes.size(); ++n) {
            const std::string prefix = one.bytes.substr(0, n);  // Its own memory: an over-read shows.
            const auto entry = EntryView::parse(prefix);
            REQUIRE(!entry.has_value());
            CHECK(entry.error().code == Errc::truncated);
        }
    }
}

TEST_CASE("every proper prefix of a body, under a header that fits it, is refused and never read beyond") {
    for (const Case& one : java_cases()) {
        if (!one.name.starts_with("v2") || one.bytes.size() > 4096) continue;
        CAPTURE(one.name);
        for (std::size_t n = 0; batch_header_bytes + n < one.bytes.size(); ++n) {
            const std::string cut = sealed(one.bytes.substr(0, batch_header_bytes + n));
            const auto entry = EntryView::parse(cut).value();
            CHECK(entry.check_crc().has_value());
            const auto text = printed(entry);
            REQUIRE(!text.has_value());
            CHECK(text.error().code == Errc::invalid_record);
        }
    }
}

TEST_CASE("a flipped bit anywhere under the CRC is noticed") {
    for (const char* name : {"v0-none-small", "v1-gzip-small", "v2-none-small", "v2-zstd-small"}) {
        const std::string& bytes = java_case(name).bytes;
        const auto size = EntryView::parse(bytes).value().size();
        for (std::size_t i = 16; i < size; ++i) {
            std::string damaged = bytes.substr(0, size);
            damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
            const auto entry = EntryView::parse(damaged);
            CHECK((!entry || !entry->check_crc()));
        }
    }
}

TEST_CASE("mutated entries, their CRC put right, never crash or read beyond their bytes") {
    const std::uint64_t seed = 20'240'611;
    CAPTURE(seed);
    Random random(seed);
    std::vector<Case> cases;
    for (Case& one : java_cases())
        if (one.bytes.size() < 3000) cases.push_back(std::move(one));
    std::size_t read = 0, refused = 0;
    for (int round = 0; round < 40'000; ++round) {
        std::string bytes = cases[random.below(cases.size())].bytes;
        for (auto n = random.between(1, 4); n > 0; --n) {
            const auto from = std::min<std::size_t>(random.one_in(4) ? 8 : 17, bytes.size() - 1);
            auto& byte = bytes[from + random.below(bytes.size() - from)];
            byte =
                random.one_in(2) ? static_cast<char>(random.next()) : static_cast<char>(byte ^ (1 << random.below(8)));
        }
        if (bytes[at::magic] == batch_magic && BatchView::parse(bytes)) {
            const std::size_t size = BatchView::parse(bytes)->size();
            bytes = sealed(bytes.substr(0, size)) + bytes.substr(size);
        }
        std::string_view rest = bytes;
        for (;;) {
            const auto entry = take_entry(rest);
            if (!entry || !*entry) break;
            std::string scratch;
            auto reader = EntryReader::open(**entry, scratch, 1u << 20);
            Record record;
            auto more = reader ? reader->next(record) : Result<bool>(std::unexpected(reader.error()));
            for (; more && *more; more = reader->next(record)) ++read, (void)printed(record);
            if (!more) ++refused;
        }
        (void)validate(bytes, {}, now_ms);
    }
    CHECK(read > 1000);
    CHECK(refused > 1000);
}

TEST_CASE("the producer's fields and flags of a transactional batch are read") {
    const auto batch = BatchView::parse(java_case("v2-transactional").bytes).value();
    CHECK(batch.base_offset() == Offset{9'000'000'000});
    CHECK(batch.last_offset() == Offset{9'000'000'004});
    CHECK(batch.partition_leader_epoch() == LeaderEpoch{17});
    CHECK(batch.producer() == ProducerInfo{{4'000'000'000}, {32767}, 2'147'483'646});
    CHECK(batch.last_sequence() == 2);  // It went around.
    CHECK(batch.transactional());
    CHECK_FALSE(batch.control());
    CHECK(batch.count() == 5);
}

TEST_CASE("transaction markers that Kafka wrote are read, and ours have the same bytes") {
    for (const bool commit : {true, false}) {
        const std::string& bytes = java_case(commit ? "v2-marker-COMMIT" : "v2-marker-ABORT").bytes;
        const auto batch = BatchView::parse(bytes).value();
        CHECK(batch.control());
        std::string scratch;
        auto records = read_records(batch, scratch, plenty).value();
        Record record;
        REQUIRE(records.next(record).value());
        CHECK(control_type(record).value() == (commit ? ControlType::commit : ControlType::abort));
        CHECK(read_end_transaction(record).value() == EndTransactionMarker{commit, 99});
        CHECK_FALSE(records.next(record).value());
        CHECK(build_end_transaction({commit, 99}, {1'234'567'890'123}, {12}, 1'700'000'000'123, {77}, {6}) == bytes);
    }
}

TEST_CASE("what is no control record is not taken for one") {
    Record record;
    CHECK(control_type(record).error().code == Errc::corrupt);
    record.key = std::string_view("\0\0\0", 3);
    CHECK(control_type(record).error().code == Errc::corrupt);
    record.key = std::string_view("\0\0\xff\xff", 4);
    CHECK(control_type(record).error().code == Errc::corrupt);
    record.key = std::string_view("\0\0\0\x63", 4);
    CHECK(control_type(record).value() == std::nullopt);
    record.key = std::string_view("\0\0\0\1", 4);
    record.value = std::string_view("\0\0\0\0\0", 5);
    CHECK(read_end_transaction(record).error().code == Errc::corrupt);
}

TEST_CASE("a base offset and a leader epoch are assigned without touching the CRC") {
    std::string bytes = java_case("v2-zstd-small").bytes;
    assign_base_offset(bytes.data(), {1'000'000});
    assign_partition_leader_epoch(bytes.data(), {42});
    const auto batch = BatchView::parse(bytes).value();
    CHECK(batch.crc_matches());
    CHECK(batch.last_offset() == Offset{1'000'004});
    CHECK(batch.partition_leader_epoch() == LeaderEpoch{42});
}

TEST_CASE("lying lengths and counts are refused without being believed") {
    const auto outcome = [](std::string_view body, std::int32_t count) {
        const std::string batch = batch_around(body, count);
        std::string scratch;
        auto records = read_records(BatchView::parse(batch).value(), scratch, plenty).value();
        Record record;
        for (;;) {
            const auto more = records.next(record);
            if (!more) return more.error().code;
            if (!*more) return Errc::exists;
        }
    };
    using namespace std::string_view_literals;
    const auto one = "\x0c\0\0\0\x01\x01\0"sv;  // A whole record: null key, null value, no headers.
    CHECK(outcome(one, 1) == Errc::exists);
    CHECK(outcome(one, 2) == Errc::invalid_record);
    CHECK(outcome(one, 2'147'483'647) == Errc::invalid_record);
    CHECK(outcome(one, 0) == Errc::invalid_record);
    CHECK(outcome(one, -1) == Errc::invalid_record);
    CHECK(outcome("\x0e\0\0\0\x01\x01\0"sv, 1) == Errc::invalid_record);                          // Length one more.
    CHECK(outcome("\x0e\0\0\0\x01\x01\0\0"sv, 1) == Errc::invalid_record);                        // A byte too much.
    CHECK(outcome("\x0a\0\0\0\x01\x01\0"sv, 1) == Errc::invalid_record);                          // Length one less.
    CHECK(outcome("\x01\0\0\0\x01\x01\0"sv, 1) == Errc::invalid_record);                          // Length -1.
    CHECK(outcome("\xfe\xff\xff\xff\x0f\0\0\0\x01\x01\0"sv, 1) == Errc::invalid_record);          // Length 2^31-1.
    CHECK(outcome("\xff\xff\xff\xff\xff\xff\x01\0\0\0\x01\x01\0"sv, 1) == Errc::invalid_record);  // Over 32 bits.
    CHECK(outcome("\x0c\0\0\0\x03\x01\0"sv, 1) == Errc::invalid_record);                          // Key length -2.
    CHECK(outcome("\x0c\0\0\0\x01\x10\0"sv, 1) == Errc::invalid_record);    // Value beyond the end.
    CHECK(outcome("\x0c\0\0\0\x01\x01\x02"sv, 1) == Errc::invalid_record);  // A header that is not there.
    CHECK(outcome("\x14\0\0\0\x01\x01\xfe\xff\xff\xff\x0f"sv, 1) == Errc::invalid_record);  // 2^31-1 headers.
    CHECK(outcome("\x0c\0\0\0\x01\x01\x01"sv, 1) == Errc::invalid_record);                  // -1 headers.
    CHECK(outcome("\x10\0\0\0\x01\x01\x02\x01\x01"sv, 1) == Errc::invalid_record);          // A null header key.
    CHECK(outcome("\x10\0\0\0\x01\x01\x02\0\x01"sv, 1) == Errc::exists);                    // A null header value.
}

TEST_CASE("impossible entry lengths and unknown formats are corrupt") {
    const auto code = [](std::int32_t length, std::int8_t magic) {
        std::string bytes(200, '\0');
        store_big(bytes.data() + at::length, length);
        bytes[at::magic] = static_cast<char>(magic);
        const auto entry = EntryView::parse(bytes);
        return entry ? Errc::exists : entry.error().code;
    };
    CHECK(code(188, 2) == Errc::exists);
    CHECK(code(189, 2) == Errc::truncated);
    CHECK(code(48, 2) == Errc::corrupt);
    CHECK(code(14, 0) == Errc::exists);
    CHECK(code(13, 0) == Errc::corrupt);
    CHECK(code(21, 1) == Errc::corrupt);
    CHECK(code(-1, 2) == Errc::corrupt);
    CHECK(code(INT32_MIN, 0) == Errc::corrupt);
    CHECK(code(INT32_MAX, 2) == Errc::truncated);
    CHECK(code(100, 3) == Errc::corrupt);
    CHECK(code(100, -1) == Errc::corrupt);
    CHECK(read_entry_prefix(java_case("v2-none-small").bytes, 100).error().code == Errc::corrupt);
}

TEST_CASE("a compressed message within a compressed message is refused") {
    const std::string& bytes = java_case("v1-gzip-small").bytes;
    std::string wrapped;
    REQUIRE(deflate(Compression(Codec::gzip), bytes, wrapped));
    std::string outer =
        bytes.substr(0, 18) + std::string(8, '\0') + "\xff\xff\xff\xff" + std::string(4, '\0') + wrapped;
    store_big(outer.data() + at::length, static_cast<std::int32_t>(outer.size() - entry_overhead_bytes));
    store_big(outer.data() + 30, static_cast<std::int32_t>(wrapped.size()));
    std::string scratch;
    const auto reader = EntryReader::open(EntryView::parse(outer).value(), scratch, plenty);
    REQUIRE(!reader.has_value());
    CHECK(reader.error().code == Errc::invalid_record);
}
