// SPDX-License-Identifier: Apache-2.0
// The broker's entry for the controller, its directories, and its background work.
#include "core/wire/errors.h"
#include "tests/replica/one_partition.h"

namespace klog::replica::testing {

using wire::ErrorCode;
using Values = std::vector<std::string>;

namespace {

std::shared_ptr<wire::LeaderAndIsrRequest> leader_request(const meta::Topic& topic, int controller_epoch,
                                                          int leader_epoch, std::int64_t broker_epoch = -1) {
    auto request = std::make_shared<wire::LeaderAndIsrRequest>();
    request->controller_id = NodeId{1};
    request->controller_epoch = base::ControllerEpoch{controller_epoch};
    request->broker_epoch = base::BrokerEpoch{broker_epoch};
    auto& told = request->topic_states.emplace_back();
    told.topic_name = topic.name;
    told.topic_id = topic.id;
    auto& state = told.partition_states.emplace_back();
    state.leader = NodeId{1};
    state.leader_epoch = LeaderEpoch{leader_epoch};
    state.isr = state.replicas = {NodeId{1}};
    return request;
}

Task<int> leader_epoch_of(Partition* partition) { co_return partition->leader_epoch().value; }
Task<int> segment_bytes_of(Partition* partition) { co_return partition->config()->segment_bytes; }

Task<std::string> wait_long(Partition* partition) {
    const auto deadline = runtime::Shard::current()->now() + 1h;
    co_return code(co_await partition->acknowledged(Offset{99}, LeaderEpoch{0}, Acks::all, deadline));
}

/// At home: the leader moves while a produce waits on the owner's shard.
Task<std::string> move_while_waiting(Replicas* replicas, PartitionKey key,
                                     std::shared_ptr<const wire::LeaderAndIsrRequest> request) {
    struct Wait {
        static Task<void> run(Replicas* in, PartitionKey wanted, std::string* out) {
            *out = co_await runtime::call_on(in->owner(wanted), [in, wanted] { return wait_long(in->find(wanted)); });
        }
    };
    std::string waited;
    runtime::Scope scope;
    scope.spawn(Wait::run(replicas, key, &waited));
    co_await runtime::sleep_until(runtime::Shard::current()->now() + 1s);
    CHECK(waited.empty());
    (void)co_await replicas->leader_and_isr(std::move(request));
    co_await scope.join();
    co_return waited;
}

Task<void> write_config(meta::Store* store) {
    meta::Set config{"/config/topics/t", meta::encode_config({{"a", "b"}}), meta::any_version};
    good(co_await store->set(std::move(config)));
    meta::Create note{std::string(meta::paths::config_change_prefix), meta::encode_config_change("topics/t"),
                      meta::Lifetime::persistent, true};
    good(co_await store->create(std::move(note)));
}

}  // namespace

TEST_CASE("requests of an older controller, or for an earlier life, are refused; newer epochs are followed") {
    OneBroker broker;
    good(broker.create("t"));
    const auto topic = *broker.image()->topic("t");
    const auto send = [&](std::shared_ptr<wire::LeaderAndIsrRequest> request) {
        return broker.run(broker.replicas().leader_and_isr(std::move(request)));
    };
    const auto partition_code = [&](std::shared_ptr<wire::LeaderAndIsrRequest> request) {
        const auto answer = send(std::move(request));
        REQUIRE(answer.topics.size() == 1);
        return answer.topics[0].partition_errors[0].error_code;
    };
    CHECK(send(leader_request(topic, 0, 5)).error_code == ErrorCode::stale_controller_epoch);
    CHECK(send(leader_request(topic, 1, 5, 0)).error_code == ErrorCode::stale_broker_epoch);
    CHECK(partition_code(leader_request(topic, 1, 5)) == ErrorCode::none);
    CHECK(partition_code(leader_request(topic, 1, 5)) == ErrorCode::none);
    CHECK(partition_code(leader_request(topic, 1, 4)) == ErrorCode::stale_controller_epoch);
    auto other_id = topic;
    other_id.id.octets[3] ^= 1;
    CHECK(partition_code(leader_request(other_id, 1, 9)) == ErrorCode::inconsistent_topic_id);
    auto elsewhere = leader_request(topic, 1, 9);
    elsewhere->topic_states[0].partition_states[0].replicas = {NodeId{2}};
    CHECK(partition_code(elsewhere) == ErrorCode::unknown_topic_or_partition);
    CHECK(on_owner(broker, "t", 0, leader_epoch_of) == 5);
    CHECK(send(leader_request(topic, 8, 6)).error_code == ErrorCode::none);
    CHECK(send(leader_request(topic, 7, 7)).error_code == ErrorCode::stale_controller_epoch);
}

TEST_CASE("waiting produces end with not_leader when the leader moves") {
    OneBroker broker;
    good(broker.create("t"));
    const auto topic = *broker.image()->topic("t");
    auto request = leader_request(topic, 1, 3);
    request->topic_states[0].partition_states[0].leader = NodeId{2};
    request->topic_states[0].partition_states[0].replicas = {NodeId{1}, NodeId{2}};
    const PartitionKey key{topic.id, PartitionId{0}};
    CHECK(broker.run(move_while_waiting(&broker.replicas(), key, std::move(request))) == "not_leader");
    CHECK(code(produce_to(broker, "t", {"x"}).point) == "not_leader");
}

TEST_CASE("new partitions go to the directory with the fewest, and stay where they are") {
    OneBroker broker(false);
    broker.log_dirs = {"/data", "/more"};
    good(broker.start());
    good(broker.create("t", 6));
    CHECK(broker.directories("/data").size() == 4);  // With the metadata.
    CHECK(broker.directories("/more").size() == 3);
    const auto before = broker.directories("/more");
    broker.kill();
    good(broker.start());
    CHECK(broker.directories("/more") == before);
    const auto dirs = broker.run(broker.replicas().describe_log_dirs());
    REQUIRE(dirs.size() == 2);
    CHECK(dirs[0].path == "/data");
    CHECK(dirs[0].replicas.size() == 3);
    CHECK(dirs[1].replicas.size() == 3);
    CHECK(dirs[1].total_bytes > 0);
}

namespace {

bool is_there(const std::vector<std::string>& names, std::string_view name) {
    return std::ranges::find(names, name) != names.end();
}

struct TwoDirectories : OneBroker {
    TwoDirectories() : OneBroker(false) {
        log_dirs = {"/data", "/more"};
        good(start());
    }
    std::string home_of_t() { return is_there(directories("/data"), "t_0") ? "/data" : "/more"; }
    std::string other_than(const std::string& home) { return home == "/data" ? "/more" : "/data"; }
    bool has_stray(const std::string& parent) {
        return std::ranges::any_of(directories(parent), [](const auto& name) { return name.ends_with("-stray"); });
    }
    /// A directory of t's only partition, of this topic id, perhaps with something in its segment.
    void plant(const std::string& parent, const std::optional<base::Uuid>& id, std::string_view segment) {
        const std::string at = parent + "/t_0";
        good(disk.make_directory(at));
        if (id)
            good(os::replace_file(disk, at + "/partition.metadata", "version: 0\ntopic_id: " + id->to_string() + "\n"));
        good(os::replace_file(disk, at + "/00000000000000000000.log", segment));
    }
};

}  // namespace

TEST_CASE("of two directories that bear a partition's name, the one with its records is the partition") {
    TwoDirectories broker;
    good(broker.create("t"));
    good(produce_to(broker, "t", {"kept"}).acknowledged);
    const std::string home = broker.home_of_t();
    const base::Uuid id = broker.image()->topic("t")->id;
    std::optional<base::Uuid> planted;
    SUBCASE("the other is of the same topic") { planted = id; }
    SUBCASE("of which is not known whose it is") {}
    broker.stop();
    broker.plant(broker.other_than(home), planted, "");
    good(broker.start());
    CHECK(values_from(broker, "t") == Values{"kept"});
    CHECK(broker.home_of_t() == home);
    CHECK_FALSE(is_there(broker.directories(broker.other_than(home)), "t_0"));
}

TEST_CASE("where two directories have records of one partition, it is refused and the others are served") {
    TwoDirectories broker;
    good(broker.create("t"));
    good(broker.create("u"));
    good(produce_to(broker, "t", {"kept"}).acknowledged);
    const std::string home = broker.home_of_t();
    const base::Uuid id = broker.image()->topic("t")->id;
    broker.stop();
    broker.plant(broker.other_than(home), id, "some");
    good(broker.start());
    CHECK(broker.image()->topic("t")->partitions[0].leader == meta::no_leader);
    good(produce_to(broker, "u", {"x"}).acknowledged);
    CHECK(is_there(broker.directories("/data"), "t_0"));
    CHECK(is_there(broker.directories("/more"), "t_0"));
}

TEST_CASE("a directory of another topic is put aside, and the partition is made") {
    TwoDirectories broker;
    broker.stop();
    base::Random random(3);
    broker.plant("/more", base::Uuid::random(random), "somebody's");
    good(broker.start());
    good(broker.create("t"));
    good(produce_to(broker, "t", {"mine"}).acknowledged);
    CHECK(broker.has_stray("/more"));
    broker.kill();
    good(broker.start());
    CHECK(values_from(broker, "t") == Values{"mine"});
}

TEST_CASE("nothing is made of a partition that may be in a log directory that is offline") {
    TwoDirectories broker;
    good(broker.create("first"));  // It goes to the directory that has the metadata.
    good(broker.create("t"));
    good(produce_to(broker, "t", {"kept"}).acknowledged);
    REQUIRE(broker.home_of_t() == "/more");
    broker.stop();
    broker.disk.plan({.call = os::Call::open, .lasting = true, .path_part = "/more/meta.properties"});
    good(broker.start([](Life& life) { life.random = base::Random(7); }));  // Else ids come a second time.
    CHECK(broker.image()->topic("t")->partitions[0].leader == meta::no_leader);
    CHECK_FALSE(is_there(broker.directories("/data"), "t_0"));
    good(broker.create("new"));
    good(produce_to(broker, "new", {"x"}).acknowledged);
    CHECK(is_there(broker.directories("/data"), "new_0"));
    broker.disk.clear_faults();
    broker.kill();
    good(broker.start());
    CHECK(values_from(broker, "t") == Values{"kept"});
}

TEST_CASE("a partition whose directory failed while it was made is not made in another one") {
    TwoDirectories broker;
    good(broker.create("first"));
    broker.disk.plan({.call = os::Call::open, .path_part = "/more/t_0/00000000000000000000.log"});
    CHECK(code(broker.create("t")) == "timed_out");
    broker.sim->run_for(3s);
    CHECK_FALSE(is_there(broker.directories("/data"), "t_0"));
    broker.kill();
    good(broker.start());
    good(produce_to(broker, "t", {"x"}).acknowledged);
    CHECK(is_there(broker.directories("/more"), "t_0"));
}

TEST_CASE("a partition that could not be made for want of space is made when there is some") {
    TwoDirectories broker;
    broker.disk.plan({.call = os::Call::write, .code = Errc::no_space, .path_part = "t_0/partition.metadata"});
    CHECK(code(broker.create("t")) == "timed_out");
    broker.sim->run_for(3s);
    good(produce_to(broker, "t", {"x"}).acknowledged);
    CHECK(is_there(broker.directories("/data"), "t_0") != is_there(broker.directories("/more"), "t_0"));
}

TEST_CASE("a new partition goes where there is room") {
    TwoDirectories broker;
    good(broker.create("a"));
    good(broker.create("b"));
    REQUIRE(is_there(broker.directories("/data"), "a_0"));
    REQUIRE(is_there(broker.directories("/more"), "b_0"));
    // Enough for a small topic, not enough for a directory that was full to count as having room.
    broker.disk.set_capacity(broker.disk.used_bytes() + 500'000);
    broker.disk.plan({.call = os::Call::write, .code = Errc::no_space, .path_part = "/data/a_0/"});
    CHECK(code(produce_to(broker, "a", {"x"}).point) == "no_space");
    good(broker.create("c"));
    CHECK(is_there(broker.directories("/more"), "c_0"));
}

TEST_CASE("a log that cannot be opened for want of descriptors is opened when there are some") {
    OneBroker broker;
    good(broker.create("t"));
    good(produce_to(broker, "t", {"kept"}).acknowledged);
    broker.kill();
    broker.disk.plan(
        {.call = os::Call::open, .code = Errc::limit, .lasting = true, .path_part = "/t_0/00000000000000000000.log"});
    good(broker.start());
    broker.sim->run_for(3s);
    CHECK(code(produce_to(broker, "t", {"refused"}).point) == "limit");
    broker.disk.clear_faults();
    CHECK(values_from(broker, "t") == Values{"kept"});
}

TEST_CASE("a directory of another cluster is refused") {
    OneBroker broker;
    broker.stop();
    std::string text = good(os::read_file(broker.disk, "/data/meta.properties", 10'000));
    text.replace(text.find("test-cluster"), 12, "other-stuff1");
    good(os::replace_file(broker.disk, "/data/meta.properties", text));
    CHECK(code(broker.start()) == "invalid_config");
    broker.kill();
}

TEST_CASE("after a failed sync nothing is acknowledged, and a restart has what was answered") {
    OneBroker broker;
    good(broker.create("t"));
    good(produce_to(broker, "t", {"kept"}).acknowledged);
    broker.disk.plan({.call = os::Call::sync, .path_part = "/data/t_0"});
    CHECK(code(produce_to(broker, "t", {"lost"}).acknowledged) == "offline");
    CHECK(code(produce_to(broker, "t", {"more"}).point) == "offline");
    broker.sim->run_for(1s);
    CHECK(broker.life->all_offline);
    broker.disk.clear_faults();
    broker.kill(os::Crash::drop_unsynced);
    good(broker.start());
    CHECK(values_from(broker, "t").front() == "kept");
    good(produce_to(broker, "t", {"again"}).acknowledged);
}

TEST_CASE("when one of two directories fails, its partitions have no leader and the others go on") {
    OneBroker broker(false);
    broker.log_dirs = {"/data", "/more"};
    good(broker.start());
    good(broker.create("t", 2));
    good(produce_to(broker, "t", {"kept"}).acknowledged);
    const auto names = broker.directories("/data");
    const bool first_in_data = std::ranges::find(names, "t_0") != names.end();
    broker.disk.plan({.call = os::Call::sync, .path_part = first_in_data ? "/data/t_0" : "/more/t_0"});
    CHECK(code(produce_to(broker, "t", {"x"}).acknowledged) == "offline");
    broker.sim->run_for(5s);
    CHECK_FALSE(broker.life->all_offline);
    CHECK(broker.image()->topic("t")->partitions[0].leader == meta::no_leader);
    CHECK(broker.image()->topic("t")->partitions[0].offline_replicas == std::vector{NodeId{1}});
    CHECK(broker.image()->topic("t")->partitions[1].leader == NodeId{1});
    good(on_owner(broker, "t", 1, [](Partition* partition) {
             return produce(partition, {batch_of({"y"})}, Acks::all);
         }).acknowledged);
    CHECK(broker.nodes("/log_dir_event_notification").empty());
    broker.disk.clear_faults();
    broker.kill();
    good(broker.start());
    CHECK(broker.image()->topic("t")->partitions[0].leader == NodeId{1});
}

TEST_CASE("a changed configuration reaches the logs") {
    OneBroker broker;
    good(broker.create("t"));
    good(broker.alter({controller::ResourceType::topic, "t"},
                      {{"segment.bytes", controller::ConfigOp::set, "1048576"}}));
    CHECK(on_owner(broker, "t", 0, segment_bytes_of) == 1048576);
}

TEST_CASE("configuration written by others is followed by its notification") {
    OneBroker broker;
    good(broker.create("t"));
    broker.run(write_config(&broker.store()));
    broker.sim->run_for(1s);
    CHECK(broker.image()->topic_config("t") == meta::Config{{"a", "b"}});
}

TEST_CASE("old segments go by themselves") {
    OneBroker broker(false);
    broker.log_config.segment_bytes = 1000;
    broker.log_config.retention_bytes = 2000;
    good(broker.start());
    good(broker.create("t"));
    for (int i = 0; i < 20; ++i) good(produce_to(broker, "t", {std::string(300, 'x')}).acknowledged);
    broker.sim->run_for(10min);
    const auto start = offsets_of(broker, "t").log_start.value;
    CHECK(start > 5);
    broker.kill(os::Crash::drop_unsynced);
    good(broker.start());
    CHECK(values_from(broker, "t", start).size() > 1);
}

TEST_CASE("after a clean stop the next start finds everything") {
    OneBroker broker;
    good(broker.create("t", 3));
    good(produce_to(broker, "t", {"a"}).acknowledged);
    broker.stop();
    CHECK(broker.disk.info("/data/.kafka_cleanshutdown").has_value());
    good(broker.start());
    CHECK(values_from(broker, "t") == Values{"a"});
    CHECK(offsets_of(broker, "t").high_watermark == Offset{1});
}

TEST_CASE("a stop soon after a crash recovers nothing; the next start does") {
    constexpr std::uint64_t partitions = 1000;
    OneBroker broker;
    good(broker.create("t", partitions));
    good(produce_to(broker, "t", {"a"}).acknowledged);
    broker.sim->run_for(70s);  // The checkpoints know all of them.
    broker.kill();
    const auto listed_before_start = broker.disk.calls(os::Call::list);  // Opening a log lists its directory.
    good(broker.start());
    const auto listed_before_stop = broker.disk.calls(os::Call::list);
    REQUIRE(listed_before_stop - listed_before_start < partitions / 2);
    broker.stop();
    CHECK(broker.disk.calls(os::Call::list) - listed_before_stop < partitions / 4);
    CHECK_FALSE(broker.disk.info("/data/.kafka_cleanshutdown").has_value());
    good(broker.start());
    CHECK(values_from(broker, "t") == Values{"a"});
}

TEST_CASE("an idle broker writes nothing and hardly runs") {
    OneBroker broker;
    good(broker.create("t", 10));
    broker.sim->run_for(130s);
    const auto writes = broker.disk.calls(os::Call::write);
    const auto steps = broker.sim->world().steps();
    broker.sim->run_for(40s);
    CHECK(broker.disk.calls(os::Call::write) == writes);
    CHECK(broker.sim->world().steps() - steps < 200);
}

}  // namespace klog::replica::testing
