// SPDX-License-Identifier: Apache-2.0
// A partition as its leader serves it.
#include "tests/replica/one_partition.h"

namespace klog::replica::testing {

using Values = std::vector<std::string>;

TEST_CASE("what was acknowledged is durable, below the high watermark, and read back in order") {
    OneBroker broker;
    good(broker.create("t"));
    const auto first = produce_to(broker, "t", {"a", "b"});
    good(first.acknowledged);
    CHECK(good(first.outcomes[0]).base_offset == Offset{0});
    const auto second = produce_to(broker, "t", {"c"});
    CHECK(good(second.outcomes[0]).base_offset == Offset{2});
    CHECK(values_from(broker, "t") == Values{"a", "b", "c"});
    CHECK(values_from(broker, "t", 2) == Values{"c"});
    CHECK(values_from(broker, "t", 3).empty());
    broker.kill(os::Crash::drop_unsynced);
    good(broker.start());
    CHECK(values_from(broker, "t") == Values{"a", "b", "c"});
}

TEST_CASE("without enough replicas in sync acks=all is refused, and told how many it takes") {
    OneBroker broker;
    good(broker.create("t"));
    const auto produced = on_owner(broker, "t", 0, [](Partition* partition) {
        partition->set_config(partition->config(), 3);
        const auto epoch = LeaderEpoch{partition->leader_epoch().value + 1};
        partition->set_state({NodeId{1}, epoch, {NodeId{1}}, {NodeId{1}, NodeId{2}}, 1});
        return produce(partition, {batch_of({"x"})}, Acks::all);
    });
    CHECK(code(produced.point) == "not_enough_replicas");
    CHECK(produced.point.error().message.find("1 replicas in sync, 2 needed") != std::string::npos);
}

namespace {

Task<Produced> append_and_look(Partition* partition) {
    good(co_await partition->prepare_append());
    const std::string bytes = batch_of({"x"});
    auto valid = *records::validate(bytes, partition->config()->batch_rules(), 1'700'000'000'000);
    std::vector<log::LeaderAppend> appends(1);
    appends[0].batch = &valid;
    good(partition->append(appends, Acks::leader));
    CHECK(partition->offsets().log_end == Offset{1});
    CHECK(partition->offsets().high_watermark == Offset{0});
    const auto committed = good(co_await read(partition, Offset{0}, Isolation::read_uncommitted));
    CHECK(committed.slices.empty());
    const auto written = good(co_await read(partition, Offset{0}, Isolation::log_end));
    CHECK(values_in(written) == Values{"x"});
    const auto deadline = runtime::Shard::current()->now() + 10s;
    good(co_await partition->acknowledged(Offset{1}, partition->leader_epoch(), Acks::leader, deadline));
    CHECK(partition->offsets().flushed_end == Offset{1});
    CHECK(partition->offsets().high_watermark == Offset{1});
    co_return Produced{};
}

}  // namespace

TEST_CASE("with durability=fsync nothing is acknowledged or readable before it is flushed") {
    OneBroker broker;
    good(broker.create("t"));
    on_owner(broker, "t", 0, append_and_look);
}

TEST_CASE("with durability=os it is acknowledged from the page cache, and flushed after flush.ms") {
    OneBroker broker(false);
    broker.log_config.durability = log::Durability::os;
    broker.log_config.flush_ms = 200;
    good(broker.start());
    good(broker.create("t"));
    good(produce_to(broker, "t", {"a"}).acknowledged);
    CHECK(offsets_of(broker, "t").flushed_end == Offset{0});
    CHECK(values_from(broker, "t") == Values{"a"});
    broker.sim->run_for(1s);
    CHECK(offsets_of(broker, "t").flushed_end == Offset{1});
}

TEST_CASE("a batch that its producer has sent before is acknowledged with its first offsets") {
    OneBroker broker;
    good(broker.create("t"));
    const records::ProducerInfo producer{base::ProducerId{5}, base::ProducerEpoch{0}, 0};
    const auto send = [&](records::ProducerInfo who) {
        return on_owner(broker, "t", 0, [batch = batch_of({"a", "b"}, who)](Partition* partition) {
            return produce(partition, {batch}, Acks::all);
        });
    };
    CHECK_FALSE(good(send(producer).outcomes[0]).duplicate);
    const auto again = send(producer);
    CHECK(good(again.outcomes[0]).duplicate);
    CHECK(good(again.outcomes[0]).base_offset == Offset{0});
    good(again.acknowledged);
    CHECK(code(send({producer.id, producer.epoch, 7}).outcomes[0]) == "out_of_order_sequence");
    CHECK(values_from(broker, "t") == Values{"a", "b"});
}

TEST_CASE("one batch that is refused does not harm the others of the same append") {
    OneBroker broker;
    good(broker.create("t"));
    const records::ProducerInfo producer{base::ProducerId{5}, base::ProducerEpoch{0}, 0};
    good(on_owner(broker, "t", 0, [batch = batch_of({"first"}, producer)](Partition* partition) {
             return produce(partition, {batch}, Acks::all);
         }).acknowledged);
    const auto gap = batch_of({"x"}, {producer.id, producer.epoch, 9});
    const auto produced = on_owner(broker, "t", 0, [gap](Partition* partition) {
        return produce(partition, {batch_of({"a"}), gap, batch_of({"b"})}, Acks::all);
    });
    CHECK(code(produced.outcomes[0]) == "ok");
    CHECK(code(produced.outcomes[1]) == "out_of_order_sequence");
    CHECK(code(produced.outcomes[2]) == "ok");
    good(produced.acknowledged);
    CHECK(values_from(broker, "t") == Values{"first", "a", "b"});
}

namespace {

Task<std::string> codes_by_epoch(Partition* partition) {
    std::string text;
    for (const int epoch : {0, 1, 2}) {
        ReadRequest request;
        request.bytes_max = 100;
        request.current_leader_epoch = LeaderEpoch{epoch};
        text += code(co_await partition->read(request)) + " ";
        text += code(co_await partition->list_offsets(-1, Isolation::read_uncommitted, LeaderEpoch{epoch})) + " ";
    }
    co_return text;
}

}  // namespace

TEST_CASE("a stale leader epoch is fenced, a newer one is not known yet") {
    OneBroker broker;
    good(broker.create("t"));
    broker.kill();
    good(broker.start());
    CHECK(on_owner(broker, "t", 0, codes_by_epoch) == "fenced_epoch fenced_epoch ok ok unknown_epoch unknown_epoch ");
}

TEST_CASE("offsets are found by time and by their special names") {
    OneBroker broker;
    good(broker.create("t"));
    good(produce_to(broker, "t", {"a", "b", "c"}).acknowledged);
    const auto ask = [&](std::int64_t timestamp) {
        return on_owner(broker, "t", 0, [timestamp](Partition* partition) {
            return partition->list_offsets(timestamp, Isolation::read_uncommitted, std::nullopt);
        });
    };
    const auto find = [&](std::int64_t timestamp) { return good(ask(timestamp)).offset.value; };
    CHECK(find(-1) == 3);
    CHECK(find(-2) == 0);
    CHECK(find(-4) == 0);
    CHECK(find(-3) == 2);
    CHECK(good(ask(-3)).timestamp == 1'700'000'000'002);
    CHECK(find(-5) == -1);
    CHECK(find(-6) == -1);
    CHECK(find(0) == 0);
    CHECK(find(1'700'000'000'001) == 1);
    CHECK(find(1'800'000'000'000) == -1);
    CHECK(code(ask(-9)) == "invalid_argument");
}

TEST_CASE("each epoch ends where the next began, also over restarts") {
    OneBroker broker;
    good(broker.create("t"));
    good(produce_to(broker, "t", {"a", "b"}).acknowledged);
    broker.stop();
    good(broker.start());
    const auto end_of = [&](int epoch) {
        return good(on_owner(broker, "t", 0, [epoch](Partition* partition) {
            return partition->end_offset_for_epoch(LeaderEpoch{epoch}, std::nullopt);
        }));
    };
    CHECK(end_of(0) == EpochEnd{LeaderEpoch{0}, Offset{2}});
    CHECK(end_of(1) == EpochEnd{LeaderEpoch{1}, Offset{2}});
    good(produce_to(broker, "t", {"c"}).acknowledged);
    CHECK(end_of(0) == EpochEnd{LeaderEpoch{0}, Offset{2}});
    CHECK(end_of(1) == EpochEnd{LeaderEpoch{1}, Offset{3}});
    CHECK(end_of(2) == EpochEnd{});
}

TEST_CASE("records are deleted up to the high watermark, durably") {
    OneBroker broker;
    good(broker.create("t"));
    good(produce_to(broker, "t", {"a"}).acknowledged);
    good(produce_to(broker, "t", {"b"}).acknowledged);
    const auto remove = [&](std::int64_t before) {
        return on_owner(broker, "t", 0, [before](Partition* p) { return p->delete_records(Offset{before}); });
    };
    CHECK(code(remove(3)) == "offset_out_of_range");
    CHECK(code(remove(-2)) == "offset_out_of_range");
    CHECK(good(remove(1)) == Offset{1});
    CHECK(values_from(broker, "t", 1) == Values{"b"});
    const auto gone = on_owner(
        broker, "t", 0, [](Partition* partition) { return read(partition, Offset{0}, Isolation::read_uncommitted); });
    CHECK(code(gone) == "offset_out_of_range");
    CHECK(good(remove(-1)) == Offset{2});
    broker.kill(os::Crash::drop_unsynced);
    good(broker.start());
    CHECK(offsets_of(broker, "t").log_start == Offset{2});
    CHECK(offsets_of(broker, "t").high_watermark == Offset{2});
}

namespace {

Task<Produced> watch_all(Partition* partition) {
    int rings = 0;
    ChangeList list([&rings] { ++rings; });
    const auto watching = partition->watch(list, 42, change_high_watermark);
    (void)co_await produce(partition, {batch_of({"a"})}, Acks::all);
    (void)list.take();
    rings = 0;
    CHECK(partition->bytes_available(Offset{1}, Isolation::read_uncommitted) == 0);
    auto produced = co_await produce(partition, {batch_of({"b"})}, Acks::all);
    CHECK(rings == 1);
    CHECK(list.take() == std::vector<std::uint64_t>{42});
    CHECK(partition->bytes_available(Offset{1}, Isolation::read_uncommitted) == batch_of({"b"}).size());
    co_return produced;
}

Task<std::string> wait_under(Partition* partition, LeaderEpoch epoch) {
    const auto deadline = runtime::Shard::current()->now() + 1s;
    co_return code(co_await partition->acknowledged(Offset{1'000}, epoch, Acks::all, deadline));
}

}  // namespace

TEST_CASE("who watches is told when the high watermark moves, not before") {
    OneBroker broker;
    good(broker.create("t"));
    good(on_owner(broker, "t", 0, watch_all).acknowledged);
}

TEST_CASE("an acknowledgement that does not come is answered at the deadline, or when the epoch is over") {
    OneBroker broker;
    good(broker.create("t"));
    const auto in = [&](int epoch) {
        return on_owner(broker, "t", 0, [epoch](Partition* p) { return wait_under(p, LeaderEpoch{epoch}); });
    };
    CHECK(in(0) == "timed_out");
    CHECK(in(5) == "not_leader");
}

}  // namespace klog::replica::testing
