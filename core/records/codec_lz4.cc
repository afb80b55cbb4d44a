// SPDX-License-Identifier: Apache-2.0
// lz4 frames as Kafka's Lz4BlockOutputStream writes them: independent blocks of 64 KiB, no checksums but the header's.
// Any frame is read, and the header checksum of format 0, which Kafka computed over the magic too, is put right first.
#include <lz4frame.h>
#include <lz4hc.h>

#include <array>
#include <bit>
#include <cstring>

#include "core/base/check.h"
#include "core/records/codecs.h"

namespace klog::records::detail {

using base::Result;

namespace {

constexpr std::size_t magic_bytes = 4;
constexpr std::size_t header_bytes_max = magic_bytes + 2 + 8 + 4 + 1;  // Flags, block size, content size, id, checksum.
constexpr unsigned flag_content_size = 0x08, flag_dictionary = 0x01;

struct InflateContext {
    LZ4F_dctx* stream = nullptr;
    bool large_blocks = false;  // It has grown buffers that a thread should not keep.
    bool in_frame = false;      // lz4 1.9.4 forgets to reset what is left of an announced content size.
    InflateContext() {
        KLOG_CHECK(!LZ4F_isError(LZ4F_createDecompressionContext(&stream, LZ4F_VERSION)), "memory for lz4");
    }
    ~InflateContext() { LZ4F_freeDecompressionContext(stream); }
    InflateContext(const InflateContext&) = delete;
    InflateContext& operator=(const InflateContext&) = delete;
    bool worth_keeping() const { return !large_blocks && !in_frame; }
};

/// xxHash32 with seed 0 of fewer than 16 bytes (https://github.com/Cyan4973/xxHash, specification).
std::uint32_t short_xxh32(std::string_view bytes) {
    constexpr std::uint32_t prime_1 = 0x9E3779B1, prime_2 = 0x85EBCA77, prime_3 = 0xC2B2AE3D, prime_4 = 0x27D4EB2F,
                            prime_5 = 0x165667B1;
    KLOG_CHECK(bytes.size() < 16);
    std::uint32_t hash = prime_5 + static_cast<std::uint32_t>(bytes.size());
    for (; bytes.size() >= 4; bytes.remove_prefix(4)) {
        std::uint32_t word;
        std::memcpy(&word, bytes.data(), sizeof word);
        hash = std::rotl(hash + word * prime_3, 17) * prime_4;
    }
    for (const char byte : bytes) hash = std::rotl(hash + static_cast<std::uint8_t>(byte) * prime_5, 11) * prime_1;
    hash = (hash ^ (hash >> 15)) * prime_2;
    hash = (hash ^ (hash >> 13)) * prime_3;
    return hash ^ (hash >> 16);
}

class Lz4Inflater final : public Inflater {
public:
    Lz4Inflater(std::string_view compressed, std::size_t bytes_max, Lz4Header header)
        : Inflater(bytes_max), rest_(compressed) {
        LZ4F_resetDecompressionContext(context_->stream);
        context_->in_frame = true;
        constexpr unsigned block_id_64_kib = 4;
        if (compressed.size() > magic_bytes + 1)
            context_->large_blocks = ((static_cast<unsigned>(compressed[magic_bytes + 1]) >> 4) & 7) > block_id_64_kib;
        if (header == Lz4Header::format_0) mend_header();
    }

private:
    Result<std::size_t> produce(std::span<char> into) override {
        for (;;) {
            if (ended_) {
                if (!rest_.empty()) return damaged(Codec::lz4, "bytes follow the frame");
                return 0;
            }
            std::string_view& source = header_.empty() ? rest_ : header_;
            std::size_t made = into.size(), used = source.size();
            const std::size_t more =
                LZ4F_decompress(context_->stream, into.data(), &made, source.data(), &used, nullptr);
            if (LZ4F_isError(more)) return damaged(Codec::lz4, LZ4F_getErrorName(more));
            source.remove_prefix(used);
            ended_ = more == 0;
            context_->in_frame = !ended_;
            if (made != 0) return made;
            if (!ended_ && used == 0) return cut_off(Codec::lz4);
        }
    }

    /// Gives out a copy of the header with the checksum that the standard asks for.
    void mend_header() {
        if (rest_.size() < magic_bytes + 3) return;
        const auto flags = static_cast<unsigned char>(rest_[magic_bytes]);
        const std::size_t described = 2 + (flags & flag_content_size ? 8u : 0u) + (flags & flag_dictionary ? 4u : 0u);
        const std::size_t size = magic_bytes + described + 1;
        if (rest_.size() < size) return;
        std::memcpy(mended_.data(), rest_.data(), size);
        const std::uint32_t hash = short_xxh32(rest_.substr(magic_bytes, described));
        mended_[size - 1] = static_cast<char>((hash >> 8) & 0xff);
        header_ = {mended_.data(), size};
        rest_.remove_prefix(size);
    }

    Borrowed<InflateContext> context_;
    std::array<char, header_bytes_max> mended_;
    std::string_view header_;  // What of the mended header has not been taken.
    std::string_view rest_;
    bool ended_ = false;
};

/// Kafka's default level 9 means lz4's fast mode (org.apache.kafka.common.compress.Lz4BlockOutputStream); any other
/// means the thorough one at that level.
int lz4_level(int level) {
    if (level == Compression::default_level(Codec::lz4)) return 0;
    return std::clamp(level, LZ4HC_CLEVEL_MIN, LZ4HC_CLEVEL_MAX);
}

}  // namespace

std::unique_ptr<Inflater> open_lz4(std::string_view compressed, std::size_t bytes_max, Lz4Header header) {
    return std::make_unique<Lz4Inflater>(compressed, bytes_max, header);
}

Result<> deflate_lz4(int level, std::string_view plain, std::string& out) {
    LZ4F_preferences_t preferences{};
    preferences.frameInfo.blockSizeID = LZ4F_max64KB;
    preferences.frameInfo.blockMode = LZ4F_blockIndependent;
    preferences.compressionLevel = lz4_level(level);
    const std::size_t room = LZ4F_compressFrameBound(plain.size(), &preferences);
    std::size_t size = 0;
    append_with(out, room, [&](char* bytes) {
        size = LZ4F_compressFrame(bytes, room, plain.data(), plain.size(), &preferences);
        return LZ4F_isError(size) ? 0 : size;
    });
    if (LZ4F_isError(size)) return base::fail(base::Errc::limit, "lz4: {}", LZ4F_getErrorName(size));
    return {};
}

}  // namespace klog::records::detail
