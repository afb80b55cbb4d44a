// SPDX-License-Identifier: Apache-2.0
// libFuzzer target: the first byte chooses what the rest is taken for - a log of any format, one partition's batch in a
// Produce request, or a compressed stream. CRCs are put right first, so that what lies behind them is reached.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

#include <zlib.h>

#include "core/base/check.h"
#include "core/records/entry.h"
#include "core/records/validate.h"

using namespace klog::base;
using namespace klog::records;

namespace {

constexpr std::size_t inflated_bytes_max = 1u << 20;

/// The entry at the front, with its CRC corrected.
void mend_crc(std::string& bytes) {
    const auto entry = EntryView::parse(bytes);
    if (!entry) return;
    const std::string_view whole = entry->bytes();
    if (entry->is_batch()) {
        store_big(bytes.data() + at::crc,
                  batch_crc(whole.substr(0, batch_header_bytes), whole.substr(batch_header_bytes)));
    } else {
        const std::string_view covered = whole.substr(at::magic);
        const auto crc = crc32_z(0, reinterpret_cast<const Bytef*>(covered.data()), covered.size());
        store_big(bytes.data() + entry_overhead_bytes, static_cast<std::uint32_t>(crc));
    }
}

void read_log(std::string bytes) {
    mend_crc(bytes);
    std::string_view rest = bytes;
    for (;;) {
        const auto entry = take_entry(rest);
        if (!entry || !*entry) return;
        (void)(*entry)->check_crc();
        std::string scratch;
        auto reader = EntryReader::open(**entry, scratch, inflated_bytes_max);
        if (!reader) continue;
        Record record;
        std::size_t seen = 0;
        for (auto more = reader->next(record); more && *more; more = reader->next(record)) {
            for (const Header& header : record.headers) seen += header.key.size() + header.value.value_or("").size();
            seen += record.size_bytes;
        }
        KLOG_CHECK(seen <= 2 * std::max((*entry)->size(), scratch.size()), "records are made of the entry's bytes");
    }
}

void take_produced(std::string bytes, unsigned choice) {
    mend_crc(bytes);
    constexpr TimestampMs now_ms = 1'700'000'000'000;
    BatchRules rules;
    rules.compacted = (choice & 1) != 0;
    if (choice & 2) rules.timestamp_type = TimestampType::log_append_time;
    if (choice & 4) rules.compression = Compression(static_cast<Codec>(choice / 8 % 5));
    auto valid = validate(bytes, rules, now_ms);
    if (!valid) return;
    // What passed is stored: it has to be a batch that everybody can read.
    const std::string stored = std::string(valid->header.bytes()) + std::string(valid->body());
    const auto batch = BatchView::parse(stored);
    KLOG_CHECK(batch && batch->size() == stored.size() && check_replicated(*batch).has_value());
    std::string scratch;
    auto records = read_records(*batch, scratch, rules.inflated_bytes_max());
    KLOG_CHECK(records.has_value());
    Record record;
    std::int32_t count = 0;
    for (;; ++count) {
        const auto more = records->next(record);
        KLOG_CHECK(more.has_value());
        if (!*more) break;
        KLOG_CHECK(record.timestamp <= valid->max_timestamp && record.offset == batch->base_offset() + count);
    }
    KLOG_CHECK(count == valid->count);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    std::string bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
    switch (data[0] % 3) {
        case 0: read_log(std::move(bytes)); break;
        case 1: take_produced(std::move(bytes), data[1]); break;
        default: {
            std::string out;
            const auto codec = static_cast<Codec>(1 + data[1] % 4);
            const auto header = data[1] & 0x80 ? Lz4Header::format_0 : Lz4Header::standard;
            if (inflate(codec, bytes, inflated_bytes_max, out, header)) KLOG_CHECK(out.size() <= inflated_bytes_max);
        }
    }
    return 0;
}
