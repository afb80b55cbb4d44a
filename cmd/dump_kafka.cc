// SPDX-License-Identifier: Apache-2.0
// -o kafka: byte for byte what Apache Kafka 4.3's DumpLogSegments prints on stdout for the same files; -r stands for
// its --deep-iteration --print-data-log. The exit code is klog's: 7 when a CRC does not match. Scripts that read the
// one can read the other. Control records of KRaft's own log are named, not decoded.
#include <fmt/format.h>

#include "cmd/dump.h"
#include "cmd/dump_entries.h"
#include "cmd/dump_stream.h"
#include "cmd/java_text.h"
#include "core/log/offset_index.h"
#include "core/log/producer_snapshot.h"
#include "core/log/time_index.h"
#include "core/log/transaction_index.h"
#include "core/records/builder.h"

namespace klog::cmd {
namespace {

using base::Errc;
using base::load_big;
using base::Result;
using records::EntryView;

constexpr std::size_t inflated_bytes_max = 1u << 30;

std::string_view timestamp_type(const EntryView& entry) {
    if (entry.magic() == 0) return "NoTimestampType";
    return entry.timestamp_type() == records::TimestampType::create_time ? "CreateTime" : "LogAppendTime";
}

std::string optional_long(bool present, std::int64_t number) {
    return present ? fmt::format("OptionalLong[{}]", number) : "OptionalLong.empty";
}

class KafkaDump {
public:
    KafkaDump(DumpRun& run, const DumpFile& file) : run_(run), file_(file), out_(run.out.text()) {}

    Result<> run() {
        line("Dumping {}\n", file_.path);
        switch (file_.kind) {
            case DumpKind::log:
            case DumpKind::kraft_snapshot: return log();
            case DumpKind::offset_index: return index(log::OffsetIndex::entry_bytes);
            case DumpKind::time_index: return index(log::TimeIndex::entry_bytes);
            case DumpKind::transaction_index: return transactions();
            case DumpKind::producer_snapshot: return snapshot();
            default: break;
        }
        run_.out.flush();
        fmt::print(run_.words, "Ignoring unknown file {}\n", file_.path);
        return {};
    }

private:
    template <class... Args>
    void line(fmt::format_string<Args...> format, Args&&... args) {
        fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
    }
    std::int64_t base() const { return file_.base_offset.value_or(base::Offset{0}).value; }
    std::string_view name() const { return std::string_view(file_.path).substr(file_.path.rfind('/') + 1); }

    void log_title() {
        if (file_.kind == DumpKind::log) return line("Log starting offset: {}\n", base());
        if (name() == "bootstrap.checkpoint") return line("KRaft bootstrap snapshot\n");
        std::int64_t offset = 0, epoch = 0;
        if (std::sscanf(std::string(name()).c_str(), "%20ld-%10ld", &offset, &epoch) == 2)
            line("Snapshot end offset: {}, epoch: {}\n", offset, epoch);
    }

    Result<> log() {
        log_title();
        KLOG_TRY(EntryStream stream, EntryStream::open(run_.disk, file_.path));
        while (!run_.satisfied()) {
            const auto entry = stream.next();
            if (!entry) {
                if (entry.error().code != Errc::truncated && entry.error().code != Errc::corrupt)
                    return std::unexpected(entry.error());
                if (const auto info = run_.disk.info(file_.path); info && entry.error().code == Errc::truncated)
                    line("Found {} invalid bytes at the end of {}\n", info->size - stream.position(), name());
                run_.fault(file_.path, stream.position(), entry.error().message);
                return {};
            }
            if (!*entry) return {};
            batch(**entry, stream.position());
            if (run_.wish.records || run_.wish.deep) records(**entry, stream.position());
            run_.counted();
            run_.out.maybe_flush();
        }
        return {};
    }

    void batch(const EntryView& entry, std::uint64_t position) {
        const records::HeaderView header(entry.bytes().data());
        if (entry.is_batch()) {
            line("baseOffset: {} lastOffset: {} count: {} baseSequence: {} lastSequence: {} producerId: {} ",
                 header.base_offset(), header.last_offset(), header.count(), header.base_sequence(),
                 header.last_sequence(), header.producer_id());
            line("producerEpoch: {} partitionLeaderEpoch: {} isTransactional: {} isControl: {} deleteHorizonMs: {}",
                 header.producer_epoch(), header.partition_leader_epoch(), header.transactional(), header.control(),
                 optional_long(header.has_delete_horizon(), header.base_timestamp()));
        } else {
            line("offset: {}", entry.last_offset());
        }
        const auto crc = entry.is_batch() ? header.crc() : load_big<std::uint32_t>(entry.bytes().data() + 12);
        const std::uint8_t codec = entry.codec_bits();
        const auto valid = entry.check_crc();
        line(" position: {} {}: {} size: {} magic: {} compresscodec: {} crc: {} isvalid: {}\n", position,
             timestamp_type(entry), entry.max_timestamp(), entry.size(), entry.magic(),
             codec <= 4 ? records::name_of(static_cast<records::Codec>(codec)) : "unknown", crc, valid.has_value());
        if (!valid) run_.fault(file_.path, position, valid.error().message);
    }

    void records(const EntryView& entry, std::uint64_t position) {
        auto reader = records::EntryReader::open(entry, inflated_, inflated_bytes_max);
        if (!reader) return run_.fault(file_.path, position, reader.error().message);
        std::string_view messages = entry.compressed() ? std::string_view(inflated_) : entry.bytes();
        records::Record record;
        for (;;) {
            const auto more = reader->next(record);
            if (!more) return run_.fault(file_.path, position, more.error().message);
            if (!*more) return;
            print_record(entry, record, messages);
        }
    }

    void print_record(const EntryView& entry, const records::Record& record, std::string_view& messages) {
        std::string_view prefix = "| ";
        if (!run_.wish.skip_metadata) {
            print_metadata(entry, record, messages);
            prefix = " ";
        }
        const bool is_control = entry.is_batch() && records::HeaderView(entry.bytes().data()).control();
        if (is_control && !run_.wish.skip_metadata) control(record);
        if (!is_control && run_.wish.records) contents(record, prefix);
        out_ += '\n';
    }

    void print_metadata(const EntryView& entry, const records::Record& record, std::string_view& messages) {
        const auto size = [](const auto& text) { return text ? static_cast<std::int64_t>(text->size()) : -1; };
        line("| offset: {} {}: {} keySize: {} valueSize: {}", record.offset, timestamp_type(entry), record.timestamp,
             size(record.key), size(record.value));
        if (entry.is_batch()) {
            const records::HeaderView header(entry.bytes().data());
            const auto delta = static_cast<std::int32_t>(record.offset - header.base_offset());
            line(" sequence: {} headerKeys: [",
                 header.base_sequence() < 0 ? -1 : records::sequence_plus(header.base_sequence(), delta));
            bool first = true;
            for (const auto& each : record.headers) {
                if (!std::exchange(first, false)) out_ += ',';
                append_java_text(out_, each.key);
            }
            out_ += ']';
        } else if (const auto message = records::take_entry(messages); message && *message) {
            line(" isValid: {} crc: {}", (*message)->check_crc().has_value(),
                 load_big<std::uint32_t>((*message)->bytes().data() + 12));
        }
    }

    void contents(const records::Record& record, std::string_view prefix) {
        if (run_.wish.state) return state(record, prefix);
        if (record.key) {
            out_ += prefix;
            out_ += "key: ";
            append_java_text(out_, *record.key);
            prefix = " ";
        }
        if (record.value) {
            out_ += prefix;
            out_ += "payload: ";
            append_java_text(out_, *record.value);
        }
    }

    /// A record of a state topic, decoded.
    void state(const records::Record& record, std::string_view prefix) {
        const auto decoded = decode_state(*run_.wish.state, record.key, record.value);
        out_ += prefix;
        if (!decoded) return line("key: Error at offset {}, skipping. {}", record.offset, decoded.error().message);
        if (decoded->name.empty())
            return line("key: Unknown record type {} at offset {}, skipping.", decoded->type, record.offset);
        line("key: {{\"type\":\"{}\",\"data\":{}}} payload: ", decoded->type, decoded->key);
        if (decoded->value)
            line("{{\"version\":\"{}\",\"data\":{}}}", decoded->version, *decoded->value);
        else
            out_ += "<DELETE>";
    }

    void control(const records::Record& record) {
        const auto type = records::control_type(record);
        if (!type || !*type) return;
        if (**type != records::ControlType::commit && **type != records::ControlType::abort)
            return line(" {}", records::name_of(**type));
        if (const auto marker = records::read_end_transaction(record))
            line(" endTxnMarker: {} coordinatorEpoch: {}", marker->commit ? "COMMIT" : "ABORT",
                 marker->coordinator_epoch);
    }

    Result<> index(std::size_t entry_bytes) {
        KLOG_TRY(FixedEntries entries, FixedEntries::open(run_.disk, file_.path, entry_bytes));
        for (std::size_t i = 0; !run_.satisfied(); ++i) {
            KLOG_TRY(const auto entry, entries.next());
            if (!entry) {
                if (i == 0 && file_.kind == DumpKind::offset_index) line("{} is empty.\n", file_.path);
                return {};
            }
            const bool times = file_.kind == DumpKind::time_index;
            const std::int64_t relative = load_big<std::int32_t>(entry->data() + (times ? 8 : 0));
            if (relative == 0 && i > 0) return {};
            if (times)
                line("timestamp: {} offset: {}\n", load_big<std::int64_t>(entry->data()), base() + relative);
            else
                line("offset: {} position: {}\n", base() + relative, load_big<std::int32_t>(entry->data() + 4));
            run_.counted();
            run_.out.maybe_flush();
        }
        return {};
    }

    Result<> transactions() {
        KLOG_TRY(FixedEntries entries, FixedEntries::open(run_.disk, file_.path, log::transaction_entry_bytes));
        while (!run_.satisfied()) {
            KLOG_TRY(const auto entry, entries.next());
            if (!entry) break;
            const char* bytes = entry->data();
            line("version: {} producerId: {} firstOffset: {} lastOffset: {} lastStableOffset: {}\n",
                 load_big<std::int16_t>(bytes), load_big<std::int64_t>(bytes + 2), load_big<std::int64_t>(bytes + 10),
                 load_big<std::int64_t>(bytes + 18), load_big<std::int64_t>(bytes + 26));
            run_.counted();
        }
        return {};
    }

    /// In the order of the file, which is that of a hash table.
    Result<> snapshot() {
        KLOG_TRY(const auto bytes, os::read_file(run_.disk, file_.path, log::producer_snapshot_bytes_max));
        log::ProducerState checked;
        if (const auto read = log::read_snapshot(bytes, {}, checked); !read) {
            run_.fault(file_.path, 0, read.error().message);
            return {};
        }
        constexpr std::size_t head_bytes = 10, entry_bytes = 46;
        for (std::size_t at = head_bytes; at + entry_bytes <= bytes.size() && !run_.satisfied(); at += entry_bytes) {
            producer(bytes.data() + at);
            run_.counted();
        }
        return {};
    }

    void producer(const char* entry) {
        log::BatchMark last;
        last.last_sequence = load_big<std::int32_t>(entry + 10);
        last.last_offset = {load_big<std::int64_t>(entry + 14)};
        last.offset_delta = load_big<std::int32_t>(entry + 22);
        last.timestamp_ms = load_big<std::int64_t>(entry + 26);
        const auto start = load_big<std::int64_t>(entry + 38);
        line("producerId: {} producerEpoch: {} coordinatorEpoch: {} currentTxnFirstOffset: {} lastTimestamp: {}",
             load_big<std::int64_t>(entry), load_big<std::int16_t>(entry + 8), load_big<std::int32_t>(entry + 34),
             optional_long(start >= 0, start), last.timestamp_ms);
        if (last.last_offset.value >= 0)
            line(" firstSequence: {} lastSequence: {} lastOffset: {} offsetDelta: {} timestamp: {}",
                 last.first_sequence(), last.last_sequence, last.last_offset, last.offset_delta, last.timestamp_ms);
        out_ += '\n';
    }

    DumpRun& run_;
    const DumpFile& file_;
    std::string& out_;
    std::string inflated_;
};

}  // namespace

Result<> dump_kafka(DumpRun& run, const DumpFile& file) { return KafkaDump(run, file).run(); }

}  // namespace klog::cmd
