// SPDX-License-Identifier: Apache-2.0
#include "core/log/offset_index.h"

#include <limits>

#include "core/base/big_endian.h"
#include "core/base/check.h"

namespace klog::log {

using base::Errc;
using base::fail;
using base::Offset;
using base::Result;

namespace {

std::int32_t relative_at(std::string_view bytes, std::size_t i) {
    return base::load_big<std::int32_t>(bytes.data() + i * OffsetIndex::entry_bytes);
}
std::int32_t position_at(std::string_view bytes, std::size_t i) {
    return base::load_big<std::int32_t>(bytes.data() + i * OffsetIndex::entry_bytes + 4);
}

/// How many entries at the front satisfy the predicate, which holds for a prefix.
template <class Holds>
std::size_t prefix_length(std::size_t count, Holds holds) {
    std::size_t low = 0;
    while (count > 0) {
        const std::size_t half = count / 2;
        if (holds(low + half)) {
            low += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return low;
}

}  // namespace

Result<> OffsetIndex::adopt(std::shared_ptr<os::Mapping> mapping, std::uint64_t log_bytes) {
    const std::string_view bytes = mapping->bytes();
    if (bytes.size() % entry_bytes != 0) return fail(Errc::corrupt, "{} bytes are no whole entries", bytes.size());
    if (const std::size_t count = bytes.size() / entry_bytes; count > 0) {
        const auto relative = relative_at(bytes, count - 1);
        const auto position = position_at(bytes, count - 1);
        if (relative <= 0 || position <= 0 || static_cast<std::uint64_t>(position) >= log_bytes)
            return fail(Errc::corrupt, "the last entry ({}, {}) is not in the segment", relative, position);
    }
    mapped_bytes_ = bytes.size();
    mapping_ = std::move(mapping);
    owned_.clear();
    return {};
}

void OffsetIndex::load(std::string_view bytes, std::uint64_t log_bytes, Offset offset_limit) {
    std::size_t good = 0;
    std::int32_t relative_before = -1, position_before = 0;
    for (; good < bytes.size() / entry_bytes; ++good) {
        const auto relative = relative_at(bytes, good);
        const auto position = position_at(bytes, good);
        if (relative <= relative_before || position <= position_before) break;
        if (static_cast<std::uint64_t>(position) >= log_bytes || base_ + relative >= offset_limit) break;
        relative_before = relative;
        position_before = position;
    }
    mapping_ = nullptr;
    owned_ = bytes.substr(0, good * entry_bytes);
}

OffsetPosition OffsetIndex::entry(std::size_t i) const {
    const std::string_view bytes = view();
    return {base_ + relative_at(bytes, i), static_cast<std::uint32_t>(position_at(bytes, i))};
}

OffsetPosition OffsetIndex::last() const {
    const std::size_t count = entries();
    return count == 0 ? OffsetPosition{base_, 0} : entry(count - 1);
}

OffsetPosition OffsetIndex::floor(Offset offset) const {
    const std::string_view bytes = view();
    const std::int64_t wanted = offset - base_;
    const std::size_t below =
        prefix_length(bytes.size() / entry_bytes, [&](std::size_t i) { return relative_at(bytes, i) <= wanted; });
    return below == 0 ? OffsetPosition{base_, 0} : entry(below - 1);
}

OffsetPosition OffsetIndex::floor_position(std::uint64_t position) const {
    const std::string_view bytes = view();
    const std::size_t below = prefix_length(bytes.size() / entry_bytes, [&](std::size_t i) {
        return static_cast<std::uint32_t>(position_at(bytes, i)) <= position;
    });
    return below == 0 ? OffsetPosition{base_, 0} : entry(below - 1);
}

std::optional<std::uint64_t> OffsetIndex::position_above(std::uint64_t position) const {
    const std::string_view bytes = view();
    const std::size_t count = bytes.size() / entry_bytes;
    const std::size_t below = prefix_length(
        count, [&](std::size_t i) { return static_cast<std::uint32_t>(position_at(bytes, i)) <= position; });
    if (below == count) return std::nullopt;
    return entry(below).position;
}

void OffsetIndex::append(Offset last_offset, std::uint64_t position) {
    const OffsetPosition before = last();
    KLOG_CHECK(entries() == 0 || (last_offset > before.offset && position > before.position), "an index rises");
    KLOG_CHECK(last_offset - base_ <= std::numeric_limits<std::int32_t>::max(), "a segment spans 2^31 offsets");
    own();
    char bytes[entry_bytes];
    base::store_big(bytes, static_cast<std::int32_t>(last_offset - base_));
    base::store_big(bytes + 4, static_cast<std::int32_t>(position));
    owned_.append(bytes, sizeof bytes);
}

void OffsetIndex::truncate(Offset offset, std::uint64_t position) {
    own();
    const std::size_t kept = prefix_length(owned_.size() / entry_bytes, [&](std::size_t i) {
        return base_ + relative_at(owned_, i) < offset && static_cast<std::uint32_t>(position_at(owned_, i)) < position;
    });
    owned_.resize(kept * entry_bytes);
}

void OffsetIndex::own() {
    if (!mapping_) return;
    owned_ = view();
    mapping_ = nullptr;
}

}  // namespace klog::log
