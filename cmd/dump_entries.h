// SPDX-License-Identifier: Apache-2.0
// The entries of a file whose entries all have one size, read in pieces: an index can be large.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/os/disk.h"

namespace klog::cmd {

inline bool all_zeros(std::string_view bytes) { return bytes.find_first_not_of('\0') == std::string_view::npos; }

class FixedEntries {
public:
    static constexpr std::size_t entries_per_read = 4096;

    static base::Result<FixedEntries> open(os::Disk& disk, const std::string& path, std::size_t entry_bytes) {
        KLOG_TRY(auto file, disk.open(path, os::Open::read));
        return FixedEntries(std::move(file), entry_bytes);
    }

    /// Valid until the next call; nothing where no whole entry follows.
    base::Result<std::optional<std::string_view>> next() {
        if (at_ + entry_bytes_ > held_.size() && !at_end_) {
            start_ += at_;
            at_ = 0;
            held_.resize(entry_bytes_ * entries_per_read);
            KLOG_TRY(const std::size_t n, file_->read_at(start_, held_));
            at_end_ = n < held_.size();
            held_.resize(n);
        }
        if (at_ + entry_bytes_ > held_.size()) return std::nullopt;
        at_ += entry_bytes_;
        return std::string_view(held_.data() + at_ - entry_bytes_, entry_bytes_);
    }
    /// Where the next entry starts.
    std::uint64_t position() const { return start_ + at_; }
    /// Bytes behind the last whole entry, once next() gave nothing.
    std::size_t odd_bytes() const { return at_end_ && held_.size() - at_ < entry_bytes_ ? held_.size() - at_ : 0; }

private:
    FixedEntries(std::shared_ptr<os::File> file, std::size_t entry_bytes)
        : file_(std::move(file)), entry_bytes_(entry_bytes) {}

    std::shared_ptr<os::File> file_;
    std::size_t entry_bytes_;
    std::vector<char> held_;   // Not a string: views of it outlive a move.
    std::uint64_t start_ = 0;  // In the file, of held_.
    std::size_t at_ = 0;
    bool at_end_ = false;
};

}  // namespace klog::cmd
