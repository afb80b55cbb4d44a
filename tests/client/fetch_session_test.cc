// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "core/client/fetch_session.h"

using namespace klog::client;
using klog::base::Offset;
using klog::base::PartitionId;
using klog::base::Uuid;
using klog::wire::ErrorCode;
using klog::wire::FetchRequest;

namespace {

Uuid id(std::uint8_t n) {
    Uuid uuid;
    uuid.octets[0] = n;
    return uuid;
}
FetchRequest ask(FetchSession& session, const FetchSession::Wishes& wishes) {
    FetchRequest request;
    session.ask(wishes, request);
    return request;
}

}  // namespace

TEST_CASE("the first request asks for all, the next only for what changed") {
    FetchSession session;
    FetchSession::Wishes wishes{{{"a", PartitionId{0}}, {id(1), Offset{5}}},
                                {{"a", PartitionId{1}}, {id(1), Offset{6}}},
                                {{"b", PartitionId{0}}, {id(2), Offset{7}}}};
    const auto first = ask(session, wishes);
    CHECK((first.session_id == 0 && first.session_epoch == 0));
    REQUIRE(first.topics.size() == 2);
    CHECK(first.topics[0].partitions.size() == 2);
    CHECK(session.answered(ErrorCode::none, 99));

    CHECK(ask(session, wishes).topics.empty());
    CHECK(session.answered(ErrorCode::none, 99));

    wishes[{"a", PartitionId{1}}].offset = Offset{8};
    wishes.erase({"b", PartitionId{0}});
    const auto third = ask(session, wishes);
    CHECK((third.session_id == 99 && third.session_epoch == 2));
    REQUIRE(third.topics.size() == 1);
    CHECK(third.topics[0].partitions.size() == 1);
    CHECK(third.topics[0].partitions[0].fetch_offset == Offset{8});
    REQUIRE(third.forgotten_topics_data.size() == 1);
    CHECK(third.forgotten_topics_data[0].topic == "b");
    CHECK(third.forgotten_topics_data[0].topic_id == id(2));
}

TEST_CASE("a session that the broker forgot, refused or never gave begins anew") {
    FetchSession session;
    const FetchSession::Wishes wishes{{{"a", PartitionId{0}}, {id(1), Offset{5}}}};
    ask(session, wishes);
    CHECK(session.answered(ErrorCode::none, 0));  // No session, but data.
    CHECK(ask(session, wishes).topics.size() == 1);
    CHECK(session.answered(ErrorCode::none, 7));
    ask(session, wishes);
    CHECK_FALSE(session.answered(ErrorCode::fetch_session_id_not_found, 0));
    const auto again = ask(session, wishes);
    CHECK((again.session_id == 0 && again.session_epoch == 0 && again.topics.size() == 1));
    session.lost();
    CHECK(ask(session, wishes).session_epoch == 0);
}

TEST_CASE("a topic made anew under its name is forgotten under its old id") {
    FetchSession session;
    FetchSession::Wishes wishes{{{"a", PartitionId{0}}, {id(1), Offset{5}}}};
    ask(session, wishes);
    session.answered(ErrorCode::none, 7);
    wishes[{"a", PartitionId{0}}].topic_id = id(2);
    const auto next = ask(session, wishes);
    REQUIRE(next.forgotten_topics_data.size() == 1);
    CHECK(next.forgotten_topics_data[0].topic_id == id(1));
    CHECK(next.topics[0].topic_id == id(2));
}
