// SPDX-License-Identifier: Apache-2.0
#include "core/wire/frame.h"

#include "core/base/check.h"

namespace klog::wire {

FrameBuffer::FrameBuffer(std::size_t header_bytes, Size body)
    : size_(frame_prefix_bytes + header_bytes + (body.bytes - body.outside)),
      buffer_(std::make_shared_for_overwrite<char[]>(size_)),
      sink_{buffer_.get(), &splices_} {
    const std::uint64_t length = header_bytes + body.bytes;
    KLOG_CHECK(length <= frame_length_max, "a frame's length fits into its prefix");
    sink_.integer(static_cast<std::int32_t>(length));
}

base::Chain FrameBuffer::finish() {
    KLOG_CHECK(sink_.p == buffer_.get() + size_, "what was measured is what was written");
    base::Chain chain;
    const char* from = buffer_.get();
    for (const Splice& splice : splices_) {
        chain.append(base::SharedBytes{buffer_, {from, splice.at}});
        chain.append(splice.records->pieces());
        from = splice.at;
    }
    chain.append(base::SharedBytes{buffer_, {from, static_cast<const char*>(sink_.p)}});
    return chain;
}

}  // namespace klog::wire
