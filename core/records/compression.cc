// SPDX-License-Identifier: Apache-2.0
#include "core/records/compression.h"

#include <algorithm>

#include "core/records/codecs.h"

namespace klog::records {

using base::Errc;
using base::fail;
using base::Result;

namespace detail {

std::unexpected<base::Error> inflates_too_far(std::size_t bytes_max) {
    return fail(Errc::too_large, "compressed records hold more than the allowed {} bytes", bytes_max);
}
std::unexpected<base::Error> cut_off(Codec codec) {
    return fail(Errc::invalid_record, "{} data is cut off", name_of(codec));
}
std::unexpected<base::Error> damaged(Codec codec, std::string_view why) {
    return fail(Errc::invalid_record, "{} data is damaged: {}", name_of(codec), why);
}

}  // namespace detail

int Compression::default_level(Codec codec) {
    switch (codec) {
        case Codec::gzip: return -1;
        case Codec::lz4: return 9;
        case Codec::zstd: return 3;
        case Codec::none:
        case Codec::snappy: break;
    }
    return 0;
}

bool Compression::valid_level(Codec codec, int level) {
    switch (codec) {
        case Codec::gzip: return level == -1 || (level >= 1 && level <= 9);
        case Codec::lz4: return level >= 1 && level <= 17;
        case Codec::zstd: return level >= -131'072 && level <= 22;
        case Codec::none:
        case Codec::snappy: break;
    }
    return false;
}

Result<std::size_t> Inflater::read(std::span<char> into) {
    if (ended_ || into.empty()) return 0;
    // One byte more than allowed is asked for: only then is a stream of exactly the bound told from a longer one.
    const std::size_t room = std::min(into.size(), left_ == SIZE_MAX ? left_ : left_ + 1);
    KLOG_TRY(const std::size_t got, produce(into.first(room)));
    if (got > left_) return detail::inflates_too_far(bytes_max_);
    left_ -= got;
    ended_ = got == 0;
    return got;
}

Result<std::unique_ptr<Inflater>> open_inflater(Codec codec, std::string_view compressed, std::size_t bytes_max,
                                                Lz4Header lz4_header) {
    switch (codec) {
        case Codec::gzip: return detail::open_gzip(compressed, bytes_max);
        case Codec::snappy: return detail::open_snappy(compressed, bytes_max);
        case Codec::lz4: return detail::open_lz4(compressed, bytes_max, lz4_header);
        case Codec::zstd: return detail::open_zstd(compressed, bytes_max);
        case Codec::none: break;
    }
    return fail(Errc::unsupported_compression, "there is nothing to decompress");
}

Result<> inflate(Codec codec, std::string_view compressed, std::size_t bytes_max, std::string& out,
                 Lz4Header lz4_header) {
    constexpr std::size_t first_room = 64u << 10;
    out.clear();
    KLOG_TRY(const auto inflater, open_inflater(codec, compressed, bytes_max, lz4_header));
    for (std::size_t room = std::max(first_room, 2 * compressed.size());; room = std::max(first_room, out.size())) {
        Result<std::size_t> got = 0;
        // What is reserved follows what has really come out; the one byte more than allowed is there to be missed.
        room = std::min(room - 1, bytes_max - std::min(bytes_max, out.size())) + 1;
        detail::append_with(out, room, [&](char* bytes) {
            got = inflater->read({bytes, room});
            return got.value_or(0);
        });
        if (!got) return std::unexpected(std::move(got).error());
        if (*got == 0) return {};
    }
}

Result<> deflate(const Compression& compression, std::string_view plain, std::string& out) {
    switch (compression.codec) {
        case Codec::gzip: return detail::deflate_gzip(compression.level, plain, out);
        case Codec::snappy: return detail::deflate_snappy(plain, out);
        case Codec::lz4: return detail::deflate_lz4(compression.level, plain, out);
        case Codec::zstd: return detail::deflate_zstd(compression.level, plain, out);
        case Codec::none: break;
    }
    out.append(plain);
    return {};
}

}  // namespace klog::records
