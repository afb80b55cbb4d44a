// SPDX-License-Identifier: Apache-2.0
// Batches and records of a log.
#include <fmt/format.h>

#include "cmd/dump.h"
#include "cmd/dump_stream.h"
#include "cmd/record_json.h"
#include "cmd/record_text.h"
#include "cmd/text_codec.h"
#include "core/records/validate.h"

namespace klog::cmd {
namespace {

using base::Errc;
using base::Result;
using records::EntryView;

/// What the records of one batch may inflate to: as much as a broker with the largest message limit would take.
constexpr std::size_t inflated_bytes_max = 1u << 30;

const std::vector<RowColumn> batch_columns = {
    {"base_offset", 12},   {"last_offset", 12},          {"count", 7},         {"position", 11},
    {"size", 9},           {"magic", 5, true},           {"codec", -6},        {"base_timestamp", 24, true},
    {"max_timestamp", 24}, {"timestamp_type", -9, true}, {"producer_id", 11},  {"producer_epoch", 14},
    {"base_sequence", 13}, {"last_sequence", 13, true},  {"leader_epoch", 12}, {"transactional", -13, true},
    {"control", -7, true}, {"delete_horizon", 24, true}, {"flags", -5},        {"crc", 10, true},
    {"crc_ok", -6}};
const std::vector<RowColumn> record_columns = {
    {"offset", 12}, {"timestamp", 24}, {"key", -16}, {"value", -40}, {"headers", 0}};
const std::vector<RowColumn> state_columns = {{"offset", 12}, {"timestamp", 24}, {"type", -36},
                                              {"key", -60},   {"version", 7},    {"value", 0}};

std::string_view codec_name(std::uint8_t bits) {
    return bits <= 4 ? records::name_of(static_cast<records::Codec>(bits)) : "unknown";
}

/// One letter each: transactional, control, log append time, delete horizon, old format.
std::string_view flags_of(const EntryView& entry, std::string& scratch) {
    scratch.clear();
    if (!entry.is_batch()) return scratch = fmt::format("v{}", entry.magic());
    const records::HeaderView header(entry.bytes().data());
    if (header.transactional()) scratch += 'T';
    if (header.control()) scratch += 'C';
    if (header.timestamp_type() == records::TimestampType::log_append_time) scratch += 'L';
    if (header.has_delete_horizon()) scratch += 'D';
    if (scratch.empty()) scratch = "-";
    return scratch;
}

class LogDump {
public:
    LogDump(DumpRun& run, const DumpFile& file, DumpTable& table) : run_(run), file_(file), table_(table) {
        text_.topic = file.topic;
        text_.partition = file.partition;
        text_.headers = &headers_;
        if (run.wish.format || run.wish.raw) return;
        state_ = run.wish.state ? run.wish.state : state_topic_of(file.topic);
    }

    Result<> run() {
        const bool tables = !run_.wish.records || state_ || (!run_.wish.format && run_.wish.style != RowStyle::json);
        const auto& columns = !run_.wish.records ? batch_columns : state_ ? state_columns : record_columns;
        if (tables) table_.columns(columns, file_.path, run_.several_files);
        KLOG_TRY(EntryStream stream, EntryStream::open(run_.disk, file_.path));
        while (!run_.satisfied() && !past_) {
            auto entry = stream.next();
            if (!entry) {
                if (entry.error().code != Errc::corrupt && entry.error().code != Errc::truncated)
                    return std::unexpected(std::move(entry).error());
                run_.fault(file_.path, stream.position(), entry.error().message);
                break;
            }
            if (!*entry) break;
            if (!wanted(**entry)) continue;
            const auto crc = (*entry)->check_crc();
            if (run_.wish.records) {
                if (crc) print_records(**entry, stream.position());
            } else {
                print_batch(**entry, stream.position(), crc.has_value());
            }
            if (!crc) run_.fault(file_.path, stream.position(), crc.error().message);
        }
        return {};
    }

private:
    /// By offsets and, where a batch as a whole is asked for, by time.
    bool wanted(const EntryView& entry) {
        const DumpWindow& window = run_.window;
        if (entry.last_offset().value < window.from) return false;
        if (entry.is_batch() && entry.base_offset().value >= window.until) return past_ = true, false;
        if (window.hidden != nullptr && entry.is_batch()) {
            const records::HeaderView header(entry.bytes().data());
            if (header.transactional() && window.hidden->hides(header.producer_id(), header.base_offset().value))
                return false;
        }
        if (run_.wish.records) return true;
        if (window.from_time && entry.max_timestamp() < *window.from_time) return false;
        if (window.until_time && entry.is_batch() &&
            records::HeaderView(entry.bytes().data()).base_timestamp() >= *window.until_time)
            return false;
        return true;
    }

    void print_batch(const EntryView& entry, std::uint64_t position, bool crc_ok) {
        const bool batch = entry.is_batch();
        const records::HeaderView header(entry.bytes().data());
        table_.number(entry.base_offset().value);
        table_.number(entry.last_offset().value);
        if (batch)
            table_.number(header.count());
        else if (entry.compressed())
            table_.null();
        else
            table_.number(1);
        table_.number(static_cast<std::int64_t>(position));
        table_.number(static_cast<std::int64_t>(entry.size()));
        table_.number(entry.magic());
        table_.text(codec_name(entry.codec_bits()));
        if (batch)
            table_.time(header.base_timestamp());
        else
            table_.null();
        table_.time(entry.max_timestamp());
        table_.text(entry.timestamp_type() == records::TimestampType::create_time ? "create" : "log_append");
        const auto only_batch = [&](std::int64_t number) { batch ? table_.number(number) : table_.null(); };
        const auto flag = [&](bool set) { table_.flag(batch && set); };
        const bool producer = batch && header.producer_id().value >= 0;
        const auto only_producer = [&](std::int64_t number) {
            producer || run_.wish.style == RowStyle::json ? only_batch(number) : table_.null();
        };
        only_producer(batch ? header.producer_id().value : -1);
        only_producer(batch ? header.producer_epoch().value : -1);
        only_producer(batch ? header.base_sequence() : -1);
        only_producer(batch ? header.last_sequence() : -1);
        only_batch(batch ? header.partition_leader_epoch().value : -1);
        flag(batch && header.transactional());
        flag(batch && header.control());
        if (batch && header.has_delete_horizon())
            table_.time(header.base_timestamp());
        else
            table_.null();
        table_.text(flags_of(entry, scratch_));
        table_.number(batch ? header.crc() : base::load_big<std::uint32_t>(entry.bytes().data() + 12));
        table_.flag(crc_ok);
        table_.end_row();
        run_.counted();
    }

    void print_records(const EntryView& entry, std::uint64_t position) {
        if (entry.is_batch() && records::HeaderView(entry.bytes().data()).control() && !run_.wish.control) return;
        text_.leader_epoch = entry.partition_leader_epoch();
        text_.log_append_time = entry.timestamp_type() == records::TimestampType::log_append_time;
        auto reader = records::EntryReader::open(entry, inflated_, inflated_bytes_max);
        if (!reader) return run_.fault(file_.path, position, reader.error().message);
        records::Record record;
        while (!run_.satisfied()) {
            const auto more = reader->next(record);
            if (!more) return run_.fault(file_.path, position, more.error().message);
            if (!*more) return;
            print_record(record);
        }
    }

    bool wanted(const records::Record& record) {
        const DumpWindow& window = run_.window;
        if (record.offset.value < window.from) return false;
        if (record.offset.value >= window.until) return past_ = true, false;
        if (window.from_time && record.timestamp < *window.from_time) return false;
        return !window.until_time || record.timestamp < *window.until_time;
    }

    void print_record(const records::Record& record) {
        if (!wanted(record)) return;
        text_.offset = record.offset;
        text_.timestamp_ms = record.timestamp;
        text_.key = record.key;
        text_.value = record.value;
        headers_.clear();
        if (!record.headers.empty()) headers_.assign(record.headers.begin(), record.headers.end());
        if (!run_.wish.filter.empty() && !run_.wish.filter.matches(text_)) return;
        std::string& out = run_.out.text();
        if (state_) {
            print_state(record);
        } else if (run_.wish.format) {
            run_.wish.format->print(text_, run_.rows(), out);
        } else if (run_.wish.style == RowStyle::json) {
            append_record_json(text_, out);
            out += '\n';
        } else {
            print_row(record);
        }
        run_.counted();
        run_.out.maybe_flush();
    }

    /// A record of a state topic, decoded. One that is none is said to be none, and its bytes are not shown.
    void print_state(const records::Record& record) {
        const auto decoded = decode_state(*state_, record.key, record.value);
        table_.number(record.offset.value);
        table_.time(record.timestamp);
        if (!decoded || decoded->name.empty()) {
            table_.text(decoded ? fmt::format("unknown type {}", decoded->type) : decoded.error().message);
            for (int i = 0; i < 3; ++i) table_.null();
        } else {
            table_.text(decoded->name);
            table_.json(decoded->key);
            decoded->value ? table_.number(decoded->version) : table_.null();
            decoded->value ? table_.json(*decoded->value) : table_.null();
        }
        table_.end_row();
    }

    void print_row(const records::Record& record) {
        const auto text = [&](const std::optional<std::string_view>& bytes) {
            bytes ? table_.text(*bytes) : table_.null();
        };
        table_.number(record.offset.value);
        table_.time(record.timestamp);
        text(record.key);
        text(record.value);
        scratch_.clear();
        for (const auto& header : headers_) {
            if (!scratch_.empty()) scratch_ += ',';
            scratch_ += header.key;
            scratch_ += '=';
            if (header.value) scratch_ += *header.value;
        }
        table_.text(scratch_);
        table_.end_row();
    }

    DumpRun& run_;
    const DumpFile& file_;
    DumpTable& table_;
    RecordText text_;
    std::vector<HeaderText> headers_;
    std::optional<StateTopic> state_;
    std::string inflated_, scratch_;
    bool past_ = false;  // Nothing further on is wanted.
};

}  // namespace

Result<> dump_log(DumpRun& run, const DumpFile& file, DumpTable& table) { return LogDump(run, file, table).run(); }

}  // namespace klog::cmd
