// SPDX-License-Identifier: Apache-2.0
// From a request to the partitions that it names: one hop per shard that owns some of them, those shards in parallel,
// and back with values. Called on the home shard of a request.
#pragma once

#include <vector>

#include "core/broker/broker_shard.h"

namespace klog::broker {

/// Something to be done for one partition; the answer is written into it. A derived struct adds what is asked.
struct OwnedItem {
    replica::PartitionKey key;
};

/// Calls work(owner, item) on the shard that owns each item's partition; those of one shard in order. Ends when all
/// have. `items` stay where they are and belong to the work until then. Work: a plain function that returns Task<void>.
template <class Item, class Work>
runtime::Task<void> on_one_owner(BrokerShard* home, runtime::Shard* owner, std::vector<Item*> items, Work work) {
    co_await runtime::hop(*owner);
    BrokerShard* there = &home->of(*owner);
    for (Item* item : items) co_await work(there, item);
    co_await runtime::hop(home->shard);
}

template <class Item, class Work>
runtime::Task<void> on_owners(BrokerShard* home, std::vector<Item*> items, Work work) {
    std::vector<std::vector<Item*>> by_shard(home->shared.runtime.shard_count());
    std::size_t owners = 0;
    for (Item* item : items) {
        auto& list = by_shard[home->shared.replicas.owner(item->key).index()];
        if (list.empty()) ++owners;
        list.push_back(item);
    }
    runtime::Scope scope;
    for (runtime::ShardIndex i = 0; i < by_shard.size(); ++i) {
        if (by_shard[i].empty()) continue;
        auto task = on_one_owner<Item, Work>(home, &home->shared.runtime.shard(i), std::move(by_shard[i]), work);
        if (owners == 1)
            co_await std::move(task);
        else
            scope.spawn(std::move(task));
    }
    co_await scope.join();
}

}  // namespace klog::broker
