// SPDX-License-Identifier: Apache-2.0
#include "core/records/batch.h"

#include <cstring>

#include "core/base/crc32c.h"

namespace klog::records {

using base::Errc;
using base::fail;
using base::Result;

namespace {
constexpr std::string_view codec_names[] = {"none", "gzip", "snappy", "lz4", "zstd"};
}

std::string_view name_of(Codec codec) { return codec_names[static_cast<std::size_t>(codec)]; }

std::optional<Codec> codec_named(std::string_view name) {
    for (std::size_t i = 0; i < std::size(codec_names); ++i)
        if (codec_names[i] == name) return static_cast<Codec>(i);
    return std::nullopt;
}

Result<Codec> HeaderView::codec() const {
    if (codec_bits() > static_cast<std::uint8_t>(Codec::zstd))
        return fail(Errc::unsupported_compression, "compression codec {} is not known", codec_bits());
    return static_cast<Codec>(codec_bits());
}

Result<BatchView> BatchView::parse(std::string_view bytes) {
    if (bytes.size() < at::magic + 1)
        return fail(Errc::truncated, "{} bytes are too few for a record batch", bytes.size());
    const HeaderView header(bytes.data());
    if (header.magic() != batch_magic)
        return fail(Errc::unsupported_version, "record batch with magic {} at offset {}, not {}", header.magic(),
                    header.base_offset(), batch_magic);
    constexpr auto length_min = static_cast<std::int32_t>(batch_header_bytes - entry_overhead_bytes);
    if (header.length() < length_min)
        return fail(Errc::corrupt, "record batch at offset {} has length {}, less than its header",
                    header.base_offset(), header.length());
    const std::size_t size = entry_overhead_bytes + static_cast<std::size_t>(header.length());
    if (size > bytes.size())
        return fail(Errc::truncated, "record batch at offset {} has {} bytes, of which {} are there",
                    header.base_offset(), size, bytes.size());
    return BatchView(bytes.data(), size);
}

bool BatchView::crc_matches() const { return batch_crc(header_bytes(), body()) == crc(); }

Result<> BatchView::check_crc() const {
    const std::uint32_t computed = batch_crc(header_bytes(), body());
    if (computed == crc()) return {};
    return fail(Errc::corrupt, "record batch at offset {} has CRC {:08x}, but its bytes give {:08x}", base_offset(),
                crc(), computed);
}

Result<std::optional<BatchView>> take_batch(std::string_view& rest) {
    if (rest.empty()) return std::nullopt;
    KLOG_TRY(const BatchView batch, BatchView::parse(rest));
    rest.remove_prefix(batch.size());
    return batch;
}

BatchHeader::BatchHeader(HeaderView from) {
    std::memcpy(bytes_.data(), from.header_bytes().data(), batch_header_bytes);
}

void BatchHeader::set_codec(Codec codec) {
    const int others = view().attributes() & ~attribute::codec_mask;
    set_attributes(static_cast<std::int16_t>(others | static_cast<int>(codec)));
}

void BatchHeader::set_max_timestamp(TimestampType type, base::TimestampMs max_timestamp) {
    const int others = view().attributes() & ~attribute::log_append_time;
    const int bit = type == TimestampType::log_append_time ? attribute::log_append_time : 0;
    set_attributes(static_cast<std::int16_t>(others | bit));
    store(at::max_timestamp, max_timestamp);
}

void BatchHeader::set_producer(const ProducerInfo& producer) {
    store(at::producer_id, producer.id.value);
    store(at::producer_epoch, producer.epoch.value);
    store(at::base_sequence, producer.base_sequence);
}

void BatchHeader::seal(std::string_view body) {
    set_body_size(body.size());
    store(at::crc, batch_crc(bytes(), body));
}

std::uint32_t batch_crc(std::string_view header, std::string_view body) {
    return base::crc32c(body, base::crc32c(header.substr(at::attributes)));
}

}  // namespace klog::records
