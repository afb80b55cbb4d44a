// SPDX-License-Identifier: Apache-2.0
// The consumer of assigned partitions: fetches from all their leaders at once, each in an incremental session, ahead of
// the reader up to a bound, and hands out what came, partition by partition in order. Belongs to one shard; close()
// before it dies.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/client/cluster.h"
#include "core/client/fetch_session.h"
#include "core/client/position.h"
#include "core/client/record_stream.h"

namespace klog::client {

class Consumer {
public:
    /// `warn` is told what a person should know while reading goes on: positions that had to move,
    /// brokers that do not answer.
    Consumer(Cluster& cluster, std::function<void(std::string)> warn);
    ~Consumer();
    Consumer(const Consumer&) = delete;
    Consumer& operator=(const Consumer&) = delete;

    /// Reading fails when no broker has answered for a partition for so long. Without it, it is tried for ever.
    void give_up_after(std::chrono::nanoseconds patience) { patience_ = patience; }

    /// Adds partitions of a topic that the cluster knows. Stretches that are empty count as read.
    void assign(const std::string& topic, const std::vector<Stretch>& stretches);

    /// Partitions that the topic gets later are read as well, from their start, once metadata.max.age.ms has shown
    /// them. After assign() of all that it has; the topic then has no end.
    void follow(const std::string& topic);

    /// What came next; waits for it. Nothing: all partitions have been read to their ends. After an error it is over.
    runtime::Task<base::Result<std::optional<Fetched>>> next();
    /// next() would not wait.
    bool ready() const { return !fetched_.empty() || failed_.has_value() || finished(); }
    /// Stops waiting and fetching: next() then gives nothing.
    void stop();
    runtime::Task<void> close();

private:
    struct Part;
    using PartMap = std::map<TopicPartition, std::unique_ptr<Part>>;

    bool finished() const;
    void add_new_partitions();
    void start_fetchers();
    runtime::Task<void> fetch_from(base::NodeId leader);
    runtime::Task<bool> fetch_once(base::NodeId leader, FetchSession* session);
    FetchSession::Wishes wishes_of(base::NodeId leader, base::MonotonicTime now) const;
    std::optional<base::MonotonicTime> first_pause_end(base::NodeId leader) const;
    void take(Part& part, wire::FetchResponse::Partition& answer, const base::SharedBytes& frame);
    void trouble(Part& part, const wire::FetchResponse::Partition& answer);
    void pause(Part& part);
    void pause_all(base::NodeId leader);
    void silent(Part& part);
    runtime::Task<void> refresh();
    runtime::Task<void> move_into_range(Part* part);
    base::NodeId leader_of(const Part& part) const;

    Cluster& cluster_;
    const Config& config_;
    std::function<void(std::string)> warn_;
    PartMap parts_;
    std::map<std::string, std::size_t> followed_;                      // Topics, and how many partitions they had.
    std::map<base::NodeId, bool> fetching_;                            // A fetcher runs for this leader.
    std::map<base::NodeId, std::shared_ptr<Connection>> connections_;  // Theirs, to be closed.
    std::deque<Fetched> fetched_;
    std::size_t fetched_bytes_ = 0;
    std::optional<base::Error> failed_;
    std::optional<base::Error> last_error_;  // Why a broker could not be asked.
    std::optional<std::chrono::nanoseconds> patience_;
    bool silence_told_ = false;
    bool stopped_ = false;
    bool refreshing_ = false;
    std::unique_ptr<runtime::Signal> came_;  // Something to take, or an end.
    std::unique_ptr<runtime::Signal> room_;  // Something was taken, or fetchers should look again.
    std::unique_ptr<runtime::Scope> scope_;
};

}  // namespace klog::client
