// SPDX-License-Identifier: Apache-2.0
// docs/configuration.md, made from the configuration table. `klog broker --configuration-page` prints it and a test
// holds the file to it.
#pragma once

#include <string>

namespace klog::broker {

std::string configuration_page();

}  // namespace klog::broker
