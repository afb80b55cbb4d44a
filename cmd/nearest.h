// SPDX-License-Identifier: Apache-2.0
// "Did you mean", under the commands' own names.
#pragma once

#include "core/base/nearest.h"

namespace klog::cmd {

using base::did_you_mean;
using base::edit_distance;
using base::nearest;

}  // namespace klog::cmd
