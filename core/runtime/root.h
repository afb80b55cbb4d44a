// SPDX-License-Identifier: Apache-2.0
// Roots: the coroutines that nobody awaits, because a Scope (or a runtime's run()) owns them. A root's frame owns the
// whole tree of tasks below it, so destroying the root destroys all of them. Each shard lists its roots, the newest
// first: a runtime that is torn down, or a simulated crash, destroys what still runs from there, children before the
// owners that they refer to. For runtimes and Scope only.
#pragma once

#include <span>

#include "core/runtime/shard.h"
#include "core/runtime/task.h"

namespace klog::runtime::detail {

class RootOwner {
public:
    /// Called on the root's shard when its task has ended, just before its frame goes; once for each root.
    virtual void root_ended() = 0;

protected:
    ~RootOwner() = default;
};

struct Roots {
    /// Starts the task on the current shard, at once. The owner outlives the call of root_ended.
    static void start(Task<void> task, RootOwner& owner);
    /// Destroys all roots of these shards, the newest first. Only under a Teardown, while none of the shards runs.
    static void destroy_all(std::span<Shard* const> shards);
    /// Destroys the roots that one owner has on this shard. Only under a Teardown.
    static void destroy_those_of(RootOwner& owner, Shard& shard);
    static bool any(const Shard& shard) { return shard.newest_root_ != nullptr; }
};

/// While one lives on this thread, frames are destroyed in the middle of what they do: Scope and Signal let it happen.
class Teardown {
public:
    Teardown();
    ~Teardown();
    Teardown(const Teardown&) = delete;
    Teardown& operator=(const Teardown&) = delete;
    static bool active();

private:
    bool before_;
};

}  // namespace klog::runtime::detail
