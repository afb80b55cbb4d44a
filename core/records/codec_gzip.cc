// SPDX-License-Identifier: Apache-2.0
// gzip (RFC 1952): one or more members, as java.util.zip.GZIPInputStream reads them.
#include <zlib.h>

#include <algorithm>

#include "core/base/check.h"
#include "core/records/codecs.h"

namespace klog::records::detail {

using base::Result;

namespace {

constexpr int gzip_window_bits = 15 + 16;  // The largest window, in a gzip wrapper.
constexpr int memory_level = 8;

Bytef* bytes_of(const char* from) { return reinterpret_cast<Bytef*>(const_cast<char*>(from)); }

struct InflateContext {
    z_stream stream{};
    InflateContext() { KLOG_CHECK(inflateInit2(&stream, gzip_window_bits) == Z_OK, "memory for zlib"); }
    ~InflateContext() { inflateEnd(&stream); }
    InflateContext(const InflateContext&) = delete;
    InflateContext& operator=(const InflateContext&) = delete;
    bool worth_keeping() const { return true; }
};

struct DeflateContext {
    z_stream stream{};
    int level = Z_DEFAULT_COMPRESSION;
    DeflateContext() {
        KLOG_CHECK(deflateInit2(&stream, level, Z_DEFLATED, gzip_window_bits, memory_level, Z_DEFAULT_STRATEGY) == Z_OK,
                   "memory for zlib");
    }
    ~DeflateContext() { deflateEnd(&stream); }
    DeflateContext(const DeflateContext&) = delete;
    DeflateContext& operator=(const DeflateContext&) = delete;
    bool worth_keeping() const { return true; }
};

class GzipInflater final : public Inflater {
public:
    GzipInflater(std::string_view compressed, std::size_t bytes_max) : Inflater(bytes_max) {
        inflateReset(&context_->stream);
        context_->stream.next_in = bytes_of(compressed.data());
        context_->stream.avail_in = static_cast<uInt>(compressed.size());
    }

private:
    Result<std::size_t> produce(std::span<char> into) override {
        z_stream& stream = context_->stream;
        const auto room = static_cast<uInt>(std::min<std::size_t>(into.size(), 1u << 30));
        stream.next_out = bytes_of(into.data());
        stream.avail_out = room;
        while (stream.avail_out == room) {
            if (member_ended_) {
                if (stream.avail_in == 0) return 0;
                inflateReset(&stream);
                member_ended_ = false;
            }
            const int code = ::inflate(&stream, Z_NO_FLUSH);
            if (code == Z_STREAM_END)
                member_ended_ = true;
            else if (code == Z_BUF_ERROR)
                return cut_off(Codec::gzip);
            else if (code != Z_OK)
                return damaged(Codec::gzip, stream.msg ? stream.msg : "bad bytes");
        }
        return room - stream.avail_out;
    }

    Borrowed<InflateContext> context_;
    bool member_ended_ = false;
};

}  // namespace

std::unique_ptr<Inflater> open_gzip(std::string_view compressed, std::size_t bytes_max) {
    return std::make_unique<GzipInflater>(compressed, bytes_max);
}

Result<> deflate_gzip(int level, std::string_view plain, std::string& out) {
    const Borrowed<DeflateContext> context;
    z_stream& stream = context->stream;
    deflateReset(&stream);
    if (level != context->level) {
        KLOG_CHECK(deflateParams(&stream, level, Z_DEFAULT_STRATEGY) == Z_OK, "a level from a valid configuration");
        context->level = level;
    }
    const std::size_t room = deflateBound(&stream, plain.size());
    append_with(out, room, [&](char* bytes) {
        stream.next_in = bytes_of(plain.data());
        stream.avail_in = static_cast<uInt>(plain.size());
        stream.next_out = bytes_of(bytes);
        stream.avail_out = static_cast<uInt>(room);
        KLOG_CHECK(::deflate(&stream, Z_FINISH) == Z_STREAM_END, "deflateBound is a bound");
        return room - stream.avail_out;
    });
    return {};
}

}  // namespace klog::records::detail
