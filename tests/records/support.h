// SPDX-License-Identifier: Apache-2.0
// What the tests of this room share: entries that Kafka's classes wrote (data/java.txt), and the text form in which
// both sides print what they read from them.
#pragma once

#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "core/base/crc32c.h"
#include "core/records/builder.h"
#include "core/records/entry.h"
#include "core/records/validate.h"

namespace klog::records::test {

inline constexpr std::size_t plenty = 64u << 20;

struct Case {
    std::string name;
    std::string bytes;
    std::string printed;  // The lines "entry ..." and "record ...".
};

inline std::string unhex(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2)
        out.push_back(static_cast<char>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
    return out;
}

inline std::vector<Case> java_cases() {
    std::ifstream file(std::string(KLOG_TEST_DATA) + "/java.txt");
    std::vector<Case> cases;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("case "))
            cases.push_back({line.substr(5), {}, {}});
        else if (line.starts_with("bytes "))
            cases.back().bytes = unhex(std::string_view(line).substr(6));
        else
            cases.back().printed += line + "\n";
    }
    return cases;
}

inline const Case& java_case(std::string_view name) {
    static const std::vector<Case> cases = java_cases();
    for (const Case& one : cases)
        if (one.name == name) return one;
    throw std::runtime_error("no such case in data/java.txt: " + std::string(name));
}

inline std::string printed_bytes(std::optional<std::string_view> bytes) {
    if (!bytes) return "null";
    if (bytes->empty()) return "empty";
    if (bytes->size() > 60) return fmt::format("#{}:{:x}", bytes->size(), base::crc32c(*bytes));
    std::string out;
    for (const char c : *bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
    return out;
}

inline std::string printed(const Record& record) {
    std::string out = fmt::format("record {} {} {} {}", record.offset, record.timestamp, printed_bytes(record.key),
                                  printed_bytes(record.value));
    for (const Header& header : record.headers)
        out += fmt::format(" {}={}", printed_bytes(header.key), printed_bytes(header.value));
    return out + "\n";
}

/// The header of an entry and what it holds, as java/Records.java prints them; or the error's words.
inline base::Result<std::string> printed(const EntryView& entry) {
    std::string scratch, records;
    KLOG_TRY_VOID(entry.check_crc());
    KLOG_TRY(EntryReader reader, EntryReader::open(entry, scratch, plenty));
    Record record;
    std::int64_t latest = -1;
    for (;;) {
        KLOG_TRY(const bool more, reader.next(record));
        if (!more) break;
        if (latest < 0 && entry.magic() > 0 && record.timestamp == entry.max_timestamp()) latest = record.offset.value;
        records += printed(record);
    }
    const ProducerInfo producer = entry.is_batch() ? entry.batch().producer() : ProducerInfo();
    const bool append_time = entry.timestamp_type() == TimestampType::log_append_time;
    return fmt::format("entry {} {} {} {} {} {} {} {} {} {} {} {}\n", entry.magic(),
                       name_of(static_cast<Codec>(entry.codec_bits())), entry.last_offset(), entry.max_timestamp(),
                       entry.magic() == 0 ? "NoTimestampType"
                       : append_time      ? "LogAppendTime"
                                          : "CreateTime",
                       entry.partition_leader_epoch(), producer.id, producer.epoch, producer.base_sequence,
                       entry.is_batch() && entry.batch().transactional(), entry.is_batch() && entry.batch().control(),
                       latest) +
           records;
}

/// All entries of a log, or the first error.
inline base::Result<std::string> printed_log(std::string_view bytes) {
    std::string out;
    for (;;) {
        KLOG_TRY(const auto entry, take_entry(bytes));
        if (!entry) return out;
        KLOG_TRY(const std::string text, printed(*entry));
        out += text;
    }
}

inline std::vector<Codec> all_codecs() { return {Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}; }

inline constexpr base::TimestampMs now_ms = 1'700'000'100'000;

/// A producer's batch of records "key N" with values of `value_bytes`.
inline std::string some_batch(int count, std::size_t value_bytes = 100, Compression compression = Compression(),
                              ProducerInfo producer = {}) {
    BatchBuilder builder;
    builder.options().compression = compression;
    builder.options().producer = producer;
    for (int i = 0; i < count; ++i) {
        const std::string key = "key " + std::to_string(i), value(value_bytes, static_cast<char>('a' + i % 26));
        builder.append({now_ms + i, key, value, {}});
    }
    return builder.build().value();
}

/// The same batch with its CRC made to fit again, after somebody changed its bytes.
inline std::string sealed(std::string batch) {
    BatchHeader header{HeaderView(batch.data())};
    header.seal(std::string_view(batch).substr(batch_header_bytes));
    return std::string(header.bytes()) + batch.substr(batch_header_bytes);
}

/// A batch of `count` records, as its header says, around any body.
inline std::string batch_around(std::string_view body, std::int32_t count, Codec codec = Codec::none) {
    BatchHeader header;
    header.set_magic(batch_magic);
    header.set_codec(codec);
    header.set_count(count);
    header.set_last_offset_delta(count - 1);
    header.set_base_timestamp(now_ms);
    header.set_max_timestamp(TimestampType::create_time, now_ms);
    header.set_producer({});
    header.seal(body);
    return std::string(header.bytes()) + std::string(body);
}

}  // namespace klog::records::test
