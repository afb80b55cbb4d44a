// SPDX-License-Identifier: Apache-2.0
#include "core/log/flush_rounds.h"

#include <algorithm>
#include <map>
#include <utility>

namespace klog::log {

using base::Error;
using base::Offset;
using base::Result;

/// One round under way. Its pieces are synced in parallel; the last one to finish ends it.
struct FlushRounds::Round {
    std::vector<Mark> marks;
    std::vector<std::shared_ptr<os::File>> files;
    std::vector<std::string> directories;
    bool whole_filesystem = false;
    std::atomic<std::size_t> pieces_left{0};
    std::mutex mutex;  // Guards failure.
    std::optional<Error> failure;

    std::size_t pieces() const { return whole_filesystem ? 1 : files.size() + directories.size(); }
    Result<> sync(os::Disk& disk, const std::string& path, std::size_t piece) {
        if (whole_filesystem) return disk.sync_filesystem(path);
        if (piece < files.size()) return files[piece]->sync();
        auto synced = disk.sync_directory(directories[piece - files.size()]);
        // The partition was deleted while its mark waited: nothing of it has to be durable any more.
        if (!synced && synced.error().code == base::Errc::not_found) return {};
        return synced;
    }
};

void FlushRounds::mark(const std::shared_ptr<PartitionSlot>& slot, std::shared_ptr<os::File> file, Offset end,
                       std::uint64_t generation, std::string directory) {
    bool start = false;
    {
        const std::scoped_lock guard(mutex_);
        if (stopped_) return;
        if (slot->pending == 0) {
            pending_.push_back({slot, {}, {}, end, generation});
            slot->pending = pending_.size();
        }
        Mark& mark = pending_[slot->pending - 1];
        mark.end = end;
        mark.generation = generation;
        if (file && std::ranges::find(mark.files, file) == mark.files.end()) mark.files.push_back(std::move(file));
        if (!directory.empty() && std::ranges::find(mark.directories, directory) == mark.directories.end())
            mark.directories.push_back(std::move(directory));
        start = !std::exchange(scheduled_, true);
    }
    if (start) slot->owner->post([self = shared_from_this()] { self->start_on_pool(); });
}

void FlushRounds::stop() {
    const std::scoped_lock guard(mutex_);
    stopped_ = true;
    for (auto& mark : pending_) mark.slot->pending = 0;
    pending_.clear();
}

FlushStats FlushRounds::stats() const {
    const std::scoped_lock guard(mutex_);
    return stats_;
}

void FlushRounds::start_on_pool() {
    pool_.submit([self = shared_from_this()] { self->begin_round(); });
}

void FlushRounds::begin_round() {
    auto round = std::make_shared<Round>();
    {
        const std::scoped_lock guard(mutex_);
        round->marks = std::exchange(pending_, {});
        for (auto& mark : round->marks) mark.slot->pending = 0;
        if (round->marks.empty()) {
            scheduled_ = false;
            return;
        }
    }
    for (const auto& mark : round->marks) {
        round->files.insert(round->files.end(), mark.files.begin(), mark.files.end());
        round->directories.insert(round->directories.end(), mark.directories.begin(), mark.directories.end());
    }
    std::ranges::sort(round->directories);
    const auto repeated = std::ranges::unique(round->directories);
    round->directories.erase(repeated.begin(), repeated.end());
    round->whole_filesystem = round->pieces() > options_.files_max;
    const std::size_t pieces = round->pieces();
    round->pieces_left = pieces;
    for (std::size_t piece = 1; piece < pieces; ++piece)
        pool_.submit([self = shared_from_this(), round, piece] { self->sync_piece(round, piece); });
    sync_piece(round, 0);
}

void FlushRounds::sync_piece(const std::shared_ptr<Round>& round, std::size_t piece) {
    if (auto synced = round->sync(disk_, options_.path, piece); !synced) {
        const std::scoped_lock guard(round->mutex);
        if (!round->failure) round->failure = std::move(synced).error();
    }
    if (round->pieces_left.fetch_sub(1) == 1) end_round(round);
}

void FlushRounds::end_round(const std::shared_ptr<Round>& round) {
    if (round->failure) {
        stop();
        failed_(*round->failure);
        return;
    }
    bool again = false;
    {
        const std::scoped_lock guard(mutex_);
        ++stats_.rounds;
        stats_.partitions += round->marks.size();
        if (round->whole_filesystem)
            ++stats_.filesystem_syncs;
        else
            stats_.files += round->files.size();
        if (stopped_) return;
        again = !pending_.empty();
        scheduled_ = again;
    }
    if (again) start_on_pool();
    deliver(std::move(round->marks));
}

void FlushRounds::deliver(std::vector<Mark> marks) {
    struct Done {
        std::shared_ptr<PartitionSlot> slot;
        Offset end;
        std::uint64_t generation;
    };
    // One job for each shard, whatever the number of partitions.
    std::map<runtime::ShardIndex, std::pair<runtime::Shard*, std::vector<Done>>> shards;
    for (auto& mark : marks) {
        auto& [shard, done] = shards[mark.slot->owner->index()];
        shard = mark.slot->owner;
        done.push_back({std::move(mark.slot), mark.end, mark.generation});
    }
    for (auto& [index, entry] : shards) {
        auto& [shard, all] = entry;
        shard->post([finished = std::move(all)] {
            for (const auto& done : finished)
                if (done.slot->client != nullptr) done.slot->client->flush_done(done.end, done.generation);
        });
    }
}

}  // namespace klog::log
