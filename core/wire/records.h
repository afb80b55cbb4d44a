// SPDX-License-Identifier: Apache-2.0
// The RECORDS field of Produce requests and Fetch responses: record batches that nobody copies on their way. A value;
// it lives in its message.
//
// Decoded, it is a view into the frame. To be sent, it is one of
//  - a view: always copied into the frame that is encoded, so that it need not outlive the call;
//  - a chain of file slices and shared bytes: referenced by the frame's chain, which keeps them alive. A chain that is
//    small and all in memory is copied too: below copy_bytes_max a memcpy costs less than another piece to send.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "core/base/chain.h"

namespace klog::wire {

class Records {
public:
    /// Chains in memory up to this size are copied into the frame instead of being referenced.
    static constexpr std::size_t copy_bytes_max = 2048;

    constexpr Records() = default;
    /// The bytes must live until the message is encoded.
    explicit Records(std::string_view bytes) : view_(bytes) {}
    explicit Records(base::Chain pieces);

    std::uint64_t size() const { return view_.size() + pieces_.size(); }
    bool empty() const { return size() == 0; }

    /// The bytes where they are one run of memory, as they are after decoding. Anything else here is a bug.
    std::string_view view() const;
    /// What was given as a chain; empty for a view.
    const base::Chain& pieces() const { return pieces_; }

    /// How many of size() bytes an encoded frame refers to instead of holding them: all or none.
    std::uint64_t referenced_bytes() const { return referenced_ ? pieces_.size() : 0; }
    /// Copies all bytes, which must be in memory (no file slices), and returns the end of the copy.
    char* copy_to(char* to) const;

    /// The same bytes, or the same slices of the same files.
    friend bool operator==(const Records& a, const Records& b) { return equal(a, b); }

private:
    static bool equal(const Records& a, const Records& b);

    std::string_view view_;
    base::Chain pieces_;
    bool referenced_ = false;
};

}  // namespace klog::wire
