// SPDX-License-Identifier: Apache-2.0
// "Did you mean": the known name that is nearest to a mistyped one.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace klog::base {

/// Edits (insert, delete, replace, swap of neighbours) that turn one text into the other.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The nearest of `known`, or empty when none is near enough to be what was meant.
std::string_view nearest(std::string_view wanted, std::span<const std::string_view> known);

/// "; did you mean 'X'?", or nothing.
std::string did_you_mean(std::string_view wanted, std::span<const std::string_view> known);

}  // namespace klog::base
