// SPDX-License-Identifier: Apache-2.0
// The four codecs of record batches, in the framings that Kafka uses: gzip members, snappy in Java's (xerial) blocks or
// raw, lz4 frames, zstd frames. Decompression is incremental and bounded while it runs: a hostile batch costs no more
// memory or time than its bound. Contexts are kept per thread and reused. All of it computes, so that anything large
// belongs on the pool.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/base/error.h"
#include "core/records/batch.h"

namespace klog::records {

/// A codec and how hard it shall try. Kafka's defaults and ranges (compression.gzip.level and so on).
struct Compression {
    Codec codec = Codec::none;
    int level = 0;  // Meaningless for none and snappy.

    Compression() = default;
    explicit Compression(Codec which) : codec(which), level(default_level(which)) {}
    Compression(Codec which, int how_hard) : codec(which), level(how_hard) {}
    bool operator==(const Compression&) const = default;

    static int default_level(Codec codec);
    /// gzip: -1 (its default) or 1 to 9; lz4: 1 to 17; zstd: -131072 to 22.
    static bool valid_level(Codec codec, int level);
};

/// How to treat the checksum in the header of an lz4 frame: Kafka's format 0 computed it over the wrong bytes.
enum class Lz4Header { standard, format_0 };

/// Decompresses a stream piece by piece. The compressed bytes must outlive it. Belongs to one thread at a time.
class Inflater {
public:
    virtual ~Inflater() = default;
    /// Up to into.size() bytes; 0 only at the end of a stream that ended as its format demands. invalid_record: it is
    /// damaged, cut off or followed by something else. too_large: it holds more than bytes_max.
    base::Result<std::size_t> read(std::span<char> into);

protected:
    explicit Inflater(std::size_t bytes_max) : bytes_max_(bytes_max), left_(bytes_max) {}
    /// As read, but without counting. `into` is not empty.
    virtual base::Result<std::size_t> produce(std::span<char> into) = 0;
    std::size_t left() const { return left_; }
    std::size_t bytes_max() const { return bytes_max_; }

private:
    std::size_t bytes_max_;
    std::size_t left_;  // What may still come out.
    bool ended_ = false;
};

/// codec is not none. Nothing is allocated in proportion to what the stream announces.
base::Result<std::unique_ptr<Inflater>> open_inflater(Codec codec, std::string_view compressed, std::size_t bytes_max,
                                                      Lz4Header lz4_header = Lz4Header::standard);

/// All at once: replaces what is in `out`, which grows with what really comes out.
base::Result<> inflate(Codec codec, std::string_view compressed, std::size_t bytes_max, std::string& out,
                       Lz4Header lz4_header = Lz4Header::standard);

/// Appends the compressed form of `plain` to `out`. Fails only when the machine has no memory.
base::Result<> deflate(const Compression& compression, std::string_view plain, std::string& out);

}  // namespace klog::records
