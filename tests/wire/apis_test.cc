// SPDX-License-Identifier: Apache-2.0
// Headers, error codes and the table of APIs.
#include <doctest/doctest.h>

#include <algorithm>

#include "core/wire/api_list.h"
#include "core/wire/errors.h"
#include "core/wire/frame.h"

using namespace klog;
using namespace klog::wire;
using std::string_view_literals::operator""sv;

TEST_CASE("error codes have Kafka's names and numbers") {
    CHECK(name_of(ErrorCode::none) == "NONE");
    CHECK(name_of(ErrorCode::unknown_server_error) == "UNKNOWN_SERVER_ERROR");
    CHECK(name_of(static_cast<ErrorCode>(3)) == "UNKNOWN_TOPIC_OR_PARTITION");
    CHECK(name_of(static_cast<ErrorCode>(133)) == "SHARE_SESSION_LIMIT_REACHED");
    CHECK(name_of(static_cast<ErrorCode>(134)) == "UNKNOWN");
    CHECK(name_of(static_cast<ErrorCode>(-2)) == "UNKNOWN");
    CHECK(fmt::format("{}", ErrorCode::kafka_storage_error) == "KAFKA_STORAGE_ERROR");
}

TEST_CASE("retriable errors are told from final ones") {
    CHECK(is_retriable(ErrorCode::not_leader_or_follower));
    CHECK(needs_new_metadata(ErrorCode::not_leader_or_follower));
    CHECK(is_retriable(ErrorCode::not_enough_replicas));
    CHECK_FALSE(needs_new_metadata(ErrorCode::not_enough_replicas));
    CHECK_FALSE(is_retriable(ErrorCode::none));
    CHECK_FALSE(is_retriable(ErrorCode::message_too_large));
    CHECK_FALSE(is_retriable(static_cast<ErrorCode>(999)));
}

TEST_CASE("every error code has a sentence of its own, and is found by name and by number") {
    std::vector<std::string_view> sentences;
    for (int n = -1; n <= 133; ++n) {
        const auto code = static_cast<ErrorCode>(n);
        const auto sentence = sentence_of(code);
        CHECK_MESSAGE(sentence.ends_with('.'), name_of(code));
        CHECK_MESSAGE(std::ranges::count(sentences, sentence) == 0, name_of(code));
        sentences.push_back(sentence);
        CHECK(parse_error_code(name_of(code)) == code);
        CHECK(parse_error_code(std::to_string(n)) == code);
    }
    CHECK(std::ranges::count(sentences, sentence_of(static_cast<ErrorCode>(134))) == 0);
    CHECK(parse_error_code("not_leader_or_follower") == ErrorCode::not_leader_or_follower);
    for (const auto* bad : {"", "134", "-2", "NO_SUCH_ERROR", "3x"}) CHECK_FALSE(parse_error_code(bad).has_value());
}

TEST_CASE("ApiVersions is answered with header v0 in every version, others with v1 when flexible") {
    CHECK(response_header_version(18, true) == 0);
    CHECK(response_header_version(3, true) == 1);
    CHECK(response_header_version(3, false) == 0);
    const auto frame = encode_frame(ResponseHeader{5}, 3, ApiVersionsResponse{}).flatten();
    CHECK(*frame == "\0\0\0\014\0\0\0\5\0\0\1\0\0\0\0\0"sv);
}

TEST_CASE("a request frame opens as its API, header and body") {
    MetadataRequest request;
    request.topics.emplace().push_back({{}, "orders"});
    const auto sent = encode_frame(RequestHeader{3, 9, 77, "kcat"}, request).flatten();
    RequestFrame frame;
    REQUIRE(open_request(std::string_view(*sent).substr(frame_prefix_bytes), frame));
    CHECK(frame.api->key == ApiKey::metadata);
    CHECK(frame.header == RequestHeader{3, 9, 77, "kcat"});
    MetadataRequest again;
    REQUIRE(decode(frame.body, frame.header.api_version, again));
    CHECK(again == request);
}

TEST_CASE("the header of ApiVersions in a version that nobody knows can be read") {
    // Key 18, version 99, correlation id 1, client id "x", no tags.
    RequestFrame frame;
    REQUIRE(open_request("\0\022\0\143\0\0\0\1\0\1x\0"sv, frame));
    CHECK(frame.api->key == ApiKey::api_versions);
    CHECK_FALSE(frame.api->serves(frame.header.api_version));
    CHECK(frame.header.correlation_id == 1);
    CHECK(frame.header.client_id == "x");
}

TEST_CASE("unknown tags in a request header are skipped, and a null client id is none") {
    RequestFrame frame;
    REQUIRE(open_request("\0\3\0\11\0\0\0\1\xff\xff\1\7\2ab!"sv, frame));
    CHECK_FALSE(frame.header.client_id.has_value());
    CHECK(frame.body == "!");
}

TEST_CASE("frames of APIs that nobody serves, and short ones, are refused") {
    RequestFrame frame;
    DecodeError why;
    CHECK_FALSE(open_request("\0\143\0\0\0\0\0\1\xff\xff"sv, frame, &why));
    CHECK(std::string_view(why.what) == "unknown API");
    CHECK_FALSE(open_request("\xff\xff\0\0\0\0\0\1\xff\xff"sv, frame));
    CHECK_FALSE(open_request("\0\3\0\1\0\0\0"sv, frame, &why));
    CHECK(std::string_view(why.what) == "truncated");
    CHECK_FALSE(open_request("\0\3\0\1\0\0\0\1\0\5abc"sv, frame));
    CHECK_FALSE(open_request("\0\3\0\1\0\0\0\1\xff\xfe"sv, frame));
}

TEST_CASE("the table is in order, and finds what it lists and nothing else") {
    CHECK(std::ranges::is_sorted(served_apis(), {}, &ApiRow::key));
    for (const ApiRow& row : served_apis()) CHECK(find_api(static_cast<std::int16_t>(row.key)) == &row);
    for (const int key : {-1, 7, 17, 76, 32767}) CHECK(find_api(static_cast<std::int16_t>(key)) == nullptr);
}

TEST_CASE("Produce is announced from 0 and served from 3, others are announced as they are served") {
    for (const ApiRow& row : served_apis()) {
        if (row.key == ApiKey::produce) {
            CHECK(row.announced_first == 0);
            CHECK_FALSE(row.serves(2));
            CHECK(row.serves(3));
        } else {
            CHECK(row.announced_first == row.first);
        }
    }
}

TEST_CASE("what brokers say to each other is not for clients, and who does not pipeline is a barrier") {
    const auto audience = [](ApiKey key) { return find_api(static_cast<std::int16_t>(key))->audience; };
    for (const auto key : {ApiKey::leader_and_isr, ApiKey::stop_replica, ApiKey::update_metadata}) {
        CHECK(audience(key) == ApiAudience::controller);
    }
    CHECK(audience(ApiKey::fetch) == ApiAudience::clients);
    std::vector<ApiKey> pipelined;
    for (const ApiRow& row : served_apis()) {
        if (row.order == ApiOrder::pipelined) pipelined.push_back(row.key);
    }
    CHECK(pipelined == std::vector{ApiKey::produce, ApiKey::fetch, ApiKey::metadata, ApiKey::api_versions});
}

TEST_CASE("dispatch sees the types of every served API") {
    for (const ApiRow& row : served_apis()) {
        std::int16_t seen = -1;
        CHECK(with_api(row.key, [&]<class A>(A) { seen = A::Request::api_key; }));
        CHECK(seen == static_cast<std::int16_t>(row.key));
    }
    CHECK_FALSE(with_api(ApiKey::sasl_handshake, [](auto) {}));
    CHECK_FALSE(with_api(static_cast<ApiKey>(99), [](auto) {}));
}
