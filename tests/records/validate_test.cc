// SPDX-License-Identifier: Apache-2.0
#include "core/records/validate.h"

#include <chrono>
#include <cstring>

#include <doctest/doctest.h>

#include "core/base/random.h"
#include "tests/records/support.h"

using namespace klog::base;
using namespace klog::records;
using namespace klog::records::test;

namespace {

Errc refusal(std::string_view bytes, const BatchRules& rules = {}, Origin origin = Origin::client) {
    const auto valid = validate(bytes, rules, now_ms, origin);
    return valid ? Errc::exists : valid.error().error.code;
}

/// A batch with something changed in its header, sealed again.
template <class Change>
std::string changed(std::string batch, Change change) {
    BatchHeader header{HeaderView(batch.data())};
    change(header);
    std::memcpy(batch.data(), header.bytes().data(), batch_header_bytes);
    return sealed(std::move(batch));
}

std::string stored(const ValidBatch& valid) { return std::string(valid.header.bytes()) + std::string(valid.body()); }

std::string records_of(std::string_view bytes) {
    const std::string all = printed_log(bytes).value();
    return all.substr(all.find('\n') + 1);
}

/// One record of zeros, which zstd makes very small.
std::string zeros_batch(std::size_t bytes) {
    BatchBuilder::Options options;
    options.compression = Compression(Codec::zstd);
    BatchBuilder builder(options);
    const std::string value(bytes, '\0');
    builder.append({now_ms, std::nullopt, value, {}});
    return *builder.build();
}

}  // namespace

TEST_CASE("batches that Kafka's producer built pass as they are, in every codec") {
    for (const Case& one : java_cases()) {
        const bool held_back = one.name.ends_with("holes") || one.name.ends_with("append-time") ||
                               one.name.find("marker") != std::string::npos;
        if (!one.name.starts_with("v2") || held_back) continue;
        CAPTURE(one.name);
        std::string bytes = one.bytes;
        assign_base_offset(bytes.data(), {0});
        const auto valid = validate(bytes, {}, now_ms);
        REQUIRE_MESSAGE(valid.has_value(), valid.error().error.message);
        CHECK(stored(*valid) == bytes);
        CHECK(valid->body().data() == bytes.data() + batch_header_bytes);  // A view, not a copy.
        CHECK(valid->max_timestamp == HeaderView(bytes.data()).max_timestamp());
        CHECK(valid->count == HeaderView(bytes.data()).count());
    }
}

TEST_CASE("the first record with the largest timestamp is found") {
    std::string bytes = java_case("v2-lz4-small").bytes;  // Its third and fifth have it.
    assign_base_offset(bytes.data(), {0});
    const auto valid = validate(bytes, {}, now_ms);
    REQUIRE(valid.has_value());
    CHECK(valid->max_timestamp == 1'700'000'070'000);
    CHECK(valid->max_timestamp_delta == 2);
}

TEST_CASE("bytes that are not exactly one batch are refused with Kafka's codes") {
    const std::string batch = some_batch(3);
    CHECK(refusal("") == Errc::invalid_record);
    CHECK(refusal(batch) == Errc::exists);
    for (std::size_t n = 0; n < batch.size(); ++n) CHECK(refusal(batch.substr(0, n)) == Errc::invalid_record);
    CHECK(refusal(batch + batch) == Errc::invalid_record);
    CHECK(refusal(batch + "x") == Errc::invalid_record);
    CHECK(refusal(java_case("v1-none-small").bytes) == Errc::invalid_record);
    CHECK(refusal(java_case("v0-gzip-small").bytes) == Errc::invalid_record);
    std::string other = batch;
    other[at::magic] = 3;
    CHECK(refusal(other) == Errc::corrupt);
    other = batch;
    store_big(other.data() + at::length, 48);
    CHECK(refusal(other) == Errc::corrupt);
    other = batch;
    other[at::crc] = static_cast<char>(other[at::crc] ^ 1);
    CHECK(refusal(other) == Errc::corrupt);
    other = batch;
    other.back() = static_cast<char>(other.back() ^ 1);
    CHECK(refusal(other) == Errc::corrupt);
}

TEST_CASE("a batch over max.message.bytes is too large, one of exactly that size is not") {
    const std::string batch = some_batch(3);
    BatchRules rules;
    rules.max_message_bytes = static_cast<std::int32_t>(batch.size());
    CHECK(refusal(batch, rules) == Errc::exists);
    --rules.max_message_bytes;
    CHECK(refusal(batch, rules) == Errc::too_large);
}

TEST_CASE("count, offsets and last offset delta have to agree with the records") {
    for (const Codec codec : all_codecs()) {
        CAPTURE(name_of(codec));
        const std::string batch = some_batch(3, 20, Compression(codec));
        const auto with = [&](std::int32_t count, std::int32_t delta) {
            return refusal(changed(batch, [&](BatchHeader& header) {
                header.set_count(count);
                header.set_last_offset_delta(delta);
            }));
        };
        CHECK(with(3, 2) == Errc::exists);
        CHECK(with(2, 1) == Errc::invalid_record);
        CHECK(with(4, 3) == Errc::invalid_record);
        CHECK(with(3, 3) == Errc::invalid_record);
        CHECK(with(0, -1) == Errc::invalid_record);
        CHECK(with(-1, -2) == Errc::invalid_record);
        CHECK(with(INT32_MIN, INT32_MAX) == Errc::invalid_record);
        CHECK(with(INT32_MAX, INT32_MAX - 1) == Errc::too_large);
        std::string holes =
            java_case("v2-" + std::string(codec == Codec::none ? "gzip" : name_of(codec)) + "-holes").bytes;
        assign_base_offset(holes.data(), {0});
        CHECK(refusal(holes) == Errc::invalid_record);
    }
    CHECK(refusal(changed(some_batch(1), [](BatchHeader& header) { header.set_base_offset({7}); })) ==
          Errc::invalid_record);
}

TEST_CASE("record offsets that do not rise by one are refused") {
    BatchBuilder builder;
    builder.append({now_ms, "a", "1", {}});
    builder.append_at(2, {now_ms, "b", "2", {}});
    const std::string batch =
        changed(builder.build().value(), [](BatchHeader& header) { header.set_last_offset_delta(1); });
    CHECK(refusal(batch) == Errc::invalid_record);
}

TEST_CASE("clients may not write control batches, the broker may") {
    std::string marker = java_case("v2-marker-COMMIT").bytes;
    assign_base_offset(marker.data(), {0});
    CHECK(refusal(marker) == Errc::invalid_record);
    CHECK(refusal(marker, {}, Origin::broker) == Errc::exists);
    BatchRules rules;
    rules.compacted = true;
    rules.compression = Compression(Codec::zstd);
    const auto valid = validate(marker, rules, now_ms, Origin::broker);
    REQUIRE(valid.has_value());
    CHECK(stored(*valid) == marker);
}

TEST_CASE("an idempotent or transactional batch has its producer's fields") {
    CHECK(refusal(some_batch(2, 10, Compression(), {{5}, {0}, 0})) == Errc::exists);
    CHECK(refusal(some_batch(2, 10, Compression(), {{5}, {0}, -1})) == Errc::invalid_record);
    CHECK(refusal(changed(some_batch(2), [](BatchHeader& header) {
              header.set_attributes(attribute::transactional);
          })) == Errc::invalid_record);
    const auto valid = validate(some_batch(2, 10, Compression(), {{5}, {3}, 9}), {}, now_ms);
    CHECK(valid->producer == ProducerInfo{{5}, {3}, 9});
}

TEST_CASE("a codec that does not exist is an unsupported one") {
    for (const int bits : {5, 6, 7})
        CHECK(refusal(changed(some_batch(2), [&](BatchHeader& header) {
                  header.set_attributes(static_cast<std::int16_t>(bits));
              })) == Errc::unsupported_compression);
}

TEST_CASE("timestamps out of the topic's bounds are refused, and each such record is named") {
    BatchRules rules;
    rules.timestamp_before_max_ms = 1000;
    rules.timestamp_after_max_ms = 500;
    const auto with = [&](std::initializer_list<TimestampMs> times) {
        BatchBuilder builder;
        for (const TimestampMs time : times) builder.append({time, "k", "v", {}});
        return validate(builder.build().value(), rules, now_ms);
    };
    CHECK(with({now_ms - 1000, now_ms + 500, -1}).has_value());
    const auto refused = with({now_ms, now_ms + 501, now_ms, now_ms - 1001});
    REQUIRE(!refused.has_value());
    CHECK(refused.error().error.code == Errc::invalid_timestamp);
    REQUIRE(refused.error().faults.size() == 2);
    CHECK(refused.error().faults[0].index == 1);
    CHECK(refused.error().faults[1].index == 3);
    CHECK(refused.error().faults[1].kind == RecordFault::Kind::timestamp_out_of_range);
    rules = {};  // Kafka's defaults: any past, an hour of future.
    CHECK(with({0, now_ms + 3'600'000}).has_value());
    CHECK(with({now_ms + 3'600'001}).error().error.code == Errc::invalid_timestamp);
    rules.timestamp_after_max_ms = INT64_MAX;
    CHECK(with({INT64_MAX, INT64_MIN}).has_value());
}

TEST_CASE("a compacted topic takes no record without a key") {
    BatchRules rules;
    rules.compacted = true;
    BatchBuilder builder;
    builder.append({now_ms, "k", "v", {}});
    builder.append({now_ms, {}, "v", {}});
    builder.append({now_ms, "", "v", {}});
    for (const Codec codec : all_codecs()) {
        builder.options().compression = Compression(codec);
        const auto refused = validate(builder.build().value(), rules, now_ms);
        REQUIRE(!refused.has_value());
        CHECK(refused.error().error.code == Errc::invalid_record);
        REQUIRE(refused.error().faults.size() == 1);
        CHECK(refused.error().faults[0].index == 1);
        CHECK(refused.error().faults[0].kind == RecordFault::Kind::no_key);
        CHECK_FALSE(refused.error().faults[0].words().empty());
    }
}

TEST_CASE("no more faults are listed than the limit") {
    BatchRules rules;
    rules.compacted = true;
    BatchBuilder builder;
    for (std::size_t i = 0; i < record_faults_max + 5; ++i) builder.append({now_ms, {}, "v", {}});
    CHECK(validate(builder.build().value(), rules, now_ms).error().faults.size() == record_faults_max);
}

TEST_CASE("with LogAppendTime the broker's time is stored and the CRC fits again") {
    BatchRules rules;
    rules.timestamp_type = TimestampType::log_append_time;
    rules.timestamp_before_max_ms = 10;  // Does not apply.
    for (const Codec codec : all_codecs()) {
        const std::string batch = some_batch(4, 50, Compression(codec));
        const auto valid = validate(batch, rules, now_ms + 123'456'789);
        REQUIRE(valid.has_value());
        CHECK(valid->max_timestamp == now_ms + 123'456'789);
        CHECK(valid->max_timestamp_delta == 0);
        const std::string bytes = stored(*valid);
        const auto again = BatchView::parse(bytes).value();
        CHECK(again.crc_matches());
        CHECK(again.timestamp_type() == TimestampType::log_append_time);
        CHECK(records_of(bytes).find(std::to_string(now_ms + 123'456'789)) != std::string::npos);
        CHECK(batch == some_batch(4, 50, Compression(codec)));  // The request was not touched.
    }
    std::string foreign = java_case("v2-gzip-append-time").bytes;
    assign_base_offset(foreign.data(), {0});
    CHECK(refusal(foreign, rules) == Errc::invalid_timestamp);
    CHECK(refusal(foreign) == Errc::invalid_timestamp);  // Else its records' own times would go unchecked.
}

TEST_CASE("a wrong maximum timestamp is corrected, as Kafka does") {
    const std::string batch = some_batch(4);  // Rising times.
    const std::string wrong = changed(
        batch, [](BatchHeader& header) { header.set_max_timestamp(TimestampType::create_time, now_ms + 3'000'000); });
    const auto valid = validate(wrong, {}, now_ms);
    REQUIRE(valid.has_value());
    CHECK(valid->max_timestamp == now_ms + 3);
    CHECK(valid->max_timestamp_delta == 3);
    CHECK(stored(*valid) == batch);
}

TEST_CASE("a topic with a codec of its own gets its batches in it, with the same records") {
    for (const Codec from : all_codecs())
        for (const Codec to : all_codecs()) {
            CAPTURE(name_of(from));
            CAPTURE(name_of(to));
            const std::string batch = some_batch(50, 100, Compression(from), {{9}, {1}, 100});
            BatchRules rules;
            rules.compression = Compression(to);
            const auto valid = validate(batch, rules, now_ms);
            REQUIRE(valid.has_value());
            const std::string bytes = stored(*valid);
            CHECK(BatchView::parse(bytes)->codec().value() == to);
            CHECK(valid->recompressed.has_value() == (from != to));
            if (from == to) CHECK(bytes == batch);
            CHECK(records_of(bytes) == records_of(batch));
            CHECK(BatchView::parse(bytes)->producer() == ProducerInfo{{9}, {1}, 100});
            CHECK(BatchView::parse(bytes)->size() == bytes.size());
        }
}

TEST_CASE("a level of the topic is used, and a batch that grows beyond the limit is refused") {
    BatchRules rules;
    rules.compression = Compression(Codec::gzip, 9);
    const std::string batch = some_batch(200);
    const auto best = validate(batch, rules, now_ms)->size();
    rules.compression = Compression(Codec::gzip, 1);
    CHECK(best < validate(batch, rules, now_ms)->size());
    const std::string packed = some_batch(200, 1000, Compression(Codec::zstd));
    rules.compression = Compression(Codec::none);
    rules.max_message_bytes = 10'000;
    CHECK(packed.size() < 10'000);
    CHECK(refusal(packed, rules) == Errc::too_large);
}

TEST_CASE("only large batches that need decompressing or compressing go to the pool") {
    BatchRules rules;
    CHECK_FALSE(needs_pool("", rules));
    CHECK_FALSE(needs_pool(some_batch(2, 100'000), rules));
    CHECK_FALSE(needs_pool(some_batch(2, 100, Compression(Codec::gzip)), rules));
    CHECK(
        needs_pool(changed(some_batch(2, 100'000), [](BatchHeader& header) { header.set_codec(Codec::lz4); }), rules));
    rules.compression = Compression(Codec::zstd);
    CHECK(needs_pool(some_batch(2, 100'000), rules));
    CHECK_FALSE(needs_pool(some_batch(2, 100), rules));
}

TEST_CASE("garbage that calls itself compressed is an invalid record") {
    for (const Codec codec : {Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
        CHECK(refusal(batch_around("this is not compressed", 1, codec)) == Errc::invalid_record);
        CHECK(refusal(batch_around("", 1, codec)) == Errc::invalid_record);
    }
}

TEST_CASE("many small batches that inflate to much are not all walked on a shard") {
    const std::string large = zeros_batch(1 << 20);
    REQUIRE(large.size() < shard_work_bytes_max);
    ShardValidation here;
    int walked = 0;
    for (int i = 0; i < 100; ++i) walked += here.try_validate(large, {}, now_ms).has_value();
    CHECK(walked == 3);  // A little more than a MiB each.
    // What needs no inflating goes on.
    CHECK(here.try_validate(some_batch(2, 100), {}, now_ms)->has_value());
    CHECK_FALSE(here.try_validate(some_batch(2, 100, Compression(Codec::lz4)), {}, now_ms));
}

TEST_CASE("a batch that inflates beyond what a shard may is neither refused nor walked to its end there") {
    const std::string huge = zeros_batch(40 << 20);
    REQUIRE(huge.size() < shard_work_bytes_max);
    ShardValidation here;
    CHECK_FALSE(here.try_validate(huge, {}, now_ms));
    CHECK(refusal(huge) == Errc::too_large);
    CHECK_FALSE(here.try_validate(some_batch(2, 100, Compression(Codec::lz4)), {}, now_ms));
    ShardValidation other;
    const auto small = other.try_validate(some_batch(2, 100, Compression(Codec::lz4)), {}, now_ms);
    REQUIRE(small);
    REQUIRE(small->has_value());
    CHECK((*small)->inflated_bytes > 200);
}

TEST_CASE("what a leader wrote passes the check of a follower, damage does not") {
    for (const Case& one : java_cases())
        if (one.name.starts_with("v2")) CHECK(check_replicated(BatchView::parse(one.bytes).value()).has_value());
    const std::string batch = some_batch(3);
    const auto with = [&](auto change) {
        const std::string bytes = changed(batch, change);
        return check_replicated(BatchView::parse(bytes).value()).has_value();
    };
    CHECK_FALSE(with([](BatchHeader& header) { header.set_count(4); }));
    CHECK(with([](BatchHeader& header) { header.set_count(2); }));  // Compacted.
    CHECK_FALSE(with([](BatchHeader& header) { header.set_base_offset({-1}); }));
    CHECK_FALSE(with([](BatchHeader& header) { header.set_base_offset({INT64_MAX}); }));
    CHECK_FALSE(with([](BatchHeader& header) { header.set_last_offset_delta(-1); }));
    CHECK_FALSE(with([](BatchHeader& header) { header.set_attributes(7); }));
}

TEST_CASE("what the builder makes is what the iterator reads") {
    Random random(11);
    for (int round = 0; round < 300; ++round) {
        BatchBuilder builder({.compression = Compression(all_codecs()[random.below(5)]),
                              .base_offset = {random.between(0, 1'000'000'000'000)},
                              .partition_leader_epoch = {5},
                              .producer = {},
                              .transactional = random.one_in(2),
                              .control = false,
                              .append_time = std::nullopt});
        std::string expected;
        std::int64_t offset = builder.options().base_offset.value;
        std::size_t size = batch_header_bytes;
        for (auto n = random.between(1, 40); n > 0; --n, ++offset) {
            const std::string text(random.below(round % 10 == 0 ? 5000 : 90), static_cast<char>(random.next()));
            const Header headers[] = {{"a", "1"}, {"", std::nullopt}, {"long", text}};
            const std::span<const Header> some(headers, random.below(4));
            NewRecord record{random.between(-1, INT64_MAX),
                             random.one_in(3) ? std::nullopt : std::optional(std::string_view(text)),
                             random.one_in(3) ? std::nullopt : std::optional(std::string_view(text)), some};
            size += builder.size_of(record);
            builder.append(record);
            CHECK(builder.size() == size);
            Record read{{offset}, record.timestamp, record.key, record.value, {}, 0};
            expected += printed(read).substr(0, printed(read).size() - 1);
            for (const Header& header : some)
                expected += " " + printed_bytes(header.key) + "=" + printed_bytes(header.value);
            expected += "\n";
        }
        CHECK(records_of(builder.build().value()) == expected);
        builder.clear();
        CHECK(builder.empty());
        CHECK(builder.size() == batch_header_bytes);
    }
}

TEST_CASE("a producer's batch of 16 kB is validated in little time") {
    const std::string batch = some_batch(160, 85);
    REQUIRE((batch.size() > 15'500 && batch.size() < 16'900));
    using Clock = std::chrono::steady_clock;  // lint allows time: it measures
    for (const Codec codec : all_codecs()) {
        const std::string packed = some_batch(160, 85, Compression(codec));
        constexpr int rounds = 400;
        double best_us = 1e9;
        for (int attempt = 0; attempt < 5; ++attempt) {
            const auto start = Clock::now();
            for (int i = 0; i < rounds; ++i) REQUIRE(validate(packed, {}, now_ms).has_value());
            const double us = std::chrono::duration<double, std::micro>(Clock::now() - start).count() / rounds;
            best_us = std::min(best_us, us);
        }
        MESSAGE("validate ", name_of(codec), ", ", packed.size(), " bytes, 160 records: ", best_us, " us");
    }
}
