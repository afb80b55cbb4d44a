// SPDX-License-Identifier: Apache-2.0
// The entries of a log, one after the other, from a file or from standard input, in big reads and with bounded memory.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/error.h"
#include "core/os/disk.h"
#include "core/records/entry.h"

namespace klog::cmd {

class EntryStream {
public:
    static constexpr std::size_t read_bytes = 1u << 20;
    /// A longer entry is taken for garbage. Memory grows with what was read, not with what a length announces.
    static constexpr std::size_t entry_bytes_max = 1u << 30;

    /// "-": standard input.
    static base::Result<EntryStream> open(os::Disk& disk, const std::string& path);
    /// Bytes in memory, for tests and for parts of a log.
    static EntryStream of(std::string bytes);

    /// The next entry, valid until the next call; nothing at the end. truncated: the log ends inside an entry. corrupt:
    /// the bytes are no entry, and nothing that follows can be found. CRCs are not looked at.
    base::Result<std::optional<records::EntryView>> next();
    /// Where the entry starts that next() returned or failed at; at the end, the number of bytes.
    std::uint64_t position() const { return position_; }
    /// Goes on at another place of the file; not on standard input.
    void seek(std::uint64_t position);
    /// Reads to the end without keeping anything; where that is.
    base::Result<std::uint64_t> drain();

private:
    explicit EntryStream(std::shared_ptr<os::File> file) : file_(std::move(file)) {}
    base::Result<bool> fill(std::size_t bytes);
    base::Result<std::size_t> read(std::span<char> into);
    std::size_t held() const { return end_ - begin_; }

    std::shared_ptr<os::File> file_;  // Null: standard input.
    std::string buffer_;
    std::size_t begin_ = 0, end_ = 0;  // What of the buffer was read and not yet taken.
    std::size_t taken_ = 0;            // Size of the entry that was returned last.
    std::uint64_t position_ = 0;       // In the log, of begin_.
    bool at_end_ = false;
};

}  // namespace klog::cmd
