// SPDX-License-Identifier: Apache-2.0
// A model of one partition's log, a driver that does the same to a real one, and the judgement of what a crash left.
// Used by the crash, fault and random suites.
//
// The model knows for each offset what may be found there. An append that is not acknowledged yet may be lost; one that
// failed may be found all the same until something else at its offset is acknowledged; nothing else may be found.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "core/base/random.h"
#include "tests/log/fixture.h"

namespace klog::log::test {

/// One record as it was written.
struct Cell {
    std::string value;
    LeaderEpoch epoch;
    Offset batch;  // Base of the batch that it came in.
    ProducerId producer{-1};
    std::int32_t last_sequence = -1;  // Of its batch.
    bool operator==(const Cell&) const = default;
};

struct Model {
    std::map<Offset, std::vector<Cell>> cells;  // What may be found; the last one is what should be.
    Offset start_min{0};                        // Durable: never less.
    Offset start{0};                            // As the log says.
    Offset start_max{0};                        // While something is under way it may be found up to here.
    Offset acked{0};                            // Below: must be found.
    Offset end{0};

    void put(Offset offset, Cell cell) { cells[offset].push_back(std::move(cell)); }
    void acknowledge(Offset to) {
        for (auto each = cells.lower_bound(acked); each != cells.end() && each->first < to; ++each)
            each->second.erase(each->second.begin(), each->second.end() - 1);
        acked = std::max(acked, to);
    }
    void cut(Offset to) {
        cells.erase(cells.lower_bound(to), cells.end());
        acked = std::min(acked, to);
        end = to;
        start = std::min(start, to);
        start_min = std::min(start_min, to);
        start_max = start;
    }
    const Cell* at(Offset offset) const {
        const auto found = cells.find(offset);
        return found == cells.end() ? nullptr : &found->second.back();
    }
};

/// What a log holds, read through its own interface. Empty: the words say what is wrong.
struct Found {
    std::string fault;
    std::map<Offset, Cell> cells;
    Offset start, end;
};

inline Found look(PartitionLog& log) {
    Found found;
    found.start = log.log_start_offset();
    found.end = log.log_end_offset();
    if (const auto damage = log.damage()) {
        found.fault = "damage: " + damage->error.message;
        return found;
    }
    Offset from = found.start;
    while (from < found.end) {
        const auto got = read(log, {from, 1 << 20, found.end, true});
        if (!got || got->damage || got->slices.empty()) {
            found.fault = fmt::format("read at {}: {}", from,
                                      !got          ? got.error().message
                                      : got->damage ? got->damage->message
                                                    : "nothing");
            return found;
        }
        std::string bytes(got->slices[0].length, '\0');
        (void)got->slices[0].source->read_at(got->slices[0].position, bytes);
        std::string_view rest = bytes;
        for (;;) {
            const auto batch = records::take_batch(rest);
            if (!batch || (*batch && !(*batch)->check_crc())) {
                found.fault = fmt::format("bad batch behind {}", from);
                return found;
            }
            if (!*batch) break;
            std::string scratch;
            auto records = records::read_records(**batch, scratch, 1 << 20);
            records::Record record;
            while (records && *records->next(record)) {
                if (record.offset < found.start) continue;
                found.cells[record.offset] = {std::string(record.value.value_or("")),
                                              (*batch)->partition_leader_epoch(), (*batch)->base_offset(),
                                              (*batch)->producer_id(), (*batch)->last_sequence()};
            }
        }
        from = got->next;
    }
    return found;
}

/// Empty when what was found is allowed; else what is wrong with it.
inline std::string judge(const Model& model, PartitionLog& log, const Found& found) {
    if (!found.fault.empty()) return found.fault;
    if (found.start < model.start_min || found.start > std::max(model.start, model.start_max))
        return fmt::format("log start {} is not in {} to {}", found.start, model.start_min,
                           std::max(model.start, model.start_max));
    if (found.end < model.acked) return fmt::format("ends at {}, acknowledged up to {}", found.end, model.acked);
    if (found.end > std::max(model.end, found.start))
        return fmt::format("ends at {}, written up to {}", found.end, model.end);
    for (Offset at = found.start; at < found.end; ++at) {
        const auto is = found.cells.find(at);
        if (is == found.cells.end()) return fmt::format("nothing at {}", at);
        const auto may = model.cells.find(at);
        if (may == model.cells.end() || std::ranges::find(may->second, is->second) == may->second.end())
            return fmt::format("'{}' of epoch {} at {} was never written there{}", is->second.value, is->second.epoch,
                               at, may == model.cells.end() ? "" : ", but '" + may->second.back().value + "'");
        const auto epoch = log.epoch_for_offset(at);
        if (!epoch || *epoch != is->second.epoch)
            return fmt::format("the epoch cache says {} for {}, the batch {}", epoch.value_or(LeaderEpoch{-1}), at,
                               is->second.epoch);
    }
    // The last sequence of each producer whose last batch is there.
    std::map<ProducerId, std::int32_t> sequences;
    for (const auto& [offset, cell] : found.cells)
        if (cell.producer.value >= 0) sequences[cell.producer] = cell.last_sequence;
    const auto producers = log.producers();
    if (!producers) return producers.error().message;
    for (const auto& [id, sequence] : sequences) {
        const auto known = std::ranges::find(*producers, id, &ProducerInfo::producer_id);
        if (known == producers->end() || known->last_sequence != sequence)
            return fmt::format("producer {}: last sequence {}, its last batch has {}", id,
                               known == producers->end() ? -2 : known->last_sequence, sequence);
    }
    return {};
}

/// Does one operation after the other to a log and its model.
class Driver final : public Listener {
public:
    Driver(os::Disk& disk, std::uint64_t seed) : random(seed), machine(disk) {
        machine.config->segment_bytes = 700;
        machine.config->index_interval_bytes = 150;
        machine.config->file_delete_delay_ms = 10;
    }
    ~Driver() override { die(); }

    Result<> open() {
        KLOG_TRY_VOID(machine.start());
        KLOG_TRY(log, machine.open(demo));
        log->set_listener(this);
        return {};
    }
    /// The process ends here and now.
    void die() {
        log.reset();
        machine.stop();
    }
    void flushed(Offset to) override { model.acknowledge(to); }
    void offline(const base::Error&) override { is_offline = true; }

    // Operations. An error is what the log said; the model then allows for both.
    Result<> append() {
        std::vector<BatchSpec> specs;
        for (auto count = random.between(1, 3); count > 0; --count) specs.push_back(next_spec());
        std::vector<std::string> bytes;
        std::vector<records::ValidBatch> valid;
        for (auto& spec : specs) {
            bytes.push_back(make_batch(spec));
            valid.push_back(*records::validate(bytes.back(), machine.config->batch_rules(), spec.timestamp));
        }
        std::vector<LeaderAppend> appends(specs.size());
        Offset at = model.end;
        for (std::size_t i = 0; i < specs.size(); ++i) {
            appends[i].batch = &valid[i];
            put(at, specs[i], LeaderEpoch{epoch});
            at += static_cast<std::int64_t>(specs[i].values.size());
        }
        const Offset before = model.end;
        model.end = at;
        const auto done = log->append_as_leader(appends, {epoch});
        model.end = log->log_end_offset();
        for (const auto& append : appends)
            if (!done || !append.outcome) forget_sequences();
        if (!done) return done;
        if (model.end == before) return std::unexpected(appends[0].outcome.error());
        return {};
    }
    Result<> append_as_follower() {
        std::string bytes;
        Offset at = model.end;
        for (auto count = random.between(1, 3); count > 0; --count) {
            BatchSpec spec = next_spec();
            bytes += make_batch(spec, at, {epoch});
            put(at, spec, LeaderEpoch{epoch});
            at += static_cast<std::int64_t>(spec.values.size());
        }
        model.end = at;
        const auto done = log->append_as_follower(bytes);
        model.end = log->log_end_offset();
        if (!done) forget_sequences();
        if (!done) return std::unexpected(done.error());
        return {};
    }
    void flush() { machine.runtime.settle(); }
    Result<> roll() { return log->roll(); }
    Result<> checkpoint() { return test::checkpoint(machine, *log); }
    Result<> truncate() {
        Offset to{random.between(model.start.value, model.end.value)};
        if (random.one_in(6)) to = {random.between(0, model.end.value + 5)};
        if (to >= model.end) return {};
        if (to < model.start || to <= log->segments().front().base_offset) return restart(to, true);
        const Offset cut = model.cells.contains(to) ? model.at(to)->batch : to;
        model.acked = std::min(model.acked, cut);
        model.start_min = std::min(model.start_min, cut);
        const auto done = lent(*log, [&] { return log->truncate_to(to); });
        if (!done) return std::unexpected(done.error());
        model.cut(*done);
        forget_sequences();
        ++epoch;  // What follows is a new leader's.
        return {};
    }
    Result<> restart(Offset at, bool by_truncation = false) {
        model.acked = {0};
        model.start_min = std::min(model.start_min, at);
        model.start_max = std::max(model.start, at);
        const auto done = lent(*log, [&]() -> Result<> {
            if (!by_truncation) return log->truncate_fully_and_start_at(at);
            KLOG_TRY_VOID(log->truncate_to(at));
            return {};
        });
        if (!done) return done;
        model.cells.clear();
        model.start = model.start_min = model.start_max = model.end = model.acked = at;
        forget_sequences();
        ++epoch;
        return {};
    }
    Result<> delete_records() {
        const Offset to{random.between(model.start.value, std::max(model.start, model.acked).value)};
        model.start_max = std::max(model.start, to);
        KLOG_TRY_VOID(log->delete_records_before(to));
        model.start = log->log_start_offset();
        model.start_max = model.start;
        KLOG_TRY_VOID(machine.directory->write_log_starts());
        model.start_min = model.start;
        return {};
    }
    Result<> retain() {
        auto config = std::make_shared<LogConfig>(*machine.config);
        config->retention_bytes = random.between(500, 3000);
        log->set_config(config);
        model.start_max = model.end;
        (void)log->apply_retention(machine.runtime.clock().wall_ms(), model.acked);
        model.start = model.start_max = log->log_start_offset();
        log->set_config(machine.config);
        return {};
    }
    Result<> reopen_clean() {
        machine.runtime.pass(std::chrono::milliseconds(20));
        KLOG_TRY_VOID(lent(*log, [&] { return log->close(); }));
        log.reset();
        KLOG_TRY_VOID(machine.directory->close());
        machine.stop();
        model.acknowledge(model.end);
        model.start_min = model.start;
        KLOG_TRY_VOID(open());
        return {};
    }
    /// After a crash: what was found is what is.
    std::string adopt() {
        const Found found = look(*log);
        auto fault = judge(model, *log, found);
        if (!fault.empty()) return fault;
        model.cells.clear();
        for (const auto& [offset, cell] : found.cells) model.put(offset, cell);
        model.start = model.start_max = found.start;
        model.end = found.end;
        model.acked = found.end;
        forget_sequences();
        ++epoch;
        is_offline = false;
        return {};
    }
    /// What the log holds is exactly what the model says.
    std::string compare() {
        Model exact = model;
        for (auto& [offset, cells] : exact.cells) cells.erase(cells.begin(), cells.end() - 1);
        exact.start_min = exact.start;
        exact.acked = exact.end;
        return judge(exact, *log, look(*log));
    }

    base::Random random;
    Machine machine;
    std::unique_ptr<PartitionLog> log;
    Model model;
    std::int32_t epoch = 0;
    bool is_offline = false;

private:
    BatchSpec next_spec() {
        BatchSpec spec;
        for (auto count = random.between(1, 4); count > 0; --count)
            spec.values.push_back(fmt::format("{}:{}", ++values_made, std::string(random.below(30), 'v')));
        if (random.one_in(2)) {
            const ProducerId id{random.between(1, 3)};
            auto [place, added] = sequences.try_emplace(id, -1);
            if (place->second < 0) {  // A new epoch may start over.
                place->second = 0;
                ++producer_epochs[id];
            }
            spec.producer = {id, ProducerEpoch{static_cast<std::int16_t>(producer_epochs[id])}, place->second};
            place->second += static_cast<std::int32_t>(spec.values.size());
        }
        spec.timestamp = machine.runtime.clock().wall_ms();
        return spec;
    }
    void put(Offset at, const BatchSpec& spec, LeaderEpoch of) {
        const auto last = spec.producer.present()
                              ? spec.producer.base_sequence + static_cast<std::int32_t>(spec.values.size()) - 1
                              : -1;
        for (std::size_t i = 0; i < spec.values.size(); ++i)
            model.put(at + static_cast<std::int64_t>(i), {spec.values[i], of, at, spec.producer.id, last});
    }
    void forget_sequences() {
        for (auto& [id, next] : sequences) next = -1;
    }

    std::uint64_t values_made = 0;
    std::map<ProducerId, std::int32_t> sequences;  // Next; -1: start over in a new epoch.
    std::map<ProducerId, int> producer_epochs;
};

}  // namespace klog::log::test
