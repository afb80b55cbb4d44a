// SPDX-License-Identifier: Apache-2.0
// --summary: what is in some logs, in figures, without printing it.
#include <algorithm>
#include <array>
#include <limits>

#include <fmt/format.h>

#include "cmd/dump.h"
#include "cmd/dump_stream.h"
#include "cmd/quantity.h"
#include "core/records/builder.h"

namespace klog::cmd {
namespace {

using base::Errc;
using base::Result;
using records::EntryView;

constexpr std::size_t inflated_bytes_max = 1u << 30;

struct CodecFigures {
    std::uint64_t batches = 0, bytes = 0, plain_bytes = 0;  // The latter: as it were without compression.
};

struct Figures {
    std::uint64_t files = 0, bytes = 0, batches = 0, bad_batches = 0, control_batches = 0, transactional_batches = 0;
    std::uint64_t records = 0, null_keys = 0, null_values = 0, headers = 0, key_bytes = 0, value_bytes = 0,
                  header_bytes = 0;
    std::uint64_t batch_bytes_min = std::numeric_limits<std::uint64_t>::max(), batch_bytes_max = 0;
    std::optional<std::int64_t> first_offset, last_offset;
    std::optional<base::TimestampMs> first_time, last_time;
    std::array<CodecFigures, 5> codecs;
};

class Summary {
public:
    explicit Summary(DumpRun& run) : run_(run) {}

    Result<> add(const DumpFile& file) {
        KLOG_TRY(EntryStream stream, EntryStream::open(run_.disk, file.path));
        ++f_.files;
        for (;;) {
            const auto entry = stream.next();
            if (!entry) {
                if (entry.error().code != Errc::truncated && entry.error().code != Errc::corrupt)
                    return std::unexpected(entry.error());
                run_.fault(file.path, stream.position(), entry.error().message);
                return {};
            }
            if (!*entry) return {};
            if (auto added = batch(**entry); !added) {
                ++f_.bad_batches;
                run_.fault(file.path, stream.position(), added.error().message);
            }
        }
    }

    void print() { run_.wish.style == RowStyle::json ? print_json() : print_text(); }

private:
    Result<> batch(const EntryView& entry) {
        ++f_.batches;
        f_.bytes += entry.size();
        f_.batch_bytes_min = std::min<std::uint64_t>(f_.batch_bytes_min, entry.size());
        f_.batch_bytes_max = std::max<std::uint64_t>(f_.batch_bytes_max, entry.size());
        KLOG_TRY_VOID(entry.check_crc());
        if (entry.is_batch()) {
            const records::HeaderView header(entry.bytes().data());
            f_.control_batches += header.control();
            f_.transactional_batches += header.transactional();
            if (header.control()) return {};
        }
        KLOG_TRY(auto reader, records::EntryReader::open(entry, inflated_, inflated_bytes_max));
        std::uint64_t record_bytes = 0;
        records::Record record;
        for (;;) {
            KLOG_TRY(const bool more, reader.next(record));
            if (!more) break;
            take(record);
            record_bytes += record.size_bytes;
        }
        CodecFigures& codec = f_.codecs[std::min<std::size_t>(entry.codec_bits(), f_.codecs.size() - 1)];
        ++codec.batches;
        codec.bytes += entry.size();
        codec.plain_bytes += entry.compressed() ? record_bytes + records::batch_header_bytes : entry.size();
        return {};
    }

    void take(const records::Record& record) {
        ++f_.records;
        f_.null_keys += !record.key;
        f_.null_values += !record.value;
        if (record.key) f_.key_bytes += record.key->size();
        if (record.value) f_.value_bytes += record.value->size();
        f_.headers += static_cast<std::uint64_t>(record.headers.size());
        f_.header_bytes += record.headers.bytes().size();
        if (!f_.first_offset || record.offset.value < *f_.first_offset) f_.first_offset = record.offset.value;
        if (!f_.last_offset || record.offset.value > *f_.last_offset) f_.last_offset = record.offset.value;
        if (record.timestamp < 0) return;
        if (!f_.first_time || record.timestamp < *f_.first_time) f_.first_time = record.timestamp;
        if (!f_.last_time || record.timestamp > *f_.last_time) f_.last_time = record.timestamp;
    }

    struct Line {
        std::string_view name;
        std::uint64_t number;
    };
    std::vector<Line> lines() const {
        return {{"files", f_.files},
                {"bytes", f_.bytes},
                {"batches", f_.batches},
                {"bad_batches", f_.bad_batches},
                {"control_batches", f_.control_batches},
                {"transactional_batches", f_.transactional_batches},
                {"records", f_.records},
                {"null_keys", f_.null_keys},
                {"null_values", f_.null_values},
                {"headers", f_.headers},
                {"key_bytes", f_.key_bytes},
                {"value_bytes", f_.value_bytes},
                {"header_bytes", f_.header_bytes},
                {"batch_bytes_min", f_.batches == 0 ? 0 : f_.batch_bytes_min},
                {"batch_bytes_mean", f_.batches == 0 ? 0 : f_.bytes / f_.batches},
                {"batch_bytes_max", f_.batch_bytes_max}};
    }

    void print_json() {
        std::string& out = run_.out.text();
        auto to = std::back_inserter(out);
        out += "{\"schema\":\"klog.dump.summary/1\"";
        for (const Line& line : lines()) fmt::format_to(to, ",\"{}\":{}", line.name, line.number);
        const auto optional = [&](std::string_view name, const std::optional<std::int64_t>& number) {
            number ? fmt::format_to(to, ",\"{}\":{}", name, *number) : fmt::format_to(to, ",\"{}\":null", name);
        };
        optional("first_offset", f_.first_offset);
        optional("last_offset", f_.last_offset);
        optional("first_timestamp", f_.first_time);
        optional("last_timestamp", f_.last_time);
        out += ",\"codecs\":{";
        bool first = true;
        each_codec([&](std::string_view name, const CodecFigures& codec) {
            fmt::format_to(to, "{}\"{}\":{{\"batches\":{},\"bytes\":{},\"plain_bytes\":{}}}",
                           std::exchange(first, false) ? "" : ",", name, codec.batches, codec.bytes, codec.plain_bytes);
        });
        out += "}}\n";
    }

    void print_text() {
        std::string& out = run_.out.text();
        auto to = std::back_inserter(out);
        const bool human = run_.wish.style == RowStyle::aligned;
        const auto name = [&](std::string_view text) {
            human ? fmt::format_to(to, "{:<22} ", text) : fmt::format_to(to, "{}\t", text);
        };
        for (const Line& line : lines()) {
            name(line.name);
            const bool bytes = human && line.name.find("bytes") != std::string_view::npos;
            out += bytes ? human_bytes(static_cast<std::int64_t>(line.number)) : fmt::format("{}", line.number);
            out += '\n';
        }
        name("offsets");
        out += f_.first_offset ? fmt::format("{}\t{}\n", *f_.first_offset, *f_.last_offset) : "-\n";
        name("times");
        if (f_.first_time) {
            append_rfc3339(out, *f_.first_time);
            out += '\t';
            append_rfc3339(out, *f_.last_time);
        } else {
            out += '-';
        }
        out += '\n';
        each_codec([&](std::string_view codec_name, const CodecFigures& codec) {
            name(codec_name);
            fmt::format_to(
                to, "{} batches\t{} bytes\t{:.2f}x\n", codec.batches, codec.bytes,
                static_cast<double>(codec.plain_bytes) / static_cast<double>(std::max<std::uint64_t>(codec.bytes, 1)));
        });
    }

    template <class Each>
    void each_codec(Each each) const {
        for (std::size_t i = 0; i < f_.codecs.size(); ++i)
            if (f_.codecs[i].batches > 0) each(records::name_of(static_cast<records::Codec>(i)), f_.codecs[i]);
    }

    DumpRun& run_;
    Figures f_;
    std::string inflated_;
};

}  // namespace

void dump_summary(DumpRun& run, const std::vector<DumpFile>& files) {
    Summary summary(run);
    for (const DumpFile& file : files) {
        if (!is_log(file.kind)) continue;
        if (auto added = summary.add(file); !added) run.fail(file.path, added.error());
    }
    summary.print();
}

}  // namespace klog::cmd
