// SPDX-License-Identifier: Apache-2.0
#include "core/log/time_index.h"

#include "core/base/big_endian.h"
#include "core/base/check.h"

namespace klog::log {

using base::Errc;
using base::fail;
using base::Offset;
using base::Result;
using base::TimestampMs;

namespace {

TimestampMs timestamp_at(std::string_view bytes, std::size_t i) {
    return base::load_big<std::int64_t>(bytes.data() + i * TimeIndex::entry_bytes);
}
std::int32_t relative_at(std::string_view bytes, std::size_t i) {
    return base::load_big<std::int32_t>(bytes.data() + i * TimeIndex::entry_bytes + 8);
}

}  // namespace

Result<> TimeIndex::adopt(std::shared_ptr<os::Mapping> mapping) {
    const std::string_view bytes = mapping->bytes();
    if (bytes.size() % entry_bytes != 0) return fail(Errc::corrupt, "{} bytes are no whole entries", bytes.size());
    if (const std::size_t count = bytes.size() / entry_bytes; count > 0) {
        if (relative_at(bytes, count - 1) < 0 || timestamp_at(bytes, count - 1) < timestamp_at(bytes, 0))
            return fail(Errc::corrupt, "the last entry does not fit the first");
    }
    mapping_ = std::move(mapping);
    owned_.clear();
    return {};
}

void TimeIndex::load(std::string_view bytes, Offset offset_limit) {
    std::size_t good = 0;
    TimestampMs timestamp_before = -1;
    std::int32_t relative_before = 0;
    for (; good < bytes.size() / entry_bytes; ++good) {
        const auto timestamp = timestamp_at(bytes, good);
        const auto relative = relative_at(bytes, good);
        if (timestamp <= timestamp_before || relative < relative_before) break;
        if (base_ + relative >= offset_limit) break;
        timestamp_before = timestamp;
        relative_before = relative;
    }
    mapping_ = nullptr;
    owned_ = bytes.substr(0, good * entry_bytes);
}

TimestampedOffset TimeIndex::entry(std::size_t i) const {
    const std::string_view bytes = view();
    return {timestamp_at(bytes, i), base_ + relative_at(bytes, i)};
}

TimestampedOffset TimeIndex::last() const {
    const std::size_t count = entries();
    return count == 0 ? TimestampedOffset{-1, base_} : entry(count - 1);
}

TimestampedOffset TimeIndex::floor(TimestampMs timestamp_ms) const {
    std::size_t low = 0;
    for (std::size_t count = entries(); count > 0;) {
        const std::size_t half = count / 2;
        if (entry(low + half).timestamp_ms <= timestamp_ms) {
            low += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return low == 0 ? TimestampedOffset{-1, base_} : entry(low - 1);
}

TimestampedOffset TimeIndex::before(Offset offset) const {
    std::size_t count = entries();
    while (count > 0 && entry(count - 1).offset >= offset) --count;
    return count == 0 ? TimestampedOffset{-1, base_} : entry(count - 1);
}

void TimeIndex::maybe_append(TimestampMs timestamp_ms, Offset offset) {
    const TimestampedOffset before = last();
    if (timestamp_ms <= before.timestamp_ms) return;
    KLOG_CHECK(offset >= before.offset, "a time index rises");
    own();
    char bytes[entry_bytes];
    base::store_big(bytes, timestamp_ms);
    base::store_big(bytes + 8, static_cast<std::int32_t>(offset - base_));
    owned_.append(bytes, sizeof bytes);
}

void TimeIndex::truncate(Offset offset) {
    own();
    std::size_t kept = owned_.size() / entry_bytes;
    while (kept > 0 && entry(kept - 1).offset >= offset) --kept;
    owned_.resize(kept * entry_bytes);
}

void TimeIndex::own() {
    if (!mapping_) return;
    owned_ = view();
    mapping_ = nullptr;
}

}  // namespace klog::log
