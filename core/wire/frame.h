// SPDX-License-Identifier: Apache-2.0
// Whole frames to send: length prefix, header and body as a base::Chain. Everything but large records lies in one
// buffer of exactly the right size; records that are file slices or large shared bytes stay what they are, between
// pieces of that buffer, and the bytes of the chain are those of the flat encoding. All lengths are known before the
// first byte is written.
#pragma once

#include <memory>
#include <vector>

#include "core/base/chain.h"
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

/// A response as it goes on the wire. `version` is that of its request.
template <Message T>
base::Chain encode_frame(const ResponseHeader& header, Version version, const T& body) {
    const Version header_version = response_header_version(T::api_key, is_flexible<T>(version));
    FrameBuffer frame(header_size(header, header_version), measure(body, version));
    write_header(header, header_version, frame.sink());
    write(body, version, frame.sink());
    return frame.finish();
}

}  // namespace klog::wire
