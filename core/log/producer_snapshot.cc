// SPDX-License-Identifier: Apache-2.0
#include "core/log/producer_snapshot.h"

#include "core/base/big_endian.h"
#include "core/base/crc32c.h"

namespace klog::log {

using base::Errc;
using base::fail;
using base::Result;

namespace {

constexpr std::int16_t version = 1;
constexpr std::size_t head_bytes = 10, covered_from = 6, entry_bytes = 46;

template <class I>
void put(std::string& out, I value) {
    char bytes[sizeof value];
    base::store_big(bytes, value);
    out.append(bytes, sizeof bytes);
}

/// Takes fields from the front; the caller knows that they are there.
class Fields {
public:
    explicit Fields(std::string_view bytes) : bytes_(bytes) {}
    template <class I>
    I take() {
        const I value = base::load_big<I>(bytes_.data());
        bytes_.remove_prefix(sizeof value);
        return value;
    }

private:
    std::string_view bytes_;
};

}  // namespace

std::string format_snapshot(const ProducerState& state) {
    std::string bytes;
    bytes.reserve(head_bytes + state.size() * entry_bytes);
    put(bytes, version);
    put(bytes, std::uint32_t{0});
    put(bytes, static_cast<std::int32_t>(state.size()));
    for (const auto& [id, entry] : state.sorted()) {
        const auto remembered = entry.remembered();
        const BatchMark last = remembered.empty() ? BatchMark{} : remembered.back();
        put(bytes, id.value);
        put(bytes, entry.epoch.value);
        put(bytes, last.last_sequence);
        put(bytes, last.last_offset.value);
        put(bytes, last.offset_delta);
        put(bytes, entry.last_timestamp_ms);
        put(bytes, entry.coordinator_epoch);
        put(bytes, entry.transaction_start ? entry.transaction_start->value : std::int64_t{-1});
    }
    base::store_big(bytes.data() + 2, base::crc32c(std::string_view(bytes).substr(covered_from)));
    return bytes;
}

Result<> read_snapshot(std::string_view bytes, base::MonotonicTime now, ProducerState& into) {
    if (bytes.size() < head_bytes) return fail(Errc::corrupt, "a snapshot of {} bytes", bytes.size());
    Fields head(bytes);
    const auto found = head.take<std::int16_t>();
    if (found != version) return fail(Errc::unsupported_version, "a snapshot of version {}", found);
    if (head.take<std::uint32_t>() != base::crc32c(bytes.substr(covered_from)))
        return fail(Errc::corrupt, "the CRC of the snapshot does not match");
    const auto count = head.take<std::int32_t>();
    if (count < 0 || static_cast<std::uint64_t>(count) * entry_bytes != bytes.size() - head_bytes)
        return fail(Errc::corrupt, "{} producers in {} bytes", count, bytes.size());
    Fields fields(bytes.substr(head_bytes));
    for (std::int32_t i = 0; i < count; ++i) {
        ProducerEntry entry;
        entry.seen = now;
        const base::ProducerId id{fields.take<std::int64_t>()};
        entry.epoch = {fields.take<std::int16_t>()};
        BatchMark last;
        last.last_sequence = fields.take<std::int32_t>();
        last.last_offset = {fields.take<std::int64_t>()};
        last.offset_delta = fields.take<std::int32_t>();
        last.timestamp_ms = entry.last_timestamp_ms = fields.take<std::int64_t>();
        entry.coordinator_epoch = fields.take<std::int32_t>();
        if (const auto start = fields.take<std::int64_t>(); start >= 0) entry.transaction_start = base::Offset{start};
        if (last.last_offset.value >= 0) entry.remember(last);
        into.put(id, entry);
    }
    return {};
}

}  // namespace klog::log
