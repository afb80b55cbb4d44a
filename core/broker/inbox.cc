// SPDX-License-Identifier: Apache-2.0
#include "core/broker/inbox.h"

#include <algorithm>
#include <cstring>

#include "core/base/big_endian.h"
#include "core/base/check.h"
#include "core/wire/apis.h"

namespace klog::broker {
namespace {

/// So many small reads in a row, and the buffer shrinks.
constexpr int small_reads_max = 16;

}  // namespace

std::size_t Inbox::wanted() const {
    if (capacity_ == 0) return read_bytes_min;
    const std::size_t doubled = capacity_ * 2;
    if (end_ == capacity_) return needed_ == 0 ? doubled : std::min(std::max(needed_, capacity_ + 1), doubled);
    if (last_read_ == 0 || begin_ != end_) return capacity_;
    // All that came was whole frames.
    if (last_read_ + read_bytes_min > capacity_ && doubled <= read_bytes_max) return doubled;
    if (small_reads_ > small_reads_max && capacity_ > read_bytes_min) return std::max(read_bytes_min, capacity_ / 2);
    return capacity_;
}

void Inbox::resize(std::size_t capacity) {
    KLOG_CHECK(capacity >= end_);
    auto next = std::make_unique_for_overwrite<char[]>(capacity);
    if (end_ > 0) std::memcpy(next.get(), buffer_.get(), end_);
    buffer_ = std::move(next);
    capacity_ = capacity;
    small_reads_ = 0;
    last_read_ = 0;
}

void Inbox::filled(std::size_t bytes) {
    KLOG_CHECK(bytes <= capacity_ - end_);
    end_ += bytes;
    last_read_ = bytes;
    small_reads_ = bytes < capacity_ / 4 ? small_reads_ + 1 : 0;
}

Inbox::Cut Inbox::next(std::string_view& out) {
    needed_ = 0;
    const std::size_t there = end_ - begin_;
    if (there < wire::frame_prefix_bytes) return Cut::partial;
    const char* frame = buffer_.get() + begin_;
    const auto length = base::load_big<std::int32_t>(frame);
    if (length < static_cast<std::int32_t>(wire::request_header_bytes_min)) {
        why_ = "a frame that is too short for a request";
        return Cut::bad;
    }
    const auto bytes = static_cast<std::size_t>(length);
    if (bytes > frame_bytes_max_) {
        why_ = "a frame over socket.request.max.bytes";
        return Cut::bad;
    }
    if (there < wire::frame_prefix_bytes + wire::request_header_bytes_min) return Cut::partial;
    // Known from its first bytes, before memory is spent on the rest.
    const auto* api = wire::find_api(base::load_big<std::int16_t>(frame + wire::frame_prefix_bytes));
    if (api == nullptr) {
        why_ = "no request of an API that is served here";
        return Cut::bad;
    }
    if (api->key != wire::ApiKey::produce && bytes > naming_request_bytes_max) {
        why_ = "a request that is too large for its API";
        return Cut::bad;
    }
    if (there < wire::frame_prefix_bytes + bytes) {
        needed_ = wire::frame_prefix_bytes + bytes;
        return Cut::partial;
    }
    out = {frame + wire::frame_prefix_bytes, bytes};
    begin_ += wire::frame_prefix_bytes + bytes;
    return Cut::frame;
}

void Inbox::forget() {
    if (begin_ == 0) return;
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
}

}  // namespace klog::broker
