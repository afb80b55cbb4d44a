// SPDX-License-Identifier: Apache-2.0
// What the tests of the log share: a runtime whose jobs run when the test says so, batches in one line, and a machine
// that can lose its power.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/log/log_directory.h"
#include "core/log/partition_log.h"
#include "core/os/memory_disk.h"
#include "core/records/builder.h"
#include "core/records/validate.h"
#include "core/runtime/shard.h"

namespace klog::log::test {

using base::Errc;
using base::LeaderEpoch;
using base::Offset;
using base::ProducerEpoch;
using base::ProducerId;
using base::Result;

/// One shard and a pool on the test's thread. Nothing runs before settle() or step().
class TestRuntime final : public runtime::Runtime {
public:
    TestRuntime() : shard_(*this), pool_(*this) {}
    ~TestRuntime() override { drop(); }
    /// What is queued or timed never happens.
    void drop() {
        while (!jobs_.empty()) jobs_.pop_front();
        timers_.clear();
    }
    runtime::ShardIndex shard_count() const override { return 1; }
    runtime::Shard& shard(runtime::ShardIndex) override { return shard_; }
    runtime::Pool& pool() override { return pool_; }
    const base::Clock& clock() const override { return clock_; }

    base::ManualClock& manual_clock() { return clock_; }
    bool step() {
        if (jobs_.empty()) return false;
        auto job = std::move(jobs_.front());
        jobs_.pop_front();
        job();
        return true;
    }
    void settle() {
        while (step()) {
        }
    }
    /// Moves time on and runs what is due.
    void pass(std::chrono::milliseconds time) {
        clock_.advance(time);
        settle();
        while (!timers_.empty() && timers_.begin()->first.first <= clock_.now()) {
            auto job = std::move(timers_.begin()->second);
            timers_.erase(timers_.begin());
            job();
            settle();
        }
    }
    std::size_t queued() const { return jobs_.size(); }

private:
    class TestShard final : public runtime::Shard {
    public:
        explicit TestShard(TestRuntime& in) : in_(in) {}
        runtime::ShardIndex index() const override { return 0; }
        void post(runtime::Job job) override { in_.jobs_.push_back(std::move(job)); }
        runtime::TimerId set_timer(runtime::MonotonicTime at, runtime::Job job) override {
            const auto id = ++in_.last_timer_;
            in_.timers_.emplace(std::pair(at, id), std::move(job));
            return runtime::TimerId{id};
        }
        void cancel_timer(runtime::TimerId timer) override {
            std::erase_if(in_.timers_,
                          [&](const auto& each) { return each.first.second == static_cast<std::uint64_t>(timer); });
        }
        const base::Clock& clock() const override { return in_.clock_; }

    private:
        TestRuntime& in_;
    };
    class TestPool final : public runtime::Pool {
    public:
        explicit TestPool(TestRuntime& in) : in_(in) {}
        void submit(runtime::Job job) override { in_.jobs_.push_back(std::move(job)); }

    private:
        TestRuntime& in_;
    };

    base::ManualClock clock_;
    std::deque<runtime::Job> jobs_;
    std::map<std::pair<runtime::MonotonicTime, std::uint64_t>, runtime::Job> timers_;
    std::uint64_t last_timer_ = 0;
    TestShard shard_;
    TestPool pool_;
};

/// A batch with records of these values; what a producer would send.
struct BatchSpec {
    std::vector<std::string> values;
    base::TimestampMs timestamp = 1'700'000'000'000;
    base::TimestampMs timestamp_step = 0;
    records::ProducerInfo producer = {};
    bool transactional = false;
    records::Compression compression = {};
};

inline std::string make_batch(const BatchSpec& spec, Offset base_offset = {0},
                              LeaderEpoch epoch = base::no_leader_epoch) {
    records::BatchBuilder::Options options;
    options.base_offset = base_offset;
    options.partition_leader_epoch = epoch;
    options.producer = spec.producer;
    options.transactional = spec.transactional;
    options.compression = spec.compression;
    records::BatchBuilder builder(options);
    base::TimestampMs timestamp = spec.timestamp;
    for (const auto& value : spec.values) {
        builder.append({timestamp, std::nullopt, value, {}});
        timestamp += spec.timestamp_step;
    }
    return *builder.build();
}

/// Collects what a log reports.
class Reports final : public Listener {
public:
    void flushed(Offset to) override { flushed_to = to; }
    void offline(const base::Error& why) override { failure = why; }
    Offset flushed_to{-1};
    std::optional<base::Error> failure;
};

/// One data directory on a memory disk, with one runtime: a life of a broker as far as its logs are concerned.
struct Machine {
    explicit Machine(os::Disk& on, std::string where = "/data") : disk(on), path(std::move(where)) {}
    ~Machine() { stop(); }

    Result<> start() {
        LogDirectoryOptions options{path, 64, 4, 7};
        KLOG_TRY(directory, LogDirectory::open(disk, runtime, options));
        return {};
    }
    Result<std::unique_ptr<PartitionLog>> open(const PartitionName& name) {
        OpenOptions options{config, &runtime.shard(0), &reports, {}};
        return PartitionLog::open(*directory, name, options);
    }
    /// As if the process died: nothing is written, nothing that is queued happens.
    void stop() {
        runtime.drop();
        directory.reset();
    }

    os::Disk& disk;
    std::string path;
    TestRuntime runtime;
    Reports reports;
    std::shared_ptr<LogConfig> config = std::make_shared<LogConfig>();
    std::unique_ptr<LogDirectory> directory;
};

/// Appends one batch as leader; its first offset.
inline Result<AppendedBatch> append(PartitionLog& log, const BatchSpec& spec, LeaderEpoch epoch = {0}) {
    const std::string bytes = make_batch(spec);
    auto valid = records::validate(bytes, log.config().batch_rules(), spec.timestamp);
    if (!valid) return std::unexpected(valid.error().error);
    std::vector<LeaderAppend> appends(1);
    appends[0].batch = &*valid;
    KLOG_TRY_VOID(log.append_as_leader(appends, epoch));
    return std::move(appends[0].outcome);
}

/// Reads as a consumer does, cold reads included.
inline Result<ReadResult> read(PartitionLog& log, ReadRequest request) {
    auto result = log.read(request);
    while (result && result->cold) {
        const auto cold = result->cold;
        cold->run();
        result = log.finish_read(cold);
    }
    return result;
}

/// Values of all records from an offset on; what ends it early is an error.
inline Result<std::vector<std::pair<Offset, std::string>>> read_values(PartitionLog& log, Offset from) {
    std::vector<std::pair<Offset, std::string>> values;
    while (from < log.log_end_offset()) {
        KLOG_TRY(const auto got, read(log, {from, 64 << 10, log.log_end_offset(), true}));
        if (got.damage) return std::unexpected(*got.damage);
        if (got.slices.empty()) break;
        for (const auto& slice : got.slices) {
            std::string bytes(slice.length, '\0');
            KLOG_TRY(const auto n, slice.source->read_at(slice.position, bytes));
            bytes.resize(n);
            std::string_view rest = bytes;
            for (;;) {
                KLOG_TRY(const auto batch, records::take_batch(rest));
                if (!batch) break;
                KLOG_TRY_VOID(batch->check_crc());
                std::string scratch;
                KLOG_TRY(auto records, records::read_records(*batch, scratch, 64 << 20));
                records::Record record;
                for (;;) {
                    KLOG_TRY(const bool there, records.next(record));
                    if (!there) break;
                    if (record.offset >= from)
                        values.emplace_back(record.offset, std::string(record.value.value_or("")));
                }
            }
        }
        from = got.next;
    }
    return values;
}

/// Runs the log's pool work as its owner would.
template <class Work>
auto lent(PartitionLog& log, Work work) {
    log.lend();
    auto result = work();
    log.take_back();
    return result;
}

inline Result<> checkpoint(Machine& machine, PartitionLog& log) {
    if (const auto work = log.begin_checkpoint()) {
        KLOG_TRY_VOID(work->run());
        log.end_checkpoint(work);
    }
    return machine.directory->write_recovery_points();
}

inline const PartitionName demo{"demo", {0}};

}  // namespace klog::log::test
