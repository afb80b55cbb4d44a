// SPDX-License-Identifier: Apache-2.0
// snappy in the framing of Java's SnappyOutputStream ("xerial"): a magic, two versions, then blocks, each a big-endian
// length and a raw snappy block. Written so, as Kafka does; read so, or as one raw block, which other clients send.
#include <snappy.h>

#include <array>
#include <cstring>

#include "core/base/big_endian.h"
#include "core/records/codecs.h"

namespace klog::records::detail {

using base::load_big;
using base::Result;
using base::store_big;

namespace {

constexpr std::string_view magic("\x82SNAPPY\0", 8);
constexpr std::size_t header_bytes = 16;                                 // The magic and two versions of 4 bytes.
constexpr std::int32_t version = 1;                                      // Both the writer's and the oldest reader's.
constexpr std::size_t block_bytes_max = 32u << 10;                       // As Java writes by default.
constexpr auto magic_as_length = static_cast<std::int32_t>(0x82534e41);  // A second stream, read as a block length.

/// A snappy element of 3 bytes makes 64 at most; whoever announces more is lying.
constexpr std::size_t possible_size(std::size_t compressed) { return 22 * compressed + 64; }

class SnappyInflater final : public Inflater {
public:
    SnappyInflater(std::string_view compressed, std::size_t bytes_max)
        : Inflater(bytes_max), rest_(compressed), framed_(compressed.starts_with(magic)) {}

private:
    Result<std::size_t> produce(std::span<char> into) override {
        while (block_.empty()) {
            if (rest_.empty() && started_) return 0;
            KLOG_TRY(const std::string_view compressed, next_compressed());
            std::size_t size = 0;
            if (!snappy::GetUncompressedLength(compressed.data(), compressed.size(), &size) ||
                size > possible_size(compressed.size()))
                return damaged(Codec::snappy, "a block has an impossible size");
            if (size > left()) return inflates_too_far(bytes_max());
            char* to = size <= into.size() ? into.data() : buffer_->room_for(size);
            if (!snappy::RawUncompress(compressed.data(), compressed.size(), to))
                return damaged(Codec::snappy, "a block does not decode");
            if (size == 0) continue;
            if (to == into.data()) return size;
            block_ = {to, size};
        }
        const std::size_t n = std::min(into.size(), block_.size());
        std::memcpy(into.data(), block_.data(), n);
        block_.remove_prefix(n);
        return n;
    }

    /// The next raw block; rest_ is behind it then.
    Result<std::string_view> next_compressed() {
        if (!framed_) {
            started_ = true;
            return std::exchange(rest_, {});
        }
        if (!started_) {
            if (rest_.size() < header_bytes) return cut_off(Codec::snappy);
            rest_.remove_prefix(header_bytes);
            started_ = true;
            if (rest_.empty()) return empty_block;
        }
        if (rest_.size() < sizeof(std::int32_t)) return cut_off(Codec::snappy);
        const auto length = load_big<std::int32_t>(rest_.data());
        if (length == magic_as_length && rest_.starts_with(magic)) {  // Streams may follow each other.
            started_ = false;
            return empty_block;
        }
        rest_.remove_prefix(sizeof length);
        if (length < 0 || static_cast<std::size_t>(length) > rest_.size()) return cut_off(Codec::snappy);
        const auto block = rest_.substr(0, static_cast<std::size_t>(length));
        rest_.remove_prefix(block.size());
        return block;
    }

    static constexpr std::string_view empty_block{"\0", 1};

    std::string_view rest_;
    bool framed_;
    bool started_ = false;
    std::string_view block_;  // What of the current block has not been taken.
    Borrowed<Buffer> buffer_;
};

}  // namespace

std::unique_ptr<Inflater> open_snappy(std::string_view compressed, std::size_t bytes_max) {
    return std::make_unique<SnappyInflater>(compressed, bytes_max);
}

Result<> deflate_snappy(std::string_view plain, std::string& out) {
    out.append(magic);
    append_with(out, header_bytes - magic.size(), [](char* bytes) {
        store_big(bytes, version);
        store_big(bytes + sizeof version, version);
        return 2 * sizeof version;
    });
    while (!plain.empty()) {
        const std::string_view block = plain.substr(0, block_bytes_max);
        plain.remove_prefix(block.size());
        append_with(out, sizeof(std::int32_t) + snappy::MaxCompressedLength(block.size()), [&](char* bytes) {
            std::size_t size = 0;
            snappy::RawCompress(block.data(), block.size(), bytes + sizeof(std::int32_t), &size);
            store_big(bytes, static_cast<std::int32_t>(size));
            return sizeof(std::int32_t) + size;
        });
    }
    return {};
}

}  // namespace klog::records::detail
