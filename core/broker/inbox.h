// SPDX-License-Identifier: Apache-2.0
// The bytes that a connection has received: one buffer that follows what arrives, never what is announced, cut into
// frames. Lives with its connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "core/broker/limits.h"

namespace klog::broker {

class Inbox {
public:
    explicit Inbox(std::size_t frame_bytes_max) : frame_bytes_max_(frame_bytes_max) {}

    /// How large the buffer should be for the next read: compare with capacity(), then call grow. A frame that is under
    /// way doubles it; so does a read that filled it.
    std::size_t wanted() const;
    std::size_t capacity() const { return capacity_; }
    void resize(std::size_t capacity);
    /// Where the next bytes go.
    std::span<char> room() { return {buffer_.get() + end_, capacity_ - end_}; }
    void filled(std::size_t bytes);

    enum class Cut {
        frame,    // `out` is a frame without its length.
        partial,  // The next frame is not whole yet.
        bad,      // No frame can look like this: see why().
    };
    /// The next frame, valid until forget().
    Cut next(std::string_view& out);
    const char* why() const { return why_; }
    /// Frames cut so far are not needed any more: what is behind them moves to the front.
    void forget();
    /// Some of a frame is there, but not all.
    bool in_frame() const { return end_ > begin_; }

private:
    std::unique_ptr<char[]> buffer_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;   // Of what has not been cut.
    std::size_t end_ = 0;     // Of what is there.
    std::size_t needed_ = 0;  // By the frame under way, with its length; 0: not known.
    std::size_t last_read_ = 0;
    int small_reads_ = 0;  // In a row, each of less than a quarter of the buffer.
    const std::size_t frame_bytes_max_;
    const char* why_ = "";
};

}  // namespace klog::broker
