// SPDX-License-Identifier: Apache-2.0
// A password or a private key as text: a value that no format string takes, so that it cannot slip into a log line or
// an error.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace klog::base {

class Secret {
public:
    Secret() = default;
    explicit Secret(std::string text) : text_(std::move(text)) {}

    bool empty() const { return text_.empty(); }
    /// For those who must send or use it; never for words.
    std::string_view reveal() const { return text_; }
    bool operator==(const Secret&) const = default;

private:
    std::string text_;
};

}  // namespace klog::base
