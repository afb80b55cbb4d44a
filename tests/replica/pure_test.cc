// SPDX-License-Identifier: Apache-2.0
// What needs no log: the rule of the high watermark, lists of changes, waiting, images.
#include <doctest/doctest.h>

#include "core/replica/high_watermark.h"
#include "core/replica/image_update.h"
#include "core/replica/waiting.h"
#include "core/replica/watch.h"
#include "core/runtime/scope.h"
#include "core/runtime/sim_runtime.h"
#include "core/wire/messages/06_update_metadata.h"

namespace klog::replica {

using base::Errc;
using base::NodeId;
using base::Offset;
using base::PartitionId;
using base::Result;
using runtime::Task;
using namespace std::chrono_literals;

namespace {

struct Rule {
    Offset own_end{10};
    std::map<NodeId, Offset> followers;
    std::vector<NodeId> isr{NodeId{1}};
    std::vector<NodeId> proposed;
    std::int32_t min_isr = 1;
    Offset current{0};

    std::int64_t next() const {
        return next_high_watermark({NodeId{1}, own_end, followers, isr, proposed, min_isr, current}).value;
    }
};

}  // namespace

TEST_CASE("alone in the ISR, the high watermark is the leader's durable end") {
    CHECK(Rule{}.next() == 10);
    CHECK(Rule{.current = Offset{12}}.next() == 12);
}

TEST_CASE("the high watermark is the smallest end over the confirmed and the proposed ISR") {
    Rule rule{.followers = {{NodeId{2}, Offset{7}}, {NodeId{3}, Offset{5}}}, .isr = {NodeId{1}, NodeId{2}}};
    CHECK(rule.next() == 7);
    rule.proposed = {NodeId{1}, NodeId{2}, NodeId{3}};
    CHECK(rule.next() == 5);
    rule.proposed = {NodeId{1}};  // A shrink that is not confirmed frees nobody.
    CHECK(rule.next() == 7);
}

TEST_CASE("a member that has not fetched in this epoch holds the high watermark") {
    CHECK(Rule{.isr = {NodeId{1}, NodeId{2}}, .current = Offset{3}}.next() == 3);
}

TEST_CASE("the high watermark stands while fewer than min.insync.replicas are in sync") {
    CHECK(Rule{.min_isr = 2, .current = Offset{4}}.next() == 4);
}

// ---- Watching

TEST_CASE("a change list gets each token once, in the order of the first change, and rings once") {
    int rings = 0;
    ChangeList list([&] { ++rings; });
    WatchList a, b;
    const auto on_a = a.add(list, 1, change_high_watermark);
    const auto on_b = b.add(list, 2, change_log_end);
    b.notify(change_log_end);
    a.notify(change_high_watermark);
    b.notify(change_log_end);
    a.notify(change_log_start);  // Not asked for.
    CHECK(rings == 1);
    CHECK(list.take() == std::vector<std::uint64_t>{2, 1});
    CHECK(list.take().empty());
    a.notify(change_log_start);
    CHECK(list.empty());
    a.notify(change_high_watermark);
    CHECK(rings == 2);
    CHECK(list.take() == std::vector<std::uint64_t>{1});
}

TEST_CASE("a registration that ends is forgotten, also while its change is pending") {
    ChangeList list([] {});
    WatchList partition;
    {
        const auto kept = partition.add(list, 1, change_log_end);
        const auto other = partition.add(list, 2, change_log_end);
        partition.notify(change_log_end);
        CHECK(partition.size() == 2);
    }
    CHECK(list.take().empty());
    CHECK(partition.size() == 0);
    CHECK(list.registered() == 0);
}

TEST_CASE("a partition that goes tells those who watch it, and their registrations may outlive it") {
    ChangeList list([] {});
    Registration watching;
    {
        WatchList partition;
        watching = partition.add(list, 7, change_high_watermark);
    }
    CHECK(list.take() == std::vector<std::uint64_t>{7});
}

// ---- Waiting

namespace {

Task<void> wait_for(std::shared_ptr<WaitQueue> queue, Offset target, runtime::MonotonicTime deadline, std::string name,
                    std::string* order) {
    const Result<> done = co_await Acknowledged(queue, target, deadline);
    *order += name + (done ? "" : "!") + " ";
    if (!done && done.error().code == Errc::timed_out) *order += "late ";
}

Task<void> reach_in_turn(std::string* order) {
    const auto queue = std::make_shared<WaitQueue>();
    const auto now = runtime::Shard::current()->now();
    runtime::Scope scope;
    scope.spawn(wait_for(queue, Offset{5}, now + 1h, "five", order));
    scope.spawn(wait_for(queue, Offset{9}, now + 1h, "nine", order));
    scope.spawn(wait_for(queue, Offset{3}, now + 1h, "three", order));
    scope.spawn(wait_for(queue, Offset{9}, now + 1ms, "early", order));
    CHECK(queue->size() == 4);
    queue->reach(Offset{4});
    co_await runtime::yield_now();
    CHECK(*order == "three ");
    queue->reach(Offset{5});
    co_await runtime::sleep_until(now + 2ms);
    CHECK(*order == "three five early! late ");
    scope.spawn(wait_for(queue, Offset{5}, now + 1h, "past", order));
    queue->close({Errc::not_leader, "moved"});
    scope.spawn(wait_for(queue, Offset{20}, now + 1h, "after", order));
    co_await scope.join();
    CHECK(queue->empty());
}

}  // namespace

TEST_CASE("who waits is done in the order of offsets, at the deadline, or when the queue closes") {
    runtime::SimRuntime sim(1, 1);
    std::string order;
    sim.run(reach_in_turn(&order));
    CHECK(order == "three five early! late past after! nine! ");
    CHECK(sim.clock().now() - runtime::MonotonicTime{} < 1h);
}

// ---- Images

namespace {

base::Uuid id_of(std::uint8_t n) {
    base::Uuid id;
    id.octets[15] = n;
    return id;
}

wire::UpdateMetadataRequest request_of(std::string topic, base::Uuid id, std::vector<int> partitions, int leader = 1) {
    wire::UpdateMetadataRequest request;
    request.controller_id = NodeId{1};
    auto& told = request.topic_states.emplace_back();
    told.topic_name = std::move(topic);
    told.topic_id = id;
    for (const int index : partitions) {
        auto& state = told.partition_states.emplace_back();
        state.partition_index = PartitionId{index};
        state.leader = NodeId{leader};
        state.replicas = {NodeId{1}};
    }
    return request;
}

meta::Image::Ptr after(const meta::Image::Ptr& image, const wire::UpdateMetadataRequest& request) {
    meta::Image::Change change(*image);
    REQUIRE(apply(change, request));
    return std::move(change).finish();
}

}  // namespace

TEST_CASE("an image takes topics from requests and loses those that are deleted") {
    const auto empty = std::make_shared<const meta::Image>();
    const auto one = after(empty, request_of("b", id_of(1), {0, 1}));
    const auto two = after(one, request_of("a", id_of(2), {0}));
    CHECK(two->topics().size() == 2);
    CHECK(two->topics()[0]->name == "a");
    CHECK(two->topic(id_of(1))->partitions.size() == 2);
    CHECK(two->version() > one->version());
    CHECK(one->topic("a") == nullptr);
    const auto grown = after(two, request_of("b", id_of(1), {2}));
    CHECK(grown->topic("b")->partitions.size() == 3);
    const auto deleted = after(grown, request_of("b", id_of(1), {0, 1, 2}, meta::leader_during_delete.value));
    CHECK(deleted->topic("b") == nullptr);
    CHECK(deleted->topic(id_of(1)) == nullptr);
    CHECK(deleted->topics().size() == 1);
}

TEST_CASE("a topic made anew replaces the old one, and the old one's deletion does not harm it") {
    auto image = after(std::make_shared<const meta::Image>(), request_of("t", id_of(1), {0, 1}));
    image = after(image, request_of("t", id_of(2), {0}));
    CHECK(image->topic("t")->id == id_of(2));
    CHECK(image->topic("t")->partitions.size() == 1);
    CHECK(image->topic(id_of(1)) == nullptr);
    image = after(image, request_of("t", id_of(1), {0}, meta::leader_during_delete.value));
    CHECK(image->topic("t")->id == id_of(2));
}

TEST_CASE("a full request drops what it does not list") {
    auto image = after(std::make_shared<const meta::Image>(), request_of("a", id_of(1), {0}));
    auto full = request_of("b", id_of(2), {0});
    full.type = full_request;
    image = after(image, full);
    CHECK(image->topic("a") == nullptr);
    CHECK(image->topic("b") != nullptr);
}

TEST_CASE("an impossible partition number does not grow an image") {
    meta::Image::Change change(meta::Image{});
    for (const int index : {-1, partitions_believed_max, INT32_MAX}) {
        CHECK_FALSE(apply(change, request_of("t", id_of(1), {index})));
    }
}

}  // namespace klog::replica
