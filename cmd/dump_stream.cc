// SPDX-License-Identifier: Apache-2.0
#include "cmd/dump_stream.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <unistd.h>

#include "cmd/dump_files.h"

namespace klog::cmd {

using base::Errc;
using base::fail;
using base::Result;
using records::EntryView;

Result<EntryStream> EntryStream::open(os::Disk& disk, const std::string& path) {
    if (path == standard_input) return EntryStream(nullptr);
    KLOG_TRY(auto file, disk.open(path, os::Open::read));
    return EntryStream(std::move(file));
}

EntryStream EntryStream::of(std::string bytes) {
    EntryStream stream(nullptr);
    stream.buffer_ = std::move(bytes);
    stream.end_ = stream.buffer_.size();
    stream.at_end_ = true;
    return stream;
}

Result<std::size_t> EntryStream::read(std::span<char> into) {
    if (file_) return file_->read_at(position_ + held(), into);
    for (;;) {
        const ssize_t n = ::read(STDIN_FILENO, into.data(), into.size());
        if (n >= 0) return static_cast<std::size_t>(n);
        if (errno != EINTR) return fail(Errc::io, "cannot be read: {}", std::strerror(errno));
    }
}

/// Reads on until so many bytes are held. False: the log ends before.
Result<bool> EntryStream::fill(std::size_t bytes) {
    while (held() < bytes) {
        if (at_end_) return false;
        if (begin_ > 0) {
            std::memmove(buffer_.data(), buffer_.data() + begin_, held());
            end_ -= begin_;
            begin_ = 0;
        }
        if (end_ == buffer_.size()) {
            // Doubled: an entry may lie about its length, but what was read is there.
            const std::size_t larger = std::max(read_bytes, buffer_.size() * 2);
            buffer_.resize(larger);
        }
        KLOG_TRY(const std::size_t n, read(std::span(buffer_).subspan(end_)));
        if (n == 0) at_end_ = true;
        end_ += n;
    }
    return true;
}

void EntryStream::seek(std::uint64_t position) {
    begin_ = end_ = taken_ = 0;
    position_ = position;
    at_end_ = false;
}

Result<std::uint64_t> EntryStream::drain() {
    for (;;) {
        position_ += held();
        begin_ = end_ = taken_ = 0;
        if (at_end_) return position_;
        buffer_.resize(std::max(buffer_.size(), read_bytes));
        KLOG_TRY(end_, read(buffer_));
        at_end_ = end_ == 0;
    }
}

Result<std::optional<EntryView>> EntryStream::next() {
    begin_ += taken_;
    position_ += taken_;
    taken_ = 0;
    KLOG_TRY(const bool prefix_there, fill(records::entry_prefix_bytes));
    if (held() == 0) return std::nullopt;
    const auto left = [&] { return std::string_view(buffer_).substr(begin_, held()); };
    if (!prefix_there) return fail(Errc::truncated, "the last {} bytes are no whole batch", held());
    if (left().substr(0, records::entry_prefix_bytes).find_first_not_of('\0') == std::string_view::npos)
        return fail(Errc::corrupt, "zeros where a batch should start");
    auto prefix = records::read_entry_prefix(left(), entry_bytes_max);
    if (!prefix) return fail(Errc::corrupt, "not a batch: {}", prefix.error().message);
    KLOG_TRY(const bool whole, fill(prefix->size));
    if (!whole)
        return fail(Errc::truncated, "a batch of {} bytes at offset {} is cut off: {} are there", prefix->size,
                    prefix->offset, held());
    KLOG_TRY(const EntryView entry, EntryView::parse(left()));
    taken_ = entry.size();
    return entry;
}

}  // namespace klog::cmd
