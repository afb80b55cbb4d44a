// SPDX-License-Identifier: Apache-2.0
// The record batch of format 2 (KIP-98, org.apache.kafka.common.record.DefaultRecordBatch), as bytes: reading its
// header, changing those fields that a broker assigns, checking its CRC. Nothing here owns or copies a batch; views
// live as long as the bytes that they were made from. What is inside a batch is read with record.h;
// docs/format-record-batch.md has the layout in words.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/big_endian.h"
#include "core/base/error.h"
#include "core/base/types.h"

namespace klog::records {

/// Compression of a batch; the values are the low three bits of its attributes.
enum class Codec : std::uint8_t { none = 0, gzip = 1, snappy = 2, lz4 = 3, zstd = 4 };

/// "none", "gzip", ...: the names that configuration keys use.
std::string_view name_of(Codec codec);
std::optional<Codec> codec_named(std::string_view name);

enum class TimestampType : std::uint8_t { create_time = 0, log_append_time = 1 };

inline constexpr std::int8_t batch_magic = 2;
/// Offset and length: the same two fields start an entry of every format.
inline constexpr std::size_t entry_overhead_bytes = 12;
inline constexpr std::size_t batch_header_bytes = 61;
/// The smallest record: length, attributes, two deltas, null key, null value, no headers, one byte each.
inline constexpr std::size_t record_bytes_min = 7;
inline constexpr std::int32_t no_sequence = -1;
inline constexpr base::ProducerEpoch no_producer_epoch{-1};
inline constexpr base::TimestampMs no_timestamp = -1;

/// Where each field of the header starts.
namespace at {
inline constexpr std::size_t base_offset = 0, length = 8, partition_leader_epoch = 12, magic = 16, crc = 17,
                             attributes = 21, last_offset_delta = 23, base_timestamp = 27, max_timestamp = 35,
                             producer_id = 43, producer_epoch = 51, base_sequence = 53, count = 57, records = 61;
}  // namespace at

namespace attribute {
inline constexpr std::int16_t codec_mask = 0x07, log_append_time = 0x08, transactional = 0x10, control = 0x20,
                              delete_horizon = 0x40;
}  // namespace attribute

/// Who wrote a batch, for de-duplication (idempotent producers).
struct ProducerInfo {
    base::ProducerId id = base::no_producer_id;
    base::ProducerEpoch epoch = no_producer_epoch;
    std::int32_t base_sequence = no_sequence;

    bool present() const { return id.value >= 0; }
    bool operator==(const ProducerInfo&) const = default;
};

/// base + delta in the ring of sequence numbers 0 .. INT32_MAX.
constexpr std::int32_t sequence_plus(std::int32_t base, std::int32_t delta) {
    return static_cast<std::int32_t>((static_cast<std::int64_t>(base) + delta) & 0x7fff'ffff);
}

/// Reads the 61 bytes of a header that somebody has found to be there. Values are as stored: none of them is checked.
class HeaderView {
public:
    explicit HeaderView(const char* header) : header_(header) {}

    base::Offset base_offset() const { return {load<std::int64_t>(at::base_offset)}; }
    base::Offset last_offset() const { return base_offset() + last_offset_delta(); }
    base::Offset next_offset() const { return last_offset() + 1; }
    /// Bytes after the length field.
    std::int32_t length() const { return load<std::int32_t>(at::length); }
    base::LeaderEpoch partition_leader_epoch() const { return {load<std::int32_t>(at::partition_leader_epoch)}; }
    std::int8_t magic() const { return load<std::int8_t>(at::magic); }
    std::uint32_t crc() const { return load<std::uint32_t>(at::crc); }
    std::int16_t attributes() const { return load<std::int16_t>(at::attributes); }
    /// The three codec bits; 5, 6 and 7 name no codec.
    std::uint8_t codec_bits() const { return static_cast<std::uint8_t>(attributes() & attribute::codec_mask); }
    bool compressed() const { return codec_bits() != 0; }
    /// unsupported_compression for an unknown codec.
    base::Result<Codec> codec() const;
    TimestampType timestamp_type() const {
        return has(attribute::log_append_time) ? TimestampType::log_append_time : TimestampType::create_time;
    }
    bool transactional() const { return has(attribute::transactional); }
    bool control() const { return has(attribute::control); }
    /// Set by the cleaner: base_timestamp is then the time at which tombstones may go (KIP-534).
    bool has_delete_horizon() const { return has(attribute::delete_horizon); }
    std::int32_t last_offset_delta() const { return load<std::int32_t>(at::last_offset_delta); }
    base::TimestampMs base_timestamp() const { return load<std::int64_t>(at::base_timestamp); }
    base::TimestampMs max_timestamp() const { return load<std::int64_t>(at::max_timestamp); }
    base::ProducerId producer_id() const { return {load<std::int64_t>(at::producer_id)}; }
    base::ProducerEpoch producer_epoch() const { return {load<std::int16_t>(at::producer_epoch)}; }
    std::int32_t base_sequence() const { return load<std::int32_t>(at::base_sequence); }
    ProducerInfo producer() const { return {producer_id(), producer_epoch(), base_sequence()}; }
    /// -1 without a base sequence.
    std::int32_t last_sequence() const {
        return base_sequence() < 0 ? no_sequence : sequence_plus(base_sequence(), last_offset_delta());
    }
    std::int32_t count() const { return load<std::int32_t>(at::count); }

    std::string_view header_bytes() const { return {header_, batch_header_bytes}; }

protected:
    template <class I>
    I load(std::size_t where) const {
        return base::load_big<I>(header_ + where);
    }
    bool has(std::int16_t bit) const { return (attributes() & bit) != 0; }

    const char* header_;
};

/// One whole batch of format 2.
class BatchView : public HeaderView {
public:
    /// The batch at the front of `bytes`; more may follow. truncated: the bytes end before the batch does. corrupt: the
    /// length cannot be one. unsupported_version: another magic. The CRC is not looked at.
    static base::Result<BatchView> parse(std::string_view bytes);

    std::string_view bytes() const { return {header_, size_}; }
    std::size_t size() const { return size_; }
    /// The records, compressed or not.
    std::string_view body() const { return {header_ + batch_header_bytes, size_ - batch_header_bytes}; }
    bool crc_matches() const;
    /// corrupt when the CRC does not match; the words name the base offset and both values.
    base::Result<> check_crc() const;

private:
    BatchView(const char* bytes, std::size_t size) : HeaderView(bytes), size_(size) {}
    std::size_t size_;
};

/// Takes the batch at the front of `rest` away from it; nothing at the end of `rest`. Errors as BatchView::parse, and
/// `rest` is then left as it is.
base::Result<std::optional<BatchView>> take_batch(std::string_view& rest);

/// A header on its own, to be changed and then written in front of a body that lies elsewhere: an append writes
/// {bytes(), body} and never touches the producer's buffer.
class BatchHeader {
public:
    BatchHeader() { bytes_.fill(0); }
    explicit BatchHeader(HeaderView from);

    HeaderView view() const { return HeaderView(bytes_.data()); }
    std::string_view bytes() const { return {bytes_.data(), bytes_.size()}; }

    // Outside the CRC: a leader assigns them to every batch.
    void set_base_offset(base::Offset offset) { store(at::base_offset, offset.value); }
    void set_partition_leader_epoch(base::LeaderEpoch epoch) { store(at::partition_leader_epoch, epoch.value); }
    void set_body_size(std::size_t bytes) {
        store(at::length, static_cast<std::int32_t>(batch_header_bytes - entry_overhead_bytes + bytes));
    }
    // Inside the CRC: after any of these, seal() with the body.
    void set_attributes(std::int16_t attributes) { store(at::attributes, attributes); }
    void set_codec(Codec codec);
    void set_max_timestamp(TimestampType type, base::TimestampMs max_timestamp);
    void set_base_timestamp(base::TimestampMs timestamp) { store(at::base_timestamp, timestamp); }
    void set_last_offset_delta(std::int32_t delta) { store(at::last_offset_delta, delta); }
    void set_producer(const ProducerInfo& producer);
    void set_count(std::int32_t count) { store(at::count, count); }
    void set_magic(std::int8_t magic) { store(at::magic, magic); }

    /// Stores the length and the CRC that fit this body.
    void seal(std::string_view body);

private:
    template <class I>
    void store(std::size_t where, I value) {
        base::store_big(bytes_.data() + where, value);
    }
    std::array<char, batch_header_bytes> bytes_;
};

/// The CRC of a batch given in two pieces: its header, from the attributes on, and its body.
std::uint32_t batch_crc(std::string_view header, std::string_view body);

/// The same two assignments on a batch in a buffer of one's own, such as one fresh from a builder.
inline void assign_base_offset(char* batch, base::Offset offset) {
    base::store_big(batch + at::base_offset, offset.value);
}
inline void assign_partition_leader_epoch(char* batch, base::LeaderEpoch epoch) {
    base::store_big(batch + at::partition_leader_epoch, epoch.value);
}

}  // namespace klog::records
