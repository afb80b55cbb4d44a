// SPDX-License-Identifier: Apache-2.0
// Fetch sessions (KIP-227): what a fetcher has asked for, so that it need only say what changed, and what it has been
// told, so that it is only told what changed. FetchSession and FetchSessions are pure: requests and time in, decisions
// out; handlers/01_fetch.cc does the reading, fetch_watch.h the waiting. Home shard of the connection.
//
// A session belongs to the connection that made it and ends with it.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/random.h"
#include "core/base/types.h"
#include "core/base/uuid.h"
#include "core/runtime/shard.h"
#include "core/wire/errors.h"

namespace klog::broker {

/// Session epochs of KIP-227. 1 and up: requests of a session, in order.
inline constexpr std::int32_t initial_session_epoch = 0;  // Make a session.
inline constexpr std::int32_t final_session_epoch = -1;   // No session; end the one that is named.
std::int32_t next_session_epoch(std::int32_t epoch);

/// How a request names a partition: by topic id, or before version 13 by name.
struct FetchName {
    base::Uuid topic_id;
    std::string topic;  // Empty when by id.
    base::PartitionId partition;
    bool operator==(const FetchName&) const = default;
};
struct HashFetchName {
    std::size_t operator()(const FetchName& name) const noexcept {
        return (std::hash<base::Uuid>{}(name.topic_id) ^ std::hash<std::string>{}(name.topic)) * 31 +
               static_cast<std::size_t>(name.partition.value);
    }
};

/// What is asked of one partition.
struct FetchAsk {
    base::Offset offset;
    std::int32_t bytes_max = 0;
    base::LeaderEpoch current_leader_epoch = base::no_leader_epoch;
    base::LeaderEpoch last_fetched_epoch = base::no_leader_epoch;
    bool operator==(const FetchAsk&) const = default;
};

class FetchSession;
class FetchWatch;

/// Names a partition of a session in its watches. Small numbers, used again.
using FetchToken = std::uint64_t;

/// One partition of a fetch, in a session or alone.
struct FetchPartition {
    FetchName name;
    FetchAsk ask;
    /// What the client was told last; a difference is worth an answer.
    base::Offset told_high_watermark{-1};
    base::Offset told_log_start{-1};
    bool told_error = false;

    /// The offset that its watch counts from; none: it is not watched yet. See fetch_watch.h.
    std::optional<base::Offset> watched_from;

private:
    friend class FetchSession;
    bool dirty_ = false;
    std::list<FetchToken>::iterator place_;  // In the session's list, when dirty.
};

class FetchSession {
public:
    using Token = FetchToken;

    std::int32_t id() const { return id_; }
    bool by_topic_id() const { return by_topic_id_; }
    std::size_t size() const { return by_name_.size(); }
    /// The session epoch that the next request must have.
    std::int32_t expected_epoch() const { return epoch_; }

    /// From a request: adds the partition or replaces what is asked of it. It is dirty then.
    Token put(FetchName name, FetchAsk ask);
    /// Nothing when it was not there.
    std::optional<Token> forget(const FetchName& name);

    /// Something changed in the partition, or there may be more of it: it is read for the next answer.
    void mark(Token token);
    bool any_dirty() const { return !dirty_.empty(); }
    /// Those to read, in the order in which they are served. They are clean then; what is not served is marked again.
    std::vector<Token> take_dirty();
    /// As mark, but before all others: those that had no turn.
    void mark_first(const std::vector<Token>& tokens);

    /// Null: forgotten.
    FetchPartition* find(Token token);

    // For handlers/01_fetch.cc alone: what waits for the session's partitions, and whether a fetch of it is under way.
    std::shared_ptr<FetchWatch> watch;
    bool busy = false;

private:
    friend class FetchSessions;
    void clean(FetchPartition& partition);

    std::int32_t id_ = 0;
    std::int32_t epoch_ = 1;
    bool by_topic_id_ = false;
    const void* owner_ = nullptr;
    std::vector<std::unique_ptr<FetchPartition>> partitions_;  // By token.
    std::vector<Token> free_;
    std::unordered_map<FetchName, Token, HashFetchName> by_name_;  // Looked up, never walked.
    std::list<Token> dirty_;

    // For the cache.
    runtime::MonotonicTime created_;
    runtime::MonotonicTime last_used_;
    std::size_t counted_size_ = 0;
    std::list<std::int32_t>::iterator use_;
};

/// The sessions of one shard, bounded. When the cache is full, Kafka's rules say who goes: whoever was not used for two
/// minutes; else a smaller one, after two minutes of life, for a larger.
class FetchSessions {
public:
    FetchSessions(std::size_t sessions_max, std::size_t partitions_max, base::Random random)
        : sessions_max_(sessions_max), partitions_max_(partitions_max), random_(random) {}

    using Ptr = std::shared_ptr<FetchSession>;

    /// What a request's session id and epoch mean.
    struct Found {
        enum class Kind {
            none,         // A fetch of its own: all that it asks is in the request.
            create,       // As none; a session may be made of it.
            incremental,  // A fetch of `session`.
            error,
        } kind = Kind::none;
        Ptr session;
        wire::ErrorCode error = wire::ErrorCode::none;
    };
    /// `owner` names the connection. by_topic_id: the request names topics by id.
    Found find(std::int32_t id, std::int32_t epoch, bool by_topic_id, const void* owner, runtime::MonotonicTime now);

    /// A new session of that many partitions; null: no room.
    Ptr create(std::size_t size, bool by_topic_id, const void* owner, runtime::MonotonicTime now);
    /// After a session's partitions changed. False: it has more than `size_max`, or all have more than there may be,
    /// and it has ended.
    bool resized(FetchSession& session, std::size_t size_max);
    /// Ends all sessions of a connection.
    void forget_owner(const void* owner);
    std::size_t size() const { return sessions_.size(); }
    /// Whether it has neither ended nor been evicted.
    bool has(const FetchSession& session) const { return sessions_.contains(session.id()); }

private:
    bool make_room(std::size_t size, runtime::MonotonicTime now);
    void remove(std::int32_t id);

    const std::size_t sessions_max_;
    const std::size_t partitions_max_;
    std::size_t partitions_ = 0;  // The counted sizes of all.
    base::Random random_;
    std::unordered_map<std::int32_t, Ptr> sessions_;  // Looked up only.
    std::list<std::int32_t> by_use_;                  // The one that was used longest ago first.
};

/// A session may be evicted for a larger one when it is so old, and for anybody when it was not used for so long
/// (Kafka's min.incremental.fetch.session.eviction.ms).
inline constexpr std::chrono::minutes session_eviction_time{2};

}  // namespace klog::broker
