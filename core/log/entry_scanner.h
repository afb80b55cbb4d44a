// SPDX-License-Identifier: Apache-2.0
// Walks the entries of a stretch of a segment's log file, of any format, from a position at which one starts.
// Everything that reads logs back goes through it: cold reads, recovery, rebuilding of indexes, look-ups by time.
//
// Belongs to one thread; reads block unless the pages are resident.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/error.h"
#include "core/base/types.h"
#include "core/os/disk.h"
#include "core/records/batch.h"

namespace klog::log {

/// What next() says of bytes that are no entry; other errors are the disk's.
inline bool is_format_error(const base::Error& error) {
    return error.code == base::Errc::corrupt || error.code == base::Errc::truncated;
}

struct ScannedEntry {
    std::uint64_t position = 0;
    std::uint32_t size = 0;
    std::int8_t magic = 2;
    /// Formats 0 and 1: both are the message's offset, which for a compressed one is that of the last record inside.
    base::Offset first_offset;
    base::Offset last_offset;
    base::TimestampMs max_timestamp_ms = -1;  // -1: format 0.
    base::LeaderEpoch epoch = base::no_leader_epoch;
    /// Format 2: the 61 bytes of its header.
    std::array<char, records::batch_header_bytes> header{};

    bool is_batch() const { return magic == records::batch_magic; }
    records::HeaderView batch_header() const { return records::HeaderView(header.data()); }
    std::uint64_t end() const { return position + size; }
};

class EntryScanner {
public:
    enum class Depth {
        headers,  // Sizes, formats and offsets; bodies are skipped.
        checked,  // Whole entries with their CRC.
    };
    /// Read at once when only headers are looked at, and when everything is.
    static constexpr std::size_t headers_window_bytes = 4096, checked_window_bytes = 256 << 10;
    /// A larger entry is checked in pieces. It is held whole only by who must see its records, after that.
    static constexpr std::size_t whole_entry_bytes_max = 8 << 20;

    /// Walks [position, end); `end` is not beyond the file.
    EntryScanner(const os::File& file, std::uint64_t position, std::uint64_t end, Depth depth)
        : file_(file), position_(position), end_(end), depth_(depth) {}

    /// The next entry; none at the end. truncated: the stretch ends inside the first bytes of an entry. corrupt: bytes
    /// that are no entry, one that is longer than what is left among them, or a CRC that does not match. Others: the
    /// disk. After an error position() is where the bad entry starts.
    base::Result<std::optional<ScannedEntry>> next();
    /// Where the next entry starts.
    std::uint64_t position() const { return position_; }
    void seek(std::uint64_t position) { position_ = position; }
    /// All bytes of the entry that next() returned last. too_large above bytes_max.
    base::Result<std::string_view> bytes_of(const ScannedEntry& entry, std::size_t bytes_max = whole_entry_bytes_max);
    /// Checks the CRC of the entry that next() returned last, a large batch piece by piece.
    base::Result<> check(const ScannedEntry& entry);

private:
    base::Result<std::string_view> window(std::uint64_t position, std::size_t length);
    base::Result<> check_in_pieces(const ScannedEntry& entry);

    const os::File& file_;
    std::uint64_t position_;
    const std::uint64_t end_;
    const Depth depth_;
    std::string buffer_;
    std::uint64_t buffer_position_ = 0;
};

}  // namespace klog::log
