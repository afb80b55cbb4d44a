// SPDX-License-Identifier: Apache-2.0
// Whole frames to send: length prefix, header and body as a base::Chain. Everything but large records lies in one
// buffer of exactly the right size; records that are file slices or large shared bytes stay what they are, between
// pieces of that buffer, and the bytes of the chain are those of the flat encoding. All lengths are known before the
// first byte is written.
#pragma once

#include <limits>
#include <memory>
#include <vector>

#include "core/base/chain.h"
#include "core/base/error.h"
#include "core/wire/codec.h"
#include "core/wire/cursor.h"
#include "core/wire/headers.h"

namespace klog::wire {

/// The buffer of one frame while it is filled. For encode_frame.
class FrameBuffer {
public:
    FrameBuffer(std::size_t header_bytes, Size body);
    FrameBuffer(const FrameBuffer&) = delete;
    FrameBuffer& operator=(const FrameBuffer&) = delete;

    Encode& sink() { return sink_; }
    /// Once, when header and body are written.
    base::Chain finish();

private:
    std::size_t size_;
    std::shared_ptr<char[]> buffer_;
    std::vector<Splice> splices_;
    Encode sink_;
};

/// What the length before a frame can say.
inline constexpr std::uint64_t frame_length_max = std::numeric_limits<std::int32_t>::max();

/// A request as it goes on the wire; `header` says which version of T to write.
template <Message T>
base::Chain encode_frame(const RequestHeader& header, const T& body) {
    const Version header_version = request_header_version(is_flexible<T>(header.api_version));
    KLOG_CHECK(header.api_key == T::api_key);
    FrameBuffer frame(header_size(header, header_version), measure(body, header.api_version));
    write_header(header, header_version, frame.sink());
    write(body, header.api_version, frame.sink());
    return frame.finish();
}

namespace detail {
template <Message T>
base::Chain encode_measured(const ResponseHeader& header, Version version, const T& body, Size size) {
    const Version header_version = response_header_version(T::api_key, is_flexible<T>(version));
    FrameBuffer frame(header_size(header, header_version), size);
    write_header(header, header_version, frame.sink());
    write(body, version, frame.sink());
    return frame.finish();
}
}  // namespace detail

/// A response as it goes on the wire, which is known to be of a modest size. `version` is that of its request.
template <Message T>
base::Chain encode_frame(const ResponseHeader& header, Version version, const T& body) {
    return detail::encode_measured(header, version, body, measure(body, version));
}

/// The same for an answer whose size others decide. limit: no frame can hold it.
template <Message T>
base::Result<base::Chain> encode_answer(const ResponseHeader& header, Version version, const T& body) {
    const Size size = measure(body, version);
    const std::uint64_t length =
        size.bytes + header_size(header, response_header_version(T::api_key, is_flexible<T>(version)));
    if (length > frame_length_max)
        return base::fail(base::Errc::limit, "an answer would have {} bytes, more than a frame can", length);
    return detail::encode_measured(header, version, body, size);
}

}  // namespace klog::wire
