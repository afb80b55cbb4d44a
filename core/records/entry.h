// SPDX-License-Identifier: Apache-2.0
// One entry of a log of any age: a batch of format 2, or a message of format 0 or 1, which may wrap compressed
// messages. Everything that walks files (recovery, indexes, dump-segment, consumers of old logs) sees entries; format 2
// is the fast path and legacy.h knows the rest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "core/base/error.h"
#include "core/base/types.h"
#include "core/records/batch.h"
#include "core/records/legacy.h"
#include "core/records/record.h"

namespace klog::records {

/// Bytes from the start of an entry that tell its size and format.
inline constexpr std::size_t entry_prefix_bytes = 17;

struct EntryPrefix {
    base::Offset offset;    // Format 2: of its first record; formats 0 and 1: of its (last) record.
    std::size_t size = 0;   // Of the whole entry, these bytes included.
    std::int8_t magic = 0;  // 0, 1 or 2.
};

/// Reads the first entry_prefix_bytes, which are there. corrupt: no entry of a known format can have this length, or
/// the format is unknown. A length over `size_max` is corrupt too: pass what remains of the file, or the largest batch.
base::Result<EntryPrefix> read_entry_prefix(std::string_view bytes, std::size_t size_max);

class EntryView {
public:
    /// The entry at the front of `bytes`. Errors as BatchView::parse, without the unsupported version.
    static base::Result<EntryView> parse(std::string_view bytes);

    std::string_view bytes() const { return bytes_; }
    std::size_t size() const { return bytes_.size(); }
    std::int8_t magic() const;
    bool is_batch() const { return magic() == batch_magic; }
    /// is_batch() only.
    BatchView batch() const;
    /// Not is_batch() only.
    LegacyView legacy() const { return LegacyView(bytes_); }

    /// Of its first record; for a compressed message of format 0 or 1, whose first record lies inside, that of its
    /// last.
    base::Offset base_offset() const { return {base::load_big<std::int64_t>(bytes_.data())}; }
    base::Offset last_offset() const;
    base::Offset next_offset() const { return last_offset() + 1; }
    /// -1 in format 0.
    base::TimestampMs max_timestamp() const;
    TimestampType timestamp_type() const;
    /// -1 in formats 0 and 1.
    base::LeaderEpoch partition_leader_epoch() const;
    std::uint8_t codec_bits() const;
    bool compressed() const { return codec_bits() != 0; }
    /// corrupt when it does not match.
    base::Result<> check_crc() const;

private:
    explicit EntryView(std::string_view bytes) : bytes_(bytes) {}
    std::string_view bytes_;
};

/// Takes the entry at the front of `rest` away from it; nothing at the end. Errors as EntryView::parse, and `rest` is
/// then left as it is.
base::Result<std::optional<EntryView>> take_entry(std::string_view& rest);

/// The records of one entry of any format, in order of their offsets.
class EntryReader {
public:
    /// A compressed entry is decompressed into `scratch`, which the records then point into. unsupported_compression,
    /// too_large, invalid_record or corrupt when that fails.
    static base::Result<EntryReader> open(const EntryView& entry, std::string& scratch, std::size_t inflated_bytes_max);
    /// As RecordIterator::next.
    base::Result<bool> next(Record& out);

private:
    explicit EntryReader(RecordIterator records) : records_(std::move(records)) {}
    explicit EntryReader(LegacyIterator records) : records_(std::move(records)) {}
    std::variant<RecordIterator, LegacyIterator> records_;
};

}  // namespace klog::records
