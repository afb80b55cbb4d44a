// SPDX-License-Identifier: Apache-2.0
// Producer ids for this broker's clients, handed out from blocks that the controller allocates in the metadata store.
// An id is given once, ever: what is left of a block when the broker dies is lost. Lives on the home shard of the
// controller; callable from every shard.
#pragma once

#include "core/base/error.h"
#include "core/base/types.h"
#include "core/controller/controller.h"
#include "core/runtime/scope.h"
#include "core/runtime/shard.h"
#include "core/runtime/task.h"

namespace klog::broker {

class ProducerIds {
public:
    ProducerIds(controller::Controller& controller, runtime::Shard& home, base::NodeId self)
        : controller_(controller), home_(home), self_(self) {}

    /// An id that nobody had. The error is the controller's.
    runtime::Task<base::Result<base::ProducerId>> next();

private:
    runtime::Task<base::Result<base::ProducerId>> next_at_home();

    controller::Controller& controller_;
    runtime::Shard& home_;
    const base::NodeId self_;
    base::ProducerId next_{};
    std::int32_t left_ = 0;
    bool asking_ = false;  // A block is under way; the others wait for it.
    runtime::Signal answered_;
};

}  // namespace klog::broker
