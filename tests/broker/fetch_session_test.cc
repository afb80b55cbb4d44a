// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "core/broker/fetch_session.h"

using namespace klog;
using namespace klog::broker;
using namespace std::chrono_literals;
using Kind = FetchSessions::Found::Kind;
using wire::ErrorCode;

namespace {

struct Cache {
    explicit Cache(std::size_t sessions_max = 10, std::size_t partitions_max = 1000)
        : sessions(sessions_max, partitions_max, base::Random(1)) {}

    FetchSessions::Ptr made(std::size_t size = 1, const void* owner = nullptr) {
        return sessions.create(size, true, owner != nullptr ? owner : this, now);
    }
    FetchSessions::Found find(std::int32_t id, std::int32_t epoch) { return sessions.find(id, epoch, true, this, now); }

    FetchSessions sessions;
    runtime::MonotonicTime now{};
};

FetchName named(int partition) { return {{}, "t", base::PartitionId{partition}}; }

std::vector<FetchToken> put(FetchSession& session, int count) {
    std::vector<FetchToken> tokens;
    for (int i = 0; i < count; ++i) tokens.push_back(session.put(named(i), {}));
    return tokens;
}

}  // namespace

TEST_CASE("a session expects its requests in order and no other") {
    Cache cache;
    const auto session = cache.made();
    CHECK(cache.find(session->id(), 2).error == ErrorCode::invalid_fetch_session_epoch);
    CHECK(cache.find(session->id(), 1).kind == Kind::incremental);
    CHECK(cache.find(session->id(), 1).error == ErrorCode::invalid_fetch_session_epoch);
    CHECK(cache.find(session->id(), 2).kind == Kind::incremental);
    CHECK(cache.find(session->id() + 1, 3).error == ErrorCode::fetch_session_id_not_found);
}

TEST_CASE("session epochs go round to 1") {
    CHECK(next_session_epoch(0) == 1);
    CHECK(next_session_epoch(1) == 2);
    CHECK(next_session_epoch(std::numeric_limits<std::int32_t>::max()) == 1);
    CHECK(next_session_epoch(final_session_epoch) == final_session_epoch);
}

TEST_CASE("a session cannot change from names to topic ids") {
    Cache cache;
    const auto session = cache.made();
    CHECK(cache.sessions.find(session->id(), 1, false, &cache, cache.now).error ==
          ErrorCode::fetch_session_topic_id_error);
}

TEST_CASE("epoch -1 ends the session that it names, epoch 0 makes way for a new one") {
    Cache cache;
    const auto one = cache.made();
    CHECK(cache.find(one->id(), final_session_epoch).kind == Kind::none);
    CHECK_FALSE(cache.sessions.has(*one));
    const auto two = cache.made();
    CHECK(cache.find(two->id(), initial_session_epoch).kind == Kind::create);
    CHECK_FALSE(cache.sessions.has(*two));
}

TEST_CASE("nobody uses the session of another connection") {
    Cache cache;
    const int other = 0;
    const auto session = cache.made(1, &other);
    CHECK(cache.find(session->id(), 1).error == ErrorCode::fetch_session_id_not_found);
    CHECK(cache.find(session->id(), final_session_epoch).kind == Kind::none);
    CHECK(cache.sessions.has(*session));
    cache.sessions.forget_owner(&other);
    CHECK(cache.sessions.size() == 0);
}

TEST_CASE("a full cache makes no session while all are young and in use") {
    Cache cache(2);
    const auto one = cache.made(), two = cache.made();
    CHECK(cache.made(100) == nullptr);
    cache.now += 1min;
    CHECK(cache.made(100) == nullptr);
}

TEST_CASE("a session that was not used for two minutes makes room") {
    Cache cache(2);
    const auto stale = cache.made(50), used = cache.made(50);
    cache.now += 121s;
    CHECK(cache.find(used->id(), 1).kind == Kind::incremental);
    CHECK(cache.made(1) != nullptr);
    CHECK_FALSE(cache.sessions.has(*stale));
    CHECK(cache.sessions.has(*used));
}

TEST_CASE("an old session in use makes room for a larger one only") {
    Cache cache(1);
    const auto old = cache.made(10);
    cache.now += 121s;
    CHECK(cache.find(old->id(), 1).kind == Kind::incremental);
    CHECK(cache.made(10) == nullptr);
    CHECK(cache.made(11) != nullptr);
    CHECK_FALSE(cache.sessions.has(*old));
}

TEST_CASE("what a request names is read, once") {
    Cache cache;
    const auto session = cache.made();
    const auto tokens = put(*session, 3);
    CHECK(session->take_dirty() == tokens);
    CHECK_FALSE(session->any_dirty());
    session->mark(tokens[1]);
    session->mark(tokens[1]);
    CHECK(session->take_dirty() == std::vector<FetchToken>{tokens[1]});
}

TEST_CASE("those that had no turn come before those that changed") {
    Cache cache;
    const auto session = cache.made();
    const auto tokens = put(*session, 4);
    (void)session->take_dirty();
    session->mark(tokens[0]);
    session->mark_first({tokens[2], tokens[3]});
    CHECK(session->take_dirty() == std::vector<FetchToken>{tokens[2], tokens[3], tokens[0]});
}

TEST_CASE("a forgotten partition is read no more, and its token may name another") {
    Cache cache;
    const auto session = cache.made();
    const auto tokens = put(*session, 2);
    CHECK(session->forget(named(0)) == tokens[0]);
    CHECK_FALSE(session->forget(named(0)));
    CHECK(session->size() == 1);
    CHECK(session->take_dirty() == std::vector<FetchToken>{tokens[1]});
    session->mark(tokens[0]);
    CHECK_FALSE(session->any_dirty());
    CHECK(session->put(named(7), {}) == tokens[0]);
    CHECK(session->find(tokens[0])->name == named(7));
}

TEST_CASE("a session that grows beyond its limit, or that of all sessions, ends") {
    Cache cache(10, 100);
    const auto small = cache.made(30), growing = cache.made(1);
    put(*growing, 40);
    CHECK(cache.sessions.resized(*growing, 50));
    put(*growing, 60);
    CHECK_FALSE(cache.sessions.resized(*growing, 50));
    CHECK(cache.find(growing->id(), 1).error == ErrorCode::fetch_session_id_not_found);
    CHECK(cache.sessions.size() == 1);

    const auto other = cache.made(70);
    REQUIRE(other != nullptr);
    CHECK(cache.made(1) == nullptr);
    put(*other, 71);
    CHECK_FALSE(cache.sessions.resized(*other, 1000));
    CHECK(cache.made(70) != nullptr);
    CHECK(cache.sessions.has(*small));
}
