// SPDX-License-Identifier: Apache-2.0
// How those who serve a request give its answer back to the connection, whenever it is ready. Home shard only.
#pragma once

#include <cstdint>

#include "core/base/chain.h"
#include "core/runtime/scope.h"

namespace klog::broker {

/// Numbers the answers that one connection owes, in the order of their requests.
using AnswerId = std::uint64_t;

class Answers {
public:
    virtual ~Answers() = default;
    /// Exactly one of these for each id. The answer is sent when those before it have been.
    virtual void settle(AnswerId id, base::Chain answer) = 0;
    /// The client wants no answer (acks=0).
    virtual void settle_silently(AnswerId id) = 0;
    /// Instead of an answer the connection is closed, once the answers before it are sent.
    virtual void settle_by_closing(AnswerId id) = 0;
};

/// Wakes the waiting requests of one connection. They look again at what they wait for, and whether they may go on
/// waiting.
struct Waiters {
    runtime::Signal wake;
    bool leaving = false;  // The connection stops: answer with what there is.
};

}  // namespace klog::broker
