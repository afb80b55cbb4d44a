// SPDX-License-Identifier: Apache-2.0
// The small files beside a log: indexes, producer snapshots, checkpoints, properties.
#include <fmt/format.h>

#include "cmd/dump.h"
#include "cmd/dump_entries.h"
#include "core/log/checkpoint_file.h"
#include "core/log/partition_log.h"
#include "core/log/producer_snapshot.h"

namespace klog::cmd {
namespace {

using base::Errc;
using base::Result;

const std::vector<RowColumn> index_columns = {{"offset", 12}, {"position", 11}};
const std::vector<RowColumn> time_columns = {{"timestamp", 24}, {"offset", 12}};
const std::vector<RowColumn> transaction_columns = {
    {"producer_id", 11}, {"first_offset", 12}, {"last_offset", 12}, {"last_stable_offset", 18}};
const std::vector<RowColumn> producer_columns = {
    {"producer_id", 11},  {"producer_epoch", 14}, {"last_sequence", 13},     {"last_offset", 12},
    {"offset_delta", 12}, {"last_timestamp", 24}, {"coordinator_epoch", 17}, {"transaction_start", 17}};
const std::vector<RowColumn> epoch_columns = {{"leader_epoch", 12}, {"start_offset", 12}};
const std::vector<RowColumn> offset_columns = {{"topic", -30}, {"partition", 9}, {"offset", 12}};
const std::vector<RowColumn> property_columns = {{"key", -20}, {"value", 0}};

/// What a whole text file may hold.
constexpr std::uint64_t properties_bytes_max = 1u << 20;

class SmallDump {
public:
    SmallDump(DumpRun& run, const DumpFile& file, DumpTable& table) : run_(run), file_(file), table_(table) {}

    Result<> run() {
        switch (file_.kind) {
            case DumpKind::offset_index: return index(index_columns, 8);
            case DumpKind::time_index: return index(time_columns, 12);
            case DumpKind::transaction_index: return index(transaction_columns, 34);
            case DumpKind::producer_snapshot: return snapshot();
            case DumpKind::leader_epochs: return epochs();
            case DumpKind::offset_checkpoint: return offsets();
            case DumpKind::properties: return properties();
            case DumpKind::log:
            case DumpKind::kraft_snapshot: break;
        }
        return {};
    }

private:
    void columns(const std::vector<RowColumn>& columns) { table_.columns(columns, file_.path, run_.several_files); }
    void end_row() {
        table_.end_row();
        run_.counted();
    }
    /// For files that are read whole: what is wrong with them is a fault, not a failure.
    Result<> judge(const base::Error& error) {
        if (error.code != Errc::corrupt && error.code != Errc::truncated && error.code != Errc::unsupported_version)
            return std::unexpected(error);
        run_.fault(file_.path, 0, error.message);
        return {};
    }

    Result<> index(const std::vector<RowColumn>& its_columns, std::size_t entry_bytes) {
        columns(its_columns);
        KLOG_TRY(FixedEntries entries, FixedEntries::open(run_.disk, file_.path, entry_bytes));
        while (!run_.satisfied()) {
            KLOG_TRY(const auto entry, entries.next());
            if (!entry) break;
            // The file of an index that is being written may be longer than its content: zeros follow.
            if (file_.kind != DumpKind::transaction_index && all_zeros(*entry)) break;
            index_row(entry->data());
        }
        if (const std::size_t more = entries.odd_bytes(); more > 0 && !run_.satisfied())
            run_.fault(file_.path, entries.position(), fmt::format("the last {} bytes are no whole entry", more));
        return {};
    }

    void index_row(const char* bytes) {
        const base::Offset base = file_.base_offset.value_or(base::Offset{0});
        if (file_.kind == DumpKind::offset_index) {
            table_.number(base.value + base::load_big<std::int32_t>(bytes));
            table_.number(base::load_big<std::uint32_t>(bytes + 4));
        } else if (file_.kind == DumpKind::time_index) {
            table_.time(base::load_big<std::int64_t>(bytes));
            table_.number(base.value + base::load_big<std::int32_t>(bytes + 8));
        } else {
            for (std::size_t at = 2; at < 34; at += 8) table_.number(base::load_big<std::int64_t>(bytes + at));
        }
        end_row();
    }

    Result<> snapshot() {
        columns(producer_columns);
        KLOG_TRY(const auto bytes, os::read_file(run_.disk, file_.path, log::producer_snapshot_bytes_max));
        log::ProducerState state;
        if (auto read = log::read_snapshot(bytes, {}, state); !read) return judge(read.error());
        for (const auto& [id, entry] : state.sorted()) {
            if (run_.satisfied()) break;
            const auto remembered = entry.remembered();
            const log::BatchMark last = remembered.empty() ? log::BatchMark{} : remembered.back();
            table_.number(id.value);
            table_.number(entry.epoch.value);
            table_.number(last.last_sequence);
            table_.number(last.last_offset.value);
            table_.number(last.offset_delta);
            table_.time(entry.last_timestamp_ms);
            table_.number(entry.coordinator_epoch);
            entry.transaction_start ? table_.number(entry.transaction_start->value) : table_.null();
            end_row();
        }
        return {};
    }

    Result<> epochs() {
        columns(epoch_columns);
        KLOG_TRY(const auto text, os::read_file(run_.disk, file_.path, log::checkpoint_bytes_max));
        if (text.empty()) return {};  // Made, and nothing noted yet.
        const auto entries = log::parse_epochs(text);
        if (!entries) return judge(entries.error());
        for (const auto& entry : *entries) {
            if (run_.satisfied()) break;
            table_.number(entry.epoch.value);
            table_.number(entry.start_offset.value);
            end_row();
        }
        return {};
    }

    Result<> offsets() {
        columns(offset_columns);
        KLOG_TRY(const auto text, os::read_file(run_.disk, file_.path, log::checkpoint_bytes_max));
        if (text.empty()) return {};
        const auto entries = log::parse_offsets(text);
        if (!entries) return judge(entries.error());
        for (const auto& [name, offset] : *entries) {
            if (run_.satisfied()) break;
            table_.text(name.topic);
            table_.number(name.partition.value);
            table_.number(offset.value);
            end_row();
        }
        return {};
    }

    Result<> properties() {
        columns(property_columns);
        KLOG_TRY(const auto text, os::read_file(run_.disk, file_.path, properties_bytes_max));
        for (const auto& [key, value] : log::parse_properties(text)) {
            if (run_.satisfied()) break;
            table_.text(key);
            table_.text(value);
            end_row();
        }
        return {};
    }

    DumpRun& run_;
    const DumpFile& file_;
    DumpTable& table_;
};

}  // namespace

Result<> dump_small(DumpRun& run, const DumpFile& file, DumpTable& table) { return SmallDump(run, file, table).run(); }

}  // namespace klog::cmd
