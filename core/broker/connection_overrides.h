// SPDX-License-Identifier: Apache-2.0
// The value of max.connections.per.ip.overrides: "ADDRESS:COUNT,...". Addresses are compared as they are written;
// names are not resolved.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "core/base/error.h"

namespace klog::broker {

/// By address. invalid_config: not of that form.
base::Result<std::map<std::string, std::size_t, std::less<>>> connection_overrides(std::string_view value);

}  // namespace klog::broker
