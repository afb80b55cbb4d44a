// SPDX-License-Identifier: Apache-2.0
#include "core/broker/fetch_watch.h"

#include <unordered_map>

namespace klog::broker {

/// The half at home that the others ring. Touched on the home shard only.
struct FetchWatch::Bell {
    std::shared_ptr<Waiters> waiters;
    std::vector<char> rung;  // By shard.
};

/// The half on an owner's shard, where it is touched and dies.
struct FetchWatch::Side {
    struct Watched {
        replica::PartitionKey key;
        base::Offset from;
        replica::Isolation isolation;
        std::optional<replica::Registration> registration;
    };

    Side(BrokerShard& home, runtime::ShardIndex here, const std::shared_ptr<Bell>& bell)
        : list([&shard = home.shard, here, weak = std::weak_ptr(bell)] {
              shard.post([here, weak] {
                  const auto to = weak.lock();
                  if (!to) return;
                  to->rung[here] = 1;
                  to->waiters->wake.notify_all();
              });
          }) {}

    Changed look(BrokerShard& owner, FetchToken token, const Watched& one) const {
        const replica::Partition* partition = owner.shared.replicas.find(one.key);
        if (partition == nullptr || !partition->check_leader(std::nullopt)) return {token, 0, true};
        return {token, partition->bytes_available(one.from, one.isolation), false};
    }

    replica::ChangeList list;
    std::unordered_map<FetchToken, Watched> watched;  // Looked up only; goes before the list.
};

FetchWatch::FetchWatch(BrokerShard& home, std::shared_ptr<Waiters> waiters)
    : home_(home), bell_(std::make_shared<Bell>(std::move(waiters))), sides_(home.shared.runtime.shard_count()) {
    bell_->rung.resize(sides_.size());
}

FetchWatch::~FetchWatch() {
    for (runtime::ShardIndex i = 0; i < sides_.size(); ++i)
        if (sides_[i]) home_.shared.runtime.shard(i).post([side = std::move(sides_[i])] {});
}

FetchWatch::Side& FetchWatch::side_of(runtime::ShardIndex shard) {
    if (!sides_[shard]) sides_[shard] = std::make_unique<Side>(home_, shard, bell_);
    return *sides_[shard];
}

runtime::Task<void> FetchWatch::watch_there(BrokerShard* owner, Side* side, std::vector<Item> items,
                                            std::vector<Changed>* out) {
    using enum replica::Change;
    runtime::Shard& home = *runtime::Shard::current();
    co_await runtime::hop(owner->shard);
    for (const Item& item : items) {
        auto& watched = side->watched[item.token];
        watched.from = item.from;
        watched.isolation = item.isolation;
        if (item.anew || watched.key != item) {
            watched.key = item;
            const replica::ChangeMask what =
                item.isolation == replica::Isolation::read_committed ? change_stable_offset : change_high_watermark;
            watched.registration.reset();
            if (replica::Partition* partition = owner->shared.replicas.find(item))
                watched.registration = partition->watch(side->list, item.token, what | change_leadership);
        }
        out->push_back(side->look(*owner, item.token, watched));
    }
    co_await runtime::hop(home);
}

runtime::Task<std::vector<FetchWatch::Changed>> FetchWatch::watch(std::vector<Item> items) {
    std::vector<std::vector<Item>> by_shard(sides_.size());
    for (Item& item : items) by_shard[home_.shared.replicas.owner(item).index()].push_back(item);
    std::vector<Changed> all;
    for (runtime::ShardIndex i = 0; i < by_shard.size(); ++i) {
        if (by_shard[i].empty()) continue;
        BrokerShard* owner = &home_.of(home_.shared.runtime.shard(i));
        co_await watch_there(owner, &side_of(i), std::move(by_shard[i]), &all);
    }
    co_return all;
}

void FetchWatch::forget(FetchToken token) {
    for (runtime::ShardIndex i = 0; i < sides_.size(); ++i) {
        if (!sides_[i]) continue;
        // The side lives until a job that is posted later has run.
        home_.shared.runtime.shard(i).post([side = sides_[i].get(), token] { side->watched.erase(token); });
    }
}

bool FetchWatch::rung() const {
    return std::ranges::any_of(bell_->rung, [](char rung) { return rung != 0; });
}

runtime::Task<void> FetchWatch::take_there(BrokerShard* owner, Side* side, std::vector<Changed>* out) {
    runtime::Shard& home = *runtime::Shard::current();
    co_await runtime::hop(owner->shard);
    for (const FetchToken token : side->list.take()) {
        const auto found = side->watched.find(token);
        if (found != side->watched.end()) out->push_back(side->look(*owner, token, found->second));
    }
    co_await runtime::hop(home);
}

runtime::Task<std::vector<FetchWatch::Changed>> FetchWatch::take() {
    std::vector<Changed> all;
    for (runtime::ShardIndex i = 0; i < sides_.size(); ++i) {
        if (!bell_->rung[i]) continue;
        bell_->rung[i] = 0;
        co_await take_there(&home_.of(home_.shared.runtime.shard(i)), sides_[i].get(), &all);
    }
    co_return all;
}

}  // namespace klog::broker
