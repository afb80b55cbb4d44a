// SPDX-License-Identifier: Apache-2.0
#include "core/base/chain.h"

namespace klog::base {

Result<std::string> Chain::flatten() const {
    std::string all(size_, '\0');
    std::size_t at = 0;
    for (const Piece& piece : pieces_) {
        if (const auto* bytes = std::get_if<SharedBytes>(&piece)) {
            bytes->view.copy(all.data() + at, bytes->view.size());
            at += bytes->view.size();
            continue;
        }
        const auto& slice = std::get<FileSlice>(piece);
        KLOG_TRY(const std::size_t n, slice.source->read_at(slice.position, std::span(all).subspan(at, slice.length)));
        if (n != slice.length) return fail(Errc::truncated, "file slice ends {} bytes early", slice.length - n);
        at += n;
    }
    return all;
}

}  // namespace klog::base
