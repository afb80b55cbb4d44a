// SPDX-License-Identifier: Apache-2.0
#include "core/wire/records.h"

#include <algorithm>
#include <cstring>
#include <variant>

#include "core/base/check.h"

namespace klog::wire {

using base::FileSlice;
using base::SharedBytes;

namespace {

bool is_slice(const base::Chain::Piece& piece) { return std::holds_alternative<FileSlice>(piece); }

}  // namespace

Records::Records(base::Chain pieces) : pieces_(std::move(pieces)) {
    referenced_ = pieces_.size() > copy_bytes_max || std::ranges::any_of(pieces_.pieces(), is_slice);
}

std::string_view Records::view() const {
    if (pieces_.empty()) return view_;
    const auto* bytes = std::get_if<SharedBytes>(&pieces_.pieces().front());
    KLOG_CHECK(bytes != nullptr && pieces_.pieces().size() == 1, "records are one run of memory");
    return bytes->view;
}

char* Records::copy_to(char* to) const {
    const auto copy = [&](std::string_view bytes) {
        if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
        to += bytes.size();
    };
    copy(view_);
    for (const auto& piece : pieces_.pieces()) {
        const auto* bytes = std::get_if<SharedBytes>(&piece);
        KLOG_CHECK(bytes != nullptr, "file slices are encoded as a chain");
        copy(bytes->view);
    }
    return to;
}

bool Records::equal(const Records& a, const Records& b) {
    if (a.size() != b.size()) return false;
    const auto flat = [](const Records& r) {
        return r.pieces_.pieces().size() <= 1 && std::ranges::none_of(r.pieces_.pieces(), is_slice);
    };
    if (flat(a) && flat(b)) return a.view() == b.view();
    return a.pieces_.pieces() == b.pieces_.pieces();
}

}  // namespace klog::wire
