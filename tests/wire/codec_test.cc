// SPDX-License-Identifier: Apache-2.0
// The idiom: tags, nulls, versions, and what a frame can make us allocate.
#include <doctest/doctest.h>

#include "core/base/big_endian.h"
#include "core/wire/cursor.h"
#include "core/wire/messages/01_fetch.h"
#include "core/wire/messages/03_metadata.h"
#include "core/wire/messages/18_api_versions.h"
#include "core/wire/messages/20_delete_topics.h"
#include "core/wire/messages/75_describe_topic_partitions.h"
#include "core/wire/messages/consumer_group_records.h"

using namespace klog;
using namespace klog::wire;
using std::string_literals::operator""s;
using std::string_view_literals::operator""sv;

namespace {

template <class T>
std::string encoded(const T& message, Version version) {
    std::string out;
    encode(message, version, out);
    return out;
}

/// Why the frame is refused; empty when it is not.
template <class T>
std::string refusal(std::string_view frame, Version version) {
    T message;
    DecodeError why;
    return decode(frame, version, message, &why) ? "" : std::string(why.field) + ": " + why.what;
}

}  // namespace

TEST_CASE("an unknown tag is skipped and a known one after it is read") {
    // error_code 0, no api_keys, throttle 0, two tags: 1 (epoch = 5), 9 (two bytes that nobody knows).
    ApiVersionsResponse response;
    REQUIRE(decode("\0\0\1\0\0\0\0\2\1\10\0\0\0\0\0\0\0\5\11\2ab"sv, 3, response));
    CHECK(response.finalized_features_epoch == 5);
    CHECK(response.supported_features.empty());
    // 0 is known and absent here, 1 is known and comes after an unknown one would have to: only 2^32-1 is left over.
    REQUIRE(decode("\0\0\1\0\0\0\0\1\xff\xff\xff\xff\x0f\2ab"sv, 3, response));
}

TEST_CASE("tags out of order, doubled or of the wrong size are refused") {
    const auto why = [](std::string_view frame) { return refusal<ApiVersionsResponse>(frame, 3); };
    CHECK(why("\0\0\1\0\0\0\0\2\3\1\1\1\10\0\0\0\0\0\0\0\5"sv) == "tag: tags not in ascending order");
    CHECK(why("\0\0\1\0\0\0\0\2\3\1\1\3\1\1"sv) == "tag: tags not in ascending order");
    CHECK(why("\0\0\1\0\0\0\0\1\3\2\1\1"sv) == "zk_migration_ready: tagged field has trailing bytes");
    CHECK(why("\0\0\1\0\0\0\0\1\1\4\0\0\0\5"sv) == "finalized_features_epoch: truncated");
    CHECK(why("\0\0\1\0\0\0\0\1\3\x7f\1"sv) == "zk_migration_ready: tagged field exceeds the frame");
}

TEST_CASE("an array length cannot make us allocate more than the frame could hold") {
    MetadataResponse response;
    DecodeError why;
    CHECK_FALSE(decode("\0\0\0\0\x7f\xff\xff\xff"sv, 8, response, &why));
    CHECK(std::string(why.field) == "brokers");
    CHECK(std::string(why.what) == "more elements than the frame can hold");
    CHECK(response.brokers.capacity() == 0);
}

TEST_CASE("many tiny strings in a large frame cannot make us allocate many times its size") {
    // A string object is 32 bytes, an empty string one byte on the wire.
    constexpr std::size_t count = 2'000'000;
    std::string frame("\xff\xff\xff\x7f", 4);
    std::uint32_t length = count + 1;
    for (int i = 0; i < 4; ++i, length >>= 7)
        frame[static_cast<std::size_t>(i)] = static_cast<char>((length & 0x7f) | (i < 3 ? 0x80 : 0));
    frame.append(count, '\1');
    frame.append("\0\0\0\0\0", 5);
    CHECK(refusal<DeleteTopicsRequest>(frame, 5) ==
          "topic_names: elements need too much memory for a frame of this size");
}

TEST_CASE("a small frame may be as dense as it likes") {
    DeleteTopicsRequest request;
    request.topic_names.resize(10'000, "a");
    CHECK(refusal<DeleteTopicsRequest>(encoded(request, 5), 5).empty());
}

TEST_CASE("negative lengths, varints over 32 bits and strings over 32767 bytes are refused") {
    CHECK(refusal<DeleteTopicsRequest>("\xff\xff\xff\xfe"sv, 3) == "topic_names: negative length");
    CHECK(refusal<DeleteTopicsRequest>("\xff\xff\xff\xff"sv, 3) == "topic_names: null");
    CHECK(refusal<DeleteTopicsRequest>("\xff\xff\xff\xff\x1f"sv, 5) == "topic_names: varint longer than 32 bits");
    CHECK(refusal<DeleteTopicsRequest>("\xff\xff\xff\xff\xff\x01"sv, 5) == "topic_names: varint longer than 32 bits");
    const std::string name = "\x80\x80\x02" + std::string(0x7fff, 'n');  // Compact length 0x8000: 32767 bytes.
    CHECK(refusal<DeleteTopicsRequest>("\2" + name + std::string(5, '\0'), 5).empty());
    const std::string longer = "\x81\x80\x02" + std::string(0x8000, 'n');
    CHECK(refusal<DeleteTopicsRequest>("\2" + longer + std::string(5, '\0'), 5) == "topic_names: string is too long");
}

TEST_CASE("a text that is too long for a string is cut between characters when it is encoded") {
    DeleteTopicsResponse response, again;
    std::string text(0x7ffe, 'x');
    text += "\xc3\xa9 and more";  // U+00E9 would end one byte behind the limit.
    response.responses.emplace_back().error_message = text;
    const std::string frame = encoded(response, 5);
    REQUIRE(decode(std::string_view(frame), 5, again));
    CHECK(again.responses[0].error_message == std::string(0x7ffe, 'x'));
}

TEST_CASE("null is refused before the version that allows it, and encodes as empty there") {
    MetadataResponse response;
    response.topics.resize(1);
    std::string frame = encoded(response, 11);
    REQUIRE(decode(std::string_view(frame), 11, response));
    CHECK(response.topics[0].name == "");
    response.topics[0].name.reset();
    frame = encoded(response, 12);
    REQUIRE(decode(std::string_view(frame), 12, response));
    CHECK_FALSE(response.topics[0].name.has_value());
    CHECK(refusal<MetadataRequest>("\xff\xff\xff\xff"sv, 0) == "topics: null before it was allowed");
    CHECK(refusal<MetadataRequest>("\xff\xff\xff\xff"sv, 1).empty());
}

TEST_CASE("a struct that may be null is there or not") {
    DescribeTopicPartitionsRequest request, again;
    std::string frame = encoded(request, 0);
    REQUIRE(decode(std::string_view(frame), 0, again));
    CHECK_FALSE(again.cursor.has_value());
    request.cursor = {"orders", PartitionId{4}};
    frame = encoded(request, 0);
    REQUIRE(decode(std::string_view(frame), 0, again));
    CHECK(again == request);
}

TEST_CASE("a struct that may be null has another mark as a tagged field") {
    // Written by kafka-group-coordinator 4.3.1: no instance, no rack, client "c" at "/h", topic "t", 7 ms, one tag of
    // 17 bytes: 1 for there, 9 ms, "range" with two bytes, no tags of either struct.
    const std::string frame("\0\0\2c\3/h\2\2t\0\0\0\0\7\0\1\0\x11\1\0\0\0\11\2\6range\3\1\2\0\0"sv);
    ConsumerGroupMemberMetadataValue value;
    REQUIRE(decode(std::string_view(frame), 0, value));
    REQUIRE(value.classic_member_metadata.has_value());
    CHECK(value.classic_member_metadata->session_timeout_ms == 9);
    CHECK(value.classic_member_metadata->supported_protocols.at(0).name == "range");
    CHECK(encoded(value, 0) == frame);
    for (std::size_t n = 0; n < frame.size(); ++n) {
        const std::vector<char> cut(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(n));
        CHECK_MESSAGE(refusal<ConsumerGroupMemberMetadataValue>({cut.data(), n}, 0) != "", n);
    }
    const std::string head = frame.substr(0, 16);
    const std::string null = head + "\1\0\1\0"s;
    REQUIRE(decode(std::string_view(null), 0, value));
    CHECK_FALSE(value.classic_member_metadata.has_value());
    CHECK(encoded(value, 0) == null);
    const std::string absent = head + "\0"s;
    REQUIRE(decode(std::string_view(absent), 0, value));
    CHECK(value.classic_member_metadata == ClassicMemberMetadata{});
    CHECK(encoded(value, 0) == absent);
    CHECK(refusal<ConsumerGroupMemberMetadataValue>(head + "\1\0\2\0\0"s, 0) ==
          "classic_member_metadata: tagged field has trailing bytes");
}

TEST_CASE("what a version cannot carry and may drop is left at its default") {
    FetchRequest request, out;
    request.topics.resize(1);
    request.topics[0].topic = "orders";
    request.topics[0].partitions.resize(1);
    request.topics[0].partitions[0].current_leader_epoch = LeaderEpoch{9};
    const std::string frame = encoded(request, 8);
    REQUIRE(decode(std::string_view(frame), 8, out));
    CHECK(out.topics[0].topic == "orders");
    CHECK(out.topics[0].partitions[0].current_leader_epoch == base::no_leader_epoch);
}

TEST_CASE("what a version cannot carry and must not drop is found before it is encoded") {
    FetchRequest request;
    CHECK(not_carried(request, 4) == nullptr);
    request.session_id = 3;  // Ignorable.
    CHECK(not_carried(request, 4) == nullptr);
    request.forgotten_topics_data.resize(1);
    CHECK(not_carried(request, 6) == std::string_view("forgotten_topics_data"));
    CHECK(not_carried(request, 7) == nullptr);
    FetchResponse response;
    response.responses.emplace_back().partitions.emplace_back().preferred_read_replica = NodeId{2};
    CHECK(not_carried(response, 10) == std::string_view("preferred_read_replica"));
    CHECK(not_carried(response, 11) == nullptr);
    response = {};
    response.responses.emplace_back().partitions.emplace_back().current_leader.leader_id = NodeId{2};
    CHECK(not_carried(response, 11) == std::string_view("current_leader"));
}

TEST_CASE("a decoded message keeps nothing of what it was before") {
    FetchRequest request;
    request.rack_id = "somewhere";
    request.topics.resize(3);
    FetchRequest empty;
    const std::string frame = encoded(empty, 4);
    REQUIRE(decode(std::string_view(frame), 4, request));
    CHECK(request == empty);
}

TEST_CASE("bytes behind a message are left alone: librdkafka sends some behind Metadata for all topics") {
    MetadataRequest request;
    REQUIRE(decode("\0\1\0\0\0\0\0"sv, 12, request));
    CHECK_FALSE(request.topics.has_value());
    CHECK(request.allow_auto_topic_creation);
}

TEST_CASE("what cannot be decoded becomes an error with place and reason") {
    const auto result = decoded<MetadataRequest>("\0\0", 4, "MetadataRequest");
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().code == base::Errc::corrupt);
    CHECK(result.error().message == "MetadataRequest: topics: truncated at byte 0");
    CHECK(decoded<MetadataRequest>("\0\0\0\0\1"sv, 4, "MetadataRequest")->topics->empty());
}
