// SPDX-License-Identifier: Apache-2.0
// Which bytes of a segment are known to be good in this life of the broker: appended, or walked and CRC-checked. Owned
// by its segment, on its shard.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace klog::log {

class CheckedRanges {
public:
    /// More separate ranges than this are not remembered; the shortest is then forgotten (and checked again when read).
    static constexpr std::size_t ranges_max = 32;

    void add(std::uint64_t from, std::uint64_t to);
    void remove(std::uint64_t from, std::uint64_t to);
    bool covers(std::uint64_t from, std::uint64_t to) const;
    void truncate(std::uint64_t to);
    std::size_t ranges() const { return ranges_.size(); }

private:
    struct Range {
        std::uint64_t from;
        std::uint64_t to;
    };
    std::vector<Range> ranges_;  // In order, apart.
};

}  // namespace klog::log
