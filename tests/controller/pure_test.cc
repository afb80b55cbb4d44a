// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "core/controller/assignment.h"
#include "core/controller/election.h"
#include "core/controller/topic_names.h"

using namespace klog;
using namespace klog::controller;
using base::Errc;
using base::NodeId;

namespace {

std::vector<NodeId> nodes(std::initializer_list<std::int32_t> ids) {
    std::vector<NodeId> all;
    for (const std::int32_t id : ids) all.push_back(NodeId{id});
    return all;
}

Usable alive(std::vector<NodeId> ids) {
    return [ids](NodeId id) { return std::ranges::find(ids, id) != ids.end(); };
}

}  // namespace

TEST_CASE("topic names are legal as in Kafka") {
    for (const char* good : {"a", "A.b_c-9", "...", "__consumer_offsets"}) CHECK(check_topic_name(good));
    CHECK(check_topic_name(std::string(249, 'x')));
    for (const std::string& bad :
         {std::string(), std::string("."), std::string(".."), std::string(250, 'x'), std::string("a b"),
          std::string("a/b"), std::string("\xc3\xa4"), std::string("a\0b", 3)}) {
        const auto checked = check_topic_name(bad);
        REQUIRE_FALSE(checked);
        CHECK(checked.error().code == Errc::invalid_topic);
    }
    CHECK(collision_form("a.b_c") == collision_form("a_b.c"));
    CHECK(collision_form("a.b") != collision_form("a-b"));
}

TEST_CASE("partitions are spread: each broker leads and follows equally often, no broker twice for one partition") {
    const auto brokers = nodes({1, 2, 5});
    const auto assignment = assign_replicas(brokers, 12, 2, 1);
    REQUIRE(assignment);
    std::map<NodeId, int> leads, follows;
    for (const Replicas& replicas : *assignment) {
        REQUIRE(replicas.size() == 2);
        CHECK(replicas[0] != replicas[1]);
        ++leads[replicas[0]];
        ++follows[replicas[1]];
    }
    for (const NodeId id : brokers) {
        CHECK(leads[id] == 4);
        CHECK(follows[id] == 4);
    }
    CHECK(assignment->front().front() == NodeId{2});
    CHECK(check_assignment(*assignment, brokers));
}

TEST_CASE("more replicas than brokers, or none, are refused") {
    for (const std::int16_t factor : {std::int16_t{0}, std::int16_t{-2}, std::int16_t{4}}) {
        const auto assignment = assign_replicas(nodes({1, 2, 3}), 1, factor, 0);
        REQUIRE_FALSE(assignment);
        CHECK(assignment.error().code == Errc::invalid_replication_factor);
    }
    CHECK_FALSE(assign_replicas({}, 1, 1, 0));
}

TEST_CASE("an assignment by hand needs known brokers, none twice, as many everywhere") {
    const auto brokers = nodes({1, 2});
    CHECK(check_assignment(std::vector<Replicas>{nodes({1, 2}), nodes({2, 1})}, brokers));
    for (const auto& bad :
         {std::vector<Replicas>{nodes({1, 1})}, {nodes({1}), nodes({1, 2})}, {nodes({3})}, {nodes({})}}) {
        const auto checked = check_assignment(bad, brokers);
        REQUIRE_FALSE(checked);
        CHECK(checked.error().code == Errc::invalid_replica_assignment);
    }
}

TEST_CASE("a new partition is led by its first replica that is alive") {
    const auto state = first_state(nodes({3, 1, 2}), {7}, alive(nodes({1, 2})));
    REQUIRE(state);
    CHECK(state->leader == NodeId{1});
    CHECK(state->isr == nodes({1, 2}));
    CHECK(state->controller_epoch.value == 7);
    CHECK_FALSE(first_state(nodes({3}), {7}, alive({})));
}

TEST_CASE("only a replica in sync takes over, and the epoch grows") {
    meta::PartitionState before{{1}, NodeId{1}, {4}, nodes({1, 3}), 0};
    const auto after = elect(before, nodes({1, 2, 3}), {2}, alive(nodes({2, 3})), false);
    CHECK(after.leader == NodeId{3});
    CHECK(after.isr == nodes({3}));
    CHECK(after.leader_epoch.value == 5);
    CHECK(after.controller_epoch.value == 2);
}

TEST_CASE("with nobody in sync alive there is no leader and the ISR is kept, unless unclean election is allowed") {
    meta::PartitionState before{{1}, NodeId{1}, {4}, nodes({1}), 0};
    const auto none = elect(before, nodes({1, 2}), {2}, alive(nodes({2})), false);
    CHECK(none.leader == meta::no_leader);
    CHECK(none.isr == nodes({1}));
    const auto unclean = elect(before, nodes({1, 2}), {2}, alive(nodes({2})), true);
    CHECK(unclean.leader == NodeId{2});
    CHECK(unclean.isr == nodes({2}));
    CHECK(unclean.leader_recovery_state == 1);
}
