// SPDX-License-Identifier: Apache-2.0
// Produce, versions 3 to 13 (0 to 2 are answered with UNSUPPORTED_VERSION). Requests of one connection that stand one
// behind the other are served together: their batches of one partition go into one append, in order.
//
// Phase 1, awaited by the connection: decode, check, validate (large compressed batches on the pool), append on the
// shards that own the partitions, those in parallel. Phase 2: the waits for acknowledgement, each on its owner shard.
#pragma once

#include <memory>
#include <vector>

#include "core/base/error.h"
#include "core/broker/answers.h"
#include "core/broker/broker_shard.h"
#include "core/wire/apis.h"

namespace klog::broker {

struct ProduceFrame {
    wire::RequestFrame frame;
    AnswerId answer;
};

/// Ends when everything is appended or refused; the frames must stay until then. Each answer is given to `answers` when
/// it is ready, now or later. corrupt: a body is damaged; its requests and those behind it are settled by closing.
runtime::Task<base::Result<>> serve_produce(Call call, std::weak_ptr<Answers> answers,
                                            std::vector<ProduceFrame> frames);

}  // namespace klog::broker
