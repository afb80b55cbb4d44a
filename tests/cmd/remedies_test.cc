// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "cmd/remedies.h"

using namespace klog::cmd;
using klog::wire::ErrorCode;

TEST_CASE("every error of Kafka has a sentence and a remedy") {
    const std::string_view unknown = klog::wire::sentence_of(static_cast<ErrorCode>(30'000));
    for (int code = -1; code <= 133; ++code) {
        CAPTURE(code);
        const auto error = static_cast<ErrorCode>(code);
        CHECK(klog::wire::sentence_of(error) != unknown);
        CHECK(remedy_of(error).ends_with('.'));
    }
}

TEST_CASE("an error is found by its number and by what other programs call it") {
    for (const char* text :
         {"6", "NOT_LEADER_OR_FOLLOWER", "not_leader_or_follower", "NotLeaderOrFollowerException",
          "org.apache.kafka.common.errors.NotLeaderOrFollowerException", "RD_KAFKA_RESP_ERR_NOT_LEADER_OR_FOLLOWER"})
        CHECK_MESSAGE(find_error(text) == ErrorCode::not_leader_or_follower, text);
    CHECK(find_error("InvalidTopicException") == ErrorCode::invalid_topic_exception);
    CHECK(find_error("-1") == ErrorCode::unknown_server_error);
    for (const char* text : {"", "134", "-2", "Exception", "ERR_", "."}) CHECK_MESSAGE(!find_error(text), text);
}
