// SPDX-License-Identifier: Apache-2.0
#include "core/records/legacy.h"

#include <zlib.h>

#include "core/records/compression.h"
#include "core/records/entry.h"

namespace klog::records {

using base::Errc;
using base::fail;
using base::load_big;
using base::Result;

namespace {

constexpr std::size_t crc_at = 12, magic_at = 16, key_at_0 = 18, key_at_1 = 26;

std::uint32_t crc_of(std::string_view message) {
    const std::string_view covered = message.substr(magic_at);
    return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(covered.data()), covered.size()));
}

/// A part with a length of four bytes, -1 for null.
bool take_part(std::string_view& rest, std::optional<std::string_view>& out) {
    if (rest.size() < sizeof(std::int32_t)) return false;
    const auto size = load_big<std::int32_t>(rest.data());
    rest.remove_prefix(sizeof size);
    out.reset();
    if (size == -1) return true;
    if (size < 0 || static_cast<std::size_t>(size) > rest.size()) return false;
    out = rest.substr(0, static_cast<std::size_t>(size));
    rest.remove_prefix(out->size());
    return true;
}

/// The message at the front of what a wrapper holds: whole, of the wrapper's format, not compressed again.
Result<LegacyView> parse_inner(std::string_view rest, std::int8_t magic) {
    KLOG_TRY(const EntryView entry, EntryView::parse(rest));
    if (entry.magic() != magic)
        return fail(Errc::invalid_record, "a message of format {} inside one of format {}", entry.magic(), magic);
    if (entry.compressed()) return fail(Errc::invalid_record, "a compressed message inside a compressed message");
    return entry.legacy();
}

}  // namespace

Result<> LegacyView::check_crc() const {
    const auto stored = load_big<std::uint32_t>(bytes_.data() + crc_at);
    const std::uint32_t computed = crc_of(bytes_);
    if (stored == computed) return {};
    return fail(Errc::corrupt, "message at offset {} has CRC {:08x}, but its bytes give {:08x}", offset(), stored,
                computed);
}

Result<> LegacyView::read_fields(std::optional<std::string_view>& key, std::optional<std::string_view>& value) const {
    std::string_view rest = bytes_.substr(magic() == 0 ? key_at_0 : key_at_1);
    if (take_part(rest, key) && take_part(rest, value) && rest.empty()) return {};
    return fail(Errc::corrupt, "message at offset {} has a key and value that do not add up to its length", offset());
}

Result<LegacyIterator> LegacyIterator::open(LegacyView message, std::string& scratch, std::size_t inflated_bytes_max) {
    if (!message.compressed()) {
        LegacyIterator records(message.bytes());
        records.magic_ = message.magic();
        return records;
    }
    if (message.codec_bits() > static_cast<std::uint8_t>(Codec::lz4))
        return fail(Errc::unsupported_compression, "message at offset {} has codec {}", message.offset(),
                    message.codec_bits());
    std::optional<std::string_view> key, value;
    KLOG_TRY_VOID(message.read_fields(key, value));
    if (!value) return fail(Errc::invalid_record, "the compressed message at offset {} is null", message.offset());
    KLOG_TRY_VOID(inflate(static_cast<Codec>(message.codec_bits()), *value, inflated_bytes_max, scratch,
                          message.magic() == 0 ? Lz4Header::format_0 : Lz4Header::standard));
    LegacyIterator records(scratch);
    records.magic_ = message.magic();
    records.wrapped_ = true;
    if (message.timestamp_type() == TimestampType::log_append_time) records.append_time_ = message.timestamp();
    if (scratch.empty())
        return fail(Errc::invalid_record, "the compressed message at offset {} holds none", message.offset());
    if (message.magic() == 0) return records;
    // The wrapper has the offset of the last message in it, whose relative offset only a walk tells.
    base::Offset last{0};
    for (std::string_view rest = scratch; !rest.empty();) {
        KLOG_TRY(const LegacyView inner, parse_inner(rest, message.magic()));
        last = inner.offset();
        rest.remove_prefix(inner.bytes().size());
    }
    records.offset_shift_ = static_cast<std::int64_t>(static_cast<std::uint64_t>(message.offset().value) -
                                                      static_cast<std::uint64_t>(last.value));
    return records;
}

Result<bool> LegacyIterator::next(Record& out) {
    if (rest_.empty()) return false;
    const std::string_view here = std::exchange(rest_, {});  // After an error it is over.
    LegacyView message(here);
    if (wrapped_) {
        KLOG_TRY(message, parse_inner(here, magic_));
        KLOG_TRY_VOID(message.check_crc());
    }
    KLOG_TRY_VOID(message.read_fields(out.key, out.value));
    out.offset = {static_cast<std::int64_t>(static_cast<std::uint64_t>(message.offset().value) +
                                            static_cast<std::uint64_t>(offset_shift_))};
    out.timestamp = append_time_.value_or(message.timestamp());
    out.headers = {};
    out.size_bytes = message.bytes().size();
    rest_ = here.substr(message.bytes().size());
    return true;
}

}  // namespace klog::records
