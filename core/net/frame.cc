// SPDX-License-Identifier: Apache-2.0
#include "core/net/frame.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "core/base/big_endian.h"
#include "core/base/check.h"

namespace klog::net {

using base::Errc;
using base::Result;

namespace {

constexpr std::size_t prefix_bytes = 4;
constexpr std::size_t head_bytes = prefix_bytes + 4;  // The length, an API key, a version.

// True when no frame refers to the buffer any more, so that it can be filled anew. The fence pairs with the release by
// which the last frame, perhaps on another thread, let go of it; the thread sanitizer does not know fences.
bool unshared(const std::shared_ptr<char[]>& buffer) {
#if defined(__SANITIZE_THREAD__) || (defined(__has_feature) && __has_feature(thread_sanitizer))
    return false && buffer;
#else
    if (buffer.use_count() != 1) return false;
    std::atomic_thread_fence(std::memory_order_acquire);
    return true;
#endif
}

}  // namespace

std::size_t FrameCutter::partial_total() const {
    if (partial_bytes() < prefix_bytes) return 0;
    return prefix_bytes + static_cast<std::uint32_t>(base::load_big<std::int32_t>(buffer_.get() + begin_));
}

std::span<char> FrameCutter::space() {
    const std::size_t held = partial_bytes();
    const std::size_t room = capacity_ - end_;
    const std::size_t total = partial_total();
    // A buffer for the incomplete frame; what is not trusted yet may double what has come.
    const std::size_t wanted = std::max(buffer_bytes_, std::min(total, std::max(2 * held, trusted_bytes_)));
    if (held == 0) {
        if (capacity_ != buffer_bytes_) {
            renew(buffer_bytes_);
        } else if (unshared(buffer_)) {
            begin_ = end_ = 0;
        } else if (room < capacity_ / 4) {
            renew(buffer_bytes_);
        }
    } else {
        const bool fits = total > 0 ? begin_ + total <= capacity_ : room >= capacity_ / 4;
        const bool grows_later = begin_ == 0 && wanted < total && room > 0;  // Then it is copied once more anyway.
        if (!fits && !grows_later) renew(wanted);
    }
    return {buffer_.get() + end_, capacity_ - end_};
}

void FrameCutter::renew(std::size_t capacity) {
    auto fresh = std::make_shared_for_overwrite<char[]>(capacity);
    const std::size_t held = partial_bytes();
    if (held > 0) std::memcpy(fresh.get(), buffer_.get() + begin_, held);
    buffer_ = std::move(fresh);
    capacity_ = capacity;
    begin_ = 0;
    end_ = held;
}

// The next buffer follows what the connection does: twice as large when this one was filled at once, smaller when
// little comes.
void FrameCutter::adapt(std::size_t received) {
    if (received == capacity_ - end_) {
        buffer_bytes_ = std::min(buffer_bytes_ * 2, buffer_bytes_max);
    } else if (received < buffer_bytes_ / 8) {
        buffer_bytes_ = std::max(buffer_bytes_ / 2, buffer_bytes_min);
    }
}

Result<> FrameCutter::check_length(std::int32_t length) const {
    if (length < 0 || static_cast<std::uint32_t>(length) < limits_.frame_bytes_min) {
        return base::fail(Errc::corrupt, "a frame of {} bytes", length);
    }
    if (static_cast<std::uint32_t>(length) > limits_.frame_bytes_max) {
        // What TLS begins with, a handshake or an alert.
        if (length >> 16 == 0x1603 || length >> 16 == 0x1503)
            return base::fail(Errc::tls_failed, "what looks like TLS");
        return base::fail(Errc::too_large, "a frame of {} bytes, where {} are allowed", length,
                          limits_.frame_bytes_max);
    }
    return {};
}

Result<> FrameCutter::check_head(std::int32_t length) {
    if (!check_ || head_checked_ || partial_bytes() < head_bytes) return {};
    if (static_cast<std::uint32_t>(length) <= limits_.unchecked_bytes_max) return {};
    head_checked_ = true;
    const char* head = buffer_.get() + begin_ + prefix_bytes;
    return check_(base::load_big<std::int16_t>(head), base::load_big<std::int16_t>(head + 2),
                  static_cast<std::uint32_t>(length));
}

Result<> FrameCutter::commit(std::size_t n, std::vector<base::SharedBytes>& frames) {
    KLOG_CHECK(n <= capacity_ - end_);
    adapt(n);
    end_ += n;
    while (partial_bytes() >= prefix_bytes) {
        const auto length = base::load_big<std::int32_t>(buffer_.get() + begin_);
        KLOG_TRY_VOID(check_length(length));
        KLOG_TRY_VOID(check_head(length));
        const std::size_t total = prefix_bytes + static_cast<std::uint32_t>(length);
        if (partial_bytes() < total) break;
        frames.push_back({buffer_, {buffer_.get() + begin_ + prefix_bytes, total - prefix_bytes}});
        begin_ += total;
        head_checked_ = false;
        trusted_bytes_ = std::min(std::max(trusted_bytes_, total), trusted_bytes_max);
    }
    return {};
}

runtime::Task<Result<std::span<base::SharedBytes>>> FrameReader::next() {
    frames_.clear();
    while (frames_.empty()) {
        KLOG_CO_TRY(const std::size_t n, co_await stream_.read_some(cutter_.space()));
        if (n == 0) {
            if (cutter_.partial_bytes() == 0) break;
            co_return base::fail(Errc::closed, "{} closed in the middle of a frame", stream_.peer().to_string());
        }
        if (auto cut = cutter_.commit(n, frames_); !cut) {
            co_return base::fail(cut.error().code, "{} sent {}", stream_.peer().to_string(), cut.error().message);
        }
    }
    co_return std::span(frames_);
}

}  // namespace klog::net
