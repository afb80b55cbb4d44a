// SPDX-License-Identifier: Apache-2.0
// Messages of formats 0 and 1 (org.apache.kafka.common.record.LegacyRecord), for reading old files only. A compressed
// message is a wrapper whose value holds messages; in format 0 these carry their offsets, in format 1 numbers relative
// to the first, while the wrapper carries the offset of the last (KIP-31). Users see entry.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/big_endian.h"
#include "core/base/error.h"
#include "core/base/types.h"
#include "core/records/batch.h"
#include "core/records/record.h"

namespace klog::records {

/// Offset, length, crc, magic, attributes, key length, value length; format 1 has a timestamp before the key.
inline constexpr std::size_t legacy_bytes_min_0 = 26, legacy_bytes_min_1 = 34;

/// One whole message, at least as long as its format demands; whoever makes it has checked that.
class LegacyView {
public:
    explicit LegacyView(std::string_view bytes) : bytes_(bytes) {}

    std::string_view bytes() const { return bytes_; }
    base::Offset offset() const { return {base::load_big<std::int64_t>(bytes_.data())}; }
    std::int8_t magic() const { return bytes_[16]; }
    std::uint8_t attributes() const { return static_cast<std::uint8_t>(bytes_[17]); }
    std::uint8_t codec_bits() const { return attributes() & 0x07; }
    bool compressed() const { return codec_bits() != 0; }
    TimestampType timestamp_type() const {
        return magic() == 1 && (attributes() & 0x08) ? TimestampType::log_append_time : TimestampType::create_time;
    }
    base::TimestampMs timestamp() const {
        return magic() == 0 ? no_timestamp : base::load_big<std::int64_t>(bytes_.data() + 18);
    }
    /// CRC-32 (of zlib) over everything after it. corrupt when it does not match.
    base::Result<> check_crc() const;
    /// Key and value in place. corrupt: their lengths do not add up to the message.
    base::Result<> read_fields(std::optional<std::string_view>& key, std::optional<std::string_view>& value) const;

private:
    std::string_view bytes_;
};

/// The records of one message: itself, or what it wraps.
class LegacyIterator {
public:
    static base::Result<LegacyIterator> open(LegacyView message, std::string& scratch, std::size_t inflated_bytes_max);
    /// As RecordIterator::next; the CRC of each inner message is checked too.
    base::Result<bool> next(Record& out);

private:
    explicit LegacyIterator(std::string_view messages) : rest_(messages) {}
    std::string_view rest_;
    std::int8_t magic_ = 0;
    bool wrapped_ = false;
    std::int64_t offset_shift_ = 0;  // What turns an inner offset into an offset of the log.
    std::optional<base::TimestampMs> append_time_;
};

}  // namespace klog::records
