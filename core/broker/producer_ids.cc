// SPDX-License-Identifier: Apache-2.0
#include "core/broker/producer_ids.h"

namespace klog::broker {

runtime::Task<base::Result<base::ProducerId>> ProducerIds::next() {
    auto result = co_await runtime::call_on(home_, [this] { return next_at_home(); });
    co_return result;
}

runtime::Task<base::Result<base::ProducerId>> ProducerIds::next_at_home() {
    while (left_ == 0) {
        if (asking_) {
            co_await answered_.wait();
            continue;
        }
        asking_ = true;
        auto block = co_await controller_.allocate_producer_id_block(self_);
        asking_ = false;
        answered_.notify_all();
        if (!block) co_return std::unexpected(std::move(block.error()));
        next_ = block->first;
        left_ = block->count;
    }
    --left_;
    const base::ProducerId id = next_;
    ++next_;
    co_return id;
}

}  // namespace klog::broker
