// SPDX-License-Identifier: Apache-2.0
#include "core/records/builder.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "core/base/check.h"
#include "core/base/varint.h"
#include "core/records/codecs.h"
#include "core/records/record_parse.h"

namespace klog::records {

using base::Errc;
using base::fail;
using base::Result;

namespace {

using Part = std::optional<std::string_view>;

std::int64_t size_or_null(const Part& part) { return part ? static_cast<std::int64_t>(part->size()) : -1; }

std::size_t part_size(const Part& part) { return base::varint_size(size_or_null(part)) + (part ? part->size() : 0); }

char* write_part(char* to, const Part& part) {
    to = base::write_varint(to, size_or_null(part));
    if (!part || part->empty()) return to;
    std::memcpy(to, part->data(), part->size());
    return to + part->size();
}

std::int64_t delta_of(base::TimestampMs timestamp, base::TimestampMs base) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(timestamp) - static_cast<std::uint64_t>(base));
}

/// Everything behind the length.
std::size_t content_size(const NewRecord& record, std::int64_t timestamp_delta, std::int32_t offset_delta) {
    std::size_t size = 1 + base::varint_size(timestamp_delta) + base::varint_size(offset_delta) +
                       part_size(record.key) + part_size(record.value) +
                       base::varint_size(static_cast<std::int64_t>(record.headers.size()));
    for (const Header& header : record.headers) size += part_size(header.key) + part_size(header.value);
    return size;
}

}  // namespace

std::size_t BatchBuilder::size_of(const NewRecord& record) const {
    const base::TimestampMs base = count_ == 0 ? record.timestamp : base_timestamp_;
    const std::size_t content = content_size(record, delta_of(record.timestamp, base), next_delta_);
    return base::varint_size(static_cast<std::int64_t>(content)) + content;
}

void BatchBuilder::append_at(std::int32_t offset_delta, const NewRecord& record) {
    KLOG_CHECK(offset_delta >= next_delta_, "offsets in a batch only rise");
    if (count_ == 0) base_timestamp_ = max_timestamp_ = record.timestamp;
    max_timestamp_ = std::max(max_timestamp_, record.timestamp);
    const std::int64_t timestamp_delta = delta_of(record.timestamp, base_timestamp_);
    const std::size_t content = content_size(record, timestamp_delta, offset_delta);
    KLOG_CHECK(content <= std::numeric_limits<std::int32_t>::max(), "callers bound a batch far below this");
    const std::size_t size = base::varint_size(static_cast<std::int64_t>(content)) + content;
    detail::append_with(body_, size, [&](char* to) {
        to = base::write_varint(to, static_cast<std::int64_t>(content));
        *to++ = 0;
        to = base::write_varint(to, timestamp_delta);
        to = base::write_varint(to, offset_delta);
        to = write_part(to, record.key);
        to = write_part(to, record.value);
        to = base::write_varint(to, static_cast<std::int64_t>(record.headers.size()));
        for (const Header& header : record.headers) to = write_part(write_part(to, header.key), header.value);
        return size;
    });
    ++count_;
    next_delta_ = offset_delta + 1;
}

Result<std::string> BatchBuilder::build() const {
    KLOG_CHECK(count_ > 0, "a batch has at least one record");
    std::string out(batch_header_bytes, '\0');
    KLOG_TRY_VOID(deflate(options_.compression, body_, out));
    BatchHeader header;
    header.set_magic(batch_magic);
    header.set_base_offset(options_.base_offset);
    header.set_partition_leader_epoch(options_.partition_leader_epoch);
    header.set_attributes(static_cast<std::int16_t>((options_.transactional ? attribute::transactional : 0) |
                                                    (options_.control ? attribute::control : 0)));
    header.set_codec(options_.compression.codec);
    header.set_last_offset_delta(next_delta_ - 1);
    header.set_base_timestamp(base_timestamp_);
    header.set_max_timestamp(options_.append_time ? TimestampType::log_append_time : TimestampType::create_time,
                             options_.append_time.value_or(max_timestamp_));
    header.set_producer(options_.producer);
    header.set_count(count_);
    header.seal(std::string_view(out).substr(batch_header_bytes));
    std::memcpy(out.data(), header.bytes().data(), batch_header_bytes);
    return out;
}

void BatchBuilder::clear() {
    body_.clear();
    count_ = next_delta_ = 0;
    base_timestamp_ = max_timestamp_ = no_timestamp;
}

namespace {

// A control record's key is a version and a type, a marker's value a version and the coordinator's epoch.
constexpr std::size_t control_key_bytes = 4;
constexpr std::size_t marker_bytes = 6;
constexpr std::int16_t control_version = 0;

}  // namespace

std::string_view name_of(ControlType type) {
    switch (type) {
        case ControlType::abort: return "abort";
        case ControlType::commit: return "commit";
        case ControlType::leader_change: return "leader_change";
        case ControlType::snapshot_header: return "snapshot_header";
        case ControlType::snapshot_footer: return "snapshot_footer";
        case ControlType::kraft_version: return "kraft_version";
        case ControlType::kraft_voters: return "kraft_voters";
    }
    return "unknown";
}

std::string build_end_transaction(const EndTransactionMarker& marker, base::ProducerId producer,
                                  base::ProducerEpoch producer_epoch, base::TimestampMs timestamp,
                                  base::Offset base_offset, base::LeaderEpoch partition_leader_epoch) {
    char key[control_key_bytes], value[marker_bytes];
    base::store_big(key, control_version);
    base::store_big(key + 2, static_cast<std::int16_t>(marker.commit ? ControlType::commit : ControlType::abort));
    base::store_big(value, control_version);
    base::store_big(value + 2, marker.coordinator_epoch);
    BatchBuilder builder({.compression = Compression(),
                          .base_offset = base_offset,
                          .partition_leader_epoch = partition_leader_epoch,
                          .producer = {producer, producer_epoch, no_sequence},
                          .transactional = true,
                          .control = true});
    builder.append({.timestamp = timestamp,
                    .key = std::string_view(key, sizeof key),
                    .value = std::string_view(value, sizeof value),
                    .headers = {}});
    auto batch = builder.build();
    KLOG_CHECK(batch.has_value(), "only compression can fail");
    return *std::move(batch);
}

Result<std::optional<ControlType>> control_type(const Record& record) {
    if (!record.key || record.key->size() < control_key_bytes)
        return fail(Errc::corrupt, "the control record at offset {} has no whole key", record.offset);
    const auto version = base::load_big<std::int16_t>(record.key->data());
    const auto type = base::load_big<std::int16_t>(record.key->data() + 2);
    if (version < 0 || type < 0)
        return fail(Errc::corrupt, "the control record at offset {} has version {} and type {}", record.offset, version,
                    type);
    if (type > static_cast<std::int16_t>(ControlType::kraft_voters)) return std::nullopt;
    return static_cast<ControlType>(type);
}

Result<EndTransactionMarker> read_end_transaction(const Record& record) {
    KLOG_TRY(const auto type, control_type(record));
    if (type != ControlType::commit && type != ControlType::abort)
        return fail(Errc::corrupt, "the control record at offset {} ends no transaction", record.offset);
    if (!record.value || record.value->size() < marker_bytes || base::load_big<std::int16_t>(record.value->data()) < 0)
        return fail(Errc::corrupt, "the transaction marker at offset {} has no whole value", record.offset);
    return EndTransactionMarker{type == ControlType::commit, base::load_big<std::int32_t>(record.value->data() + 2)};
}

}  // namespace klog::records
