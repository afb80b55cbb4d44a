// SPDX-License-Identifier: Apache-2.0
// How a fetch waits for its partitions without asking again: it registers with each of them once, on the shard that
// owns it, and is woken when something changed. Belongs to a fetch session, or to one fetch that waits. Home shard; its
// other halves live on the owners' shards.
#pragma once

#include <memory>
#include <vector>

#include "core/broker/broker_shard.h"

namespace klog::broker {

class FetchWatch {
public:
    explicit FetchWatch(BrokerShard& home, std::shared_ptr<Waiters> waiters);
    ~FetchWatch();
    FetchWatch(const FetchWatch&) = delete;
    FetchWatch& operator=(const FetchWatch&) = delete;

    struct Item : replica::PartitionKey {
        FetchToken token = 0;
        base::Offset from;
        replica::Isolation isolation = replica::Isolation::read_uncommitted;
        bool anew = true;  // Not watched so far, or the partition has left since; else only `from` is another.
    };
    /// What may be read of a partition by now; an estimate.
    struct Changed {
        FetchToken token = 0;
        std::uint64_t bytes = 0;
        bool gone = false;  // The partition is not here any more.
    };

    /// Watches these partitions from now on, or from another offset than before, and returns what they hold. Tokens of
    /// partitions that are not watched any more may still be told of once.
    runtime::Task<std::vector<Changed>> watch(std::vector<Item> items);
    void forget(FetchToken token);
    /// Some watched partition has changed since the last take(). The Waiters are woken when this becomes true.
    bool rung() const;
    /// Those that changed.
    runtime::Task<std::vector<Changed>> take();

private:
    struct Bell;
    struct Side;

    static runtime::Task<void> watch_there(BrokerShard* owner, Side* side, std::vector<Item> items,
                                           std::vector<Changed>* out);
    static runtime::Task<void> take_there(BrokerShard* owner, Side* side, std::vector<Changed>* out);
    Side& side_of(runtime::ShardIndex shard);

    BrokerShard& home_;
    std::shared_ptr<Bell> bell_;
    std::vector<std::unique_ptr<Side>> sides_;  // By shard; null: none of its partitions is watched.
};

}  // namespace klog::broker
