// SPDX-License-Identifier: Apache-2.0
#include "core/runtime/shard.h"

namespace klog::runtime {

namespace {

thread_local Shard* current_shard = nullptr;

}  // namespace

Shard* Shard::current() { return current_shard; }
void Shard::set_current(Shard* shard) { current_shard = shard; }

}  // namespace klog::runtime
