// SPDX-License-Identifier: Apache-2.0
// zstd frames (RFC 8878), one or more. A frame announces the window that its decoder must keep, up to 128 MiB and more;
// since no more than the bound may come out, a larger window is never needed, and the announcement is cut to the bound.
#include <zstd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "core/base/check.h"
#include "core/records/codecs.h"

namespace klog::records::detail {

using base::Result;

namespace {

constexpr std::size_t inflate_kept_bytes_max = 4u << 20;  // Contexts over this are not kept by a thread.
constexpr std::size_t deflate_kept_bytes_max = 16u << 20;

constexpr std::string_view frame_magic("\x28\xB5\x2F\xFD", 4);
constexpr std::size_t descriptor_at = 4, window_at = 5;
constexpr unsigned single_segment = 0x20;  // The whole content is the window, and there is no window byte.
constexpr int window_log_min = 17;         // A block may have 128 KiB, if the window has.

struct InflateContext {
    ZSTD_DCtx* stream = ZSTD_createDCtx();
    InflateContext() { KLOG_CHECK(stream != nullptr, "memory for zstd"); }
    ~InflateContext() { ZSTD_freeDCtx(stream); }
    InflateContext(const InflateContext&) = delete;
    InflateContext& operator=(const InflateContext&) = delete;
    bool worth_keeping() const { return ZSTD_sizeof_DCtx(stream) <= inflate_kept_bytes_max; }
};

struct DeflateContext {
    ZSTD_CCtx* stream = ZSTD_createCCtx();
    DeflateContext() { KLOG_CHECK(stream != nullptr, "memory for zstd"); }
    ~DeflateContext() { ZSTD_freeCCtx(stream); }
    DeflateContext(const DeflateContext&) = delete;
    DeflateContext& operator=(const DeflateContext&) = delete;
    bool worth_keeping() const { return ZSTD_sizeof_CCtx(stream) <= deflate_kept_bytes_max; }
};

class ZstdInflater final : public Inflater {
public:
    ZstdInflater(std::string_view compressed, std::size_t bytes_max)
        : Inflater(bytes_max),
          rest_(compressed),
          window_log_max_(std::max(window_log_min, static_cast<int>(std::bit_width(bytes_max)))) {
        ZSTD_DCtx_reset(context_->stream, ZSTD_reset_session_only);
    }

private:
    Result<std::size_t> produce(std::span<char> into) override {
        ZSTD_outBuffer out{into.data(), into.size(), 0};
        while (out.pos == 0) {
            if (between_frames_) {
                if (rest_.empty() && started_) return 0;
                KLOG_TRY_VOID(begin_frame());
            }
            std::string_view& source = patched_left_.empty() ? rest_ : patched_left_;
            ZSTD_inBuffer in{source.data(), source.size(), 0};
            const std::size_t more = ZSTD_decompressStream(context_->stream, &out, &in);
            if (ZSTD_isError(more)) return damaged(Codec::zstd, ZSTD_getErrorName(more));
            source.remove_prefix(in.pos);
            between_frames_ = more == 0;
            if (out.pos == 0 && in.pos == 0 && !between_frames_) return cut_off(Codec::zstd);
        }
        return out.pos;
    }

    Result<> begin_frame() {
        started_ = true;
        between_frames_ = false;
        if (rest_.size() <= window_at) return cut_off(Codec::zstd);
        if (!rest_.starts_with(frame_magic)) return damaged(Codec::zstd, "no frame starts here");
        const unsigned long long size = ZSTD_getFrameContentSize(rest_.data(), rest_.size());
        if (size == ZSTD_CONTENTSIZE_ERROR) return damaged(Codec::zstd, "a bad frame header");
        if (size != ZSTD_CONTENTSIZE_UNKNOWN && size > left()) return inflates_too_far(bytes_max());
        const auto window = static_cast<std::uint8_t>(rest_[window_at]);
        const bool has_window = (static_cast<unsigned>(rest_[descriptor_at]) & single_segment) == 0;
        if (has_window && 10 + (window >> 3) >= window_log_max_) {
            std::memcpy(patched_.data(), rest_.data(), patched_.size());
            patched_[window_at] = static_cast<char>((window_log_max_ - 10) << 3);
            patched_left_ = {patched_.data(), patched_.size()};
            rest_.remove_prefix(patched_.size());
        }
        return {};
    }

    Borrowed<InflateContext> context_;
    std::array<char, window_at + 1> patched_;
    std::string_view patched_left_;  // What of it has not been taken.
    std::string_view rest_;
    int window_log_max_;
    bool between_frames_ = true;
    bool started_ = false;
};

}  // namespace

std::unique_ptr<Inflater> open_zstd(std::string_view compressed, std::size_t bytes_max) {
    return std::make_unique<ZstdInflater>(compressed, bytes_max);
}

Result<> deflate_zstd(int level, std::string_view plain, std::string& out) {
    const Borrowed<DeflateContext> context;
    ZSTD_CCtx_reset(context->stream, ZSTD_reset_session_only);
    ZSTD_CCtx_setParameter(context->stream, ZSTD_c_compressionLevel, level);
    const std::size_t room = ZSTD_compressBound(plain.size());
    std::size_t size = 0;
    append_with(out, room, [&](char* bytes) {
        size = ZSTD_compress2(context->stream, bytes, room, plain.data(), plain.size());
        return ZSTD_isError(size) ? 0 : size;
    });
    if (ZSTD_isError(size)) return base::fail(base::Errc::limit, "zstd: {}", ZSTD_getErrorName(size));
    return {};
}

}  // namespace klog::records::detail
