// SPDX-License-Identifier: Apache-2.0
// Incoming frames: a 4-byte length, then that many bytes. FrameCutter is the pure part; FrameReader feeds it from a
// stream. One per connection, on the connection's shard; the frames may travel to others.
//
// Frames are views into the buffer that they were received in, which they share: nothing is copied but the beginning of
// a frame whose end is still to come, when its buffer is full. A length is never trusted: memory grows with the bytes
// that have arrived, to at most twice as many.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/base/chain.h"
#include "core/base/error.h"
#include "core/net/stream.h"
#include "core/runtime/task.h"

namespace klog::net {

struct FrameLimits {
    /// A longer frame is an error: too_large, or tls_failed where it is the beginning of TLS. Kafka's
    /// socket.request.max.bytes.
    std::uint32_t frame_bytes_max = 100 * 1024 * 1024;
    /// A shorter one too: corrupt. What every header has.
    std::uint32_t frame_bytes_min = 4;
    /// Of a frame longer than this no more is taken before its head is checked.
    std::uint32_t unchecked_bytes_max = 64 * 1024;
};

/// Looks at the API key and version that open a long request, and at the length of its frame; an error ends the
/// connection.
using HeadCheck = std::function<base::Result<>(std::int16_t api_key, std::int16_t version, std::uint32_t length)>;

class FrameCutter {
public:
    /// Buffers have a size between these, as the connection's bytes come, or that of one long frame.
    static constexpr std::size_t buffer_bytes_min = 4u << 10;
    static constexpr std::size_t buffer_bytes_max = 128u << 10;
    /// A frame as long as one that has already come whole gets its buffer at once, up to this.
    static constexpr std::size_t trusted_bytes_max = 1u << 20;

    explicit FrameCutter(FrameLimits limits, HeadCheck check = nullptr) : limits_(limits), check_(std::move(check)) {}

    /// Where the next bytes go; never empty.
    std::span<char> space();
    /// The first n bytes of space() have arrived: appends the frames that are now complete, without their lengths.
    base::Result<> commit(std::size_t n, std::vector<base::SharedBytes>& frames);

    /// Bytes of a frame that is not complete.
    std::size_t partial_bytes() const { return end_ - begin_; }
    /// What the current buffer holds in memory.
    std::size_t buffer_bytes() const { return capacity_; }
    /// For frames from the next commit on; when a client has authenticated.
    void set_frame_bytes_max(std::uint32_t bytes) { limits_.frame_bytes_max = bytes; }

private:
    /// Length of the incomplete frame, with its prefix; 0 while that is incomplete too.
    std::size_t partial_total() const;
    void renew(std::size_t capacity);
    void adapt(std::size_t received);
    base::Result<> check_length(std::int32_t length) const;
    base::Result<> check_head(std::int32_t length);

    FrameLimits limits_;
    HeadCheck check_;
    std::shared_ptr<char[]> buffer_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;                        // Of the incomplete frame, with its length.
    std::size_t end_ = 0;                          // Of what has arrived.
    std::size_t buffer_bytes_ = buffer_bytes_min;  // For the next buffer.
    std::size_t trusted_bytes_ = 0;
    bool head_checked_ = false;  // Of the incomplete frame.
};

class FrameReader {
public:
    FrameReader(Stream& stream, FrameLimits limits, HeadCheck check = nullptr)
        : stream_(stream), cutter_(limits, std::move(check)) {}

    /// Waits until at least one frame is complete and gives all that are; empty: the peer closed between two frames.
    /// The span is good until the next call; take the frames out of it.
    runtime::Task<base::Result<std::span<base::SharedBytes>>> next();
    FrameCutter& cutter() { return cutter_; }

private:
    Stream& stream_;
    FrameCutter cutter_;
    std::vector<base::SharedBytes> frames_;
};

}  // namespace klog::net
