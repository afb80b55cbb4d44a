// SPDX-License-Identifier: Apache-2.0
#include "core/records/entry.h"

#include "core/base/check.h"

namespace klog::records {

using base::Errc;
using base::fail;
using base::Result;

namespace {

/// What a whole entry takes at least; nothing for an unknown format.
std::optional<std::size_t> size_min(std::int8_t magic) {
    switch (magic) {
        case 0: return legacy_bytes_min_0;
        case 1: return legacy_bytes_min_1;
        case batch_magic: return batch_header_bytes;
        default: return std::nullopt;
    }
}

}  // namespace

Result<EntryPrefix> read_entry_prefix(std::string_view bytes, std::size_t size_max) {
    KLOG_CHECK(bytes.size() >= entry_prefix_bytes);
    const HeaderView header(bytes.data());
    const auto least = size_min(header.magic());
    if (!least) return fail(Errc::corrupt, "entry at offset {} has magic {}", header.base_offset(), header.magic());
    const auto size = static_cast<std::int64_t>(header.length()) + static_cast<std::int64_t>(entry_overhead_bytes);
    if (size < static_cast<std::int64_t>(*least) || static_cast<std::size_t>(size) > size_max)
        return fail(Errc::corrupt, "entry at offset {} has length {}", header.base_offset(), header.length());
    return EntryPrefix{header.base_offset(), static_cast<std::size_t>(size), header.magic()};
}

Result<EntryView> EntryView::parse(std::string_view bytes) {
    if (bytes.size() < entry_prefix_bytes)
        return fail(Errc::truncated, "{} bytes are too few for an entry", bytes.size());
    KLOG_TRY(const EntryPrefix prefix, read_entry_prefix(bytes, SIZE_MAX));
    if (prefix.size > bytes.size())
        return fail(Errc::truncated, "entry at offset {} has {} bytes, of which {} are there", prefix.offset,
                    prefix.size, bytes.size());
    return EntryView(bytes.substr(0, prefix.size));
}

std::int8_t EntryView::magic() const { return bytes_[at::magic]; }

BatchView EntryView::batch() const {
    auto batch = BatchView::parse(bytes_);
    KLOG_CHECK(batch.has_value(), "only an entry of format 2 is a batch");
    return *batch;
}

base::Offset EntryView::last_offset() const {
    return is_batch() ? HeaderView(bytes_.data()).last_offset() : base_offset();
}

base::TimestampMs EntryView::max_timestamp() const {
    return is_batch() ? HeaderView(bytes_.data()).max_timestamp() : legacy().timestamp();
}

TimestampType EntryView::timestamp_type() const {
    return is_batch() ? HeaderView(bytes_.data()).timestamp_type() : legacy().timestamp_type();
}

base::LeaderEpoch EntryView::partition_leader_epoch() const {
    return is_batch() ? HeaderView(bytes_.data()).partition_leader_epoch() : base::no_leader_epoch;
}

std::uint8_t EntryView::codec_bits() const {
    return is_batch() ? HeaderView(bytes_.data()).codec_bits() : legacy().codec_bits();
}

Result<> EntryView::check_crc() const { return is_batch() ? batch().check_crc() : legacy().check_crc(); }

Result<std::optional<EntryView>> take_entry(std::string_view& rest) {
    if (rest.empty()) return std::nullopt;
    KLOG_TRY(const EntryView entry, EntryView::parse(rest));
    rest.remove_prefix(entry.size());
    return entry;
}

Result<EntryReader> EntryReader::open(const EntryView& entry, std::string& scratch, std::size_t inflated_bytes_max) {
    if (entry.is_batch()) {
        KLOG_TRY(RecordIterator records, read_records(entry.batch(), scratch, inflated_bytes_max));
        return EntryReader(std::move(records));
    }
    KLOG_TRY(LegacyIterator records, LegacyIterator::open(entry.legacy(), scratch, inflated_bytes_max));
    return EntryReader(std::move(records));
}

Result<bool> EntryReader::next(Record& out) {
    return std::visit([&](auto& records) { return records.next(out); }, records_);
}

}  // namespace klog::records
