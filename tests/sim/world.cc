// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/world.h"

#include <cstdlib>

#include "core/base/log.h"
#include "core/records/batch.h"
#include "tests/sim/lying_disk.h"

namespace klog::sim {

using runtime::Task;

bool verbose() {
    static const bool set = std::getenv("KLOG_SIM_VERBOSE") != nullptr;
    return set;
}

World::World(const WorldOptions& options, Judge& judge)
    : options_(options),
      judge_(judge),
      world_(options.seed),
      clock_(world_),
      network_(world_),
      writer_(world_, writer_host, 1),
      reader_(world_, reader_host, 1) {
    os::MemoryDisk::Options disk;
    disk.clock = &clock_;
    disk.seed = options.seed;
    disk_ = std::make_unique<os::MemoryDisk>(disk);
    disk_->set_residency(os::Residency::random);
    seen_disk_ = std::make_unique<LyingDisk>(*disk_, options.disk_lies);
    for (const char* host : {broker_host, writer_host, reader_host}) network_.host(host);
    base::set_log_sink([this](base::LogLevel, std::string_view line) {
        if (verbose())
            fmt::print(stderr, "{:>10.6f} broker: {}\n", double(now().time_since_epoch().count()) / 1e9, line);
    });
}

World::~World() {
    end();
    base::set_log_sink({});
}

void World::end() {
    if (!writer_.crashed()) writer_.crash();
    if (!reader_.crashed()) reader_.crash();
    if (machine_) end_machine();
}

void World::note(const std::string& line) {
    world_.note(line);
    if (verbose()) fmt::print(stderr, "{:>10.6f} {}\n", double(now().time_since_epoch().count()) / 1e9, line);
}

broker::Config World::config() {
    broker::Config::Builder builder;
    const auto set = [&](const char* key, const std::string& value) { builder.add_flag(key, value, "the simulation"); };
    set("listeners", "PLAINTEXT://broker:9092");
    set("log.dirs", "/data/a,/data/b");
    set("durability", options_.durability);
    set("auto.create.topics.enable", "false");
    set("log.retention.check.interval.ms", "1500");
    set("log.flush.offset.checkpoint.interval.ms", "2000");
    set("log.flush.start.offset.checkpoint.interval.ms", "2500");
    set("log.segment.delete.delay.ms", "1000");
    set("log.index.interval.bytes", options_.seed % 3 == 0 ? "4096" : "0");
    set("log.index.size.max.bytes", options_.seed % 2 == 0 ? "240" : "10485760");
    KLOG_CHECK(builder.errors().empty(), "the simulation's configuration");
    return std::move(builder).build();
}

void World::start() {
    KLOG_CHECK(life_ == Life::down);
    event("start");
    if (power_off_) network_.power_on(broker_host);
    power_off_ = false;
    machine_ = std::make_unique<runtime::SimRuntime>(world_, broker_host, 2);
    machine_->jump_wall(wall_jumped_);
    scope_ = std::make_unique<runtime::Scope>();
    broker_ = std::make_unique<broker::Broker>(
        config(), broker::Seams{*machine_, network_.host(broker_host), *seen_disk_, base::Random(random().next())});
    life_ = Life::starting;
    machine_->shard(0).post([this] { scope_->spawn(run_start(this)); });
}

Task<void> World::run_start(World* self) {
    auto started = co_await self->broker_->start();
    self->life_ = started ? Life::serving : Life::failed;
    self->failure_ = started ? std::string() : started.error().message;
    self->event("{}", started ? "serving" : "did not start: " + self->failure_);
}

void World::begin_stop() {
    KLOG_CHECK(life_ == Life::serving);
    event("stop");
    life_ = Life::stopping;
    machine_->shard(0).post([this] { scope_->spawn(run_stop(this)); });
}

Task<void> World::run_stop(World* self) {
    co_await self->broker_->stop();
    self->life_ = Life::stopped;
    self->event("stopped");
}

void World::end_machine() {
    machine_->crash();
    scope_.reset();
    broker_.reset();
    machine_.reset();
    life_ = Life::down;
    judge_.broker_ended();
}

void World::clear_away() {
    KLOG_CHECK(life_ == Life::stopped || life_ == Life::failed);
    end_machine();
}

void World::kill() {
    event("kill");
    disk_->crash(os::Crash::process, random());
    end_machine();
}

void World::cut_power(os::Crash how) {
    event("power cut {}", static_cast<int>(how));
    network_.power_off(broker_host);
    power_off_ = true;
    disk_->crash(how, random());
    end_machine();
}

void World::jump_wall(std::chrono::milliseconds by) {
    event("the wall clock jumps by {} ms", by.count());
    wall_jumped_ += by;
    if (machine_) machine_->jump_wall(by);
}

void World::show_partition(const std::string& topic, std::int32_t partition) {
    if (!verbose()) return;
    for (const char* parent : {"/data/a", "/data/b"}) {
        const std::string directory = fmt::format("{}/{}_{}", parent, topic, partition);
        const auto listed = disk_->list(directory);
        if (!listed) continue;
        fmt::print(stderr, "{}\n", directory);
        for (const os::Entry& entry : *listed) {
            const auto bytes = os::read_file(*disk_, directory + "/" + entry.name, 1u << 30);
            if (!bytes) continue;
            fmt::print(stderr, "  {} {}", entry.name, bytes->size());
            std::string_view rest = entry.name.ends_with(".log") ? std::string_view(*bytes) : std::string_view();
            while (const auto batch = records::take_batch(rest).value_or(std::nullopt))
                fmt::print(stderr, " {}-{} (producer {} sequence {}, {} bytes)", batch->base_offset(),
                           batch->last_offset(), batch->producer_id(), batch->base_sequence(), batch->size());
            fmt::print(stderr, "\n");
        }
    }
}

}  // namespace klog::sim
