// SPDX-License-Identifier: Apache-2.0
// A consumer's side of an incremental fetch session (KIP-227): the broker remembers what was asked for, and each
// request says only what changed. Pure. One per leader, in the consumer.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "core/base/types.h"
#include "core/base/uuid.h"
#include "core/client/metadata.h"
#include "core/wire/messages/01_fetch.h"

namespace klog::client {

struct FetchWish {
    base::Uuid topic_id;
    base::Offset offset;
    base::LeaderEpoch leader_epoch = base::no_leader_epoch;
    std::int32_t bytes_max = 0;
    bool operator==(const FetchWish&) const = default;
};

class FetchSession {
public:
    using Wishes = std::map<TopicPartition, FetchWish>;

    /// Fills session fields, topics and forgotten topics of the request so that the broker then knows `wishes`. The
    /// request points into `wishes` and into this (names).
    void ask(const Wishes& wishes, wire::FetchRequest& request);
    /// What the broker said of the session. False: it must begin anew; the answer holds no data.
    bool answered(wire::ErrorCode error, std::int32_t session_id);
    /// The answer did not come: nobody knows what the broker remembers.
    void lost() { begin_anew(); }

private:
    void begin_anew();

    std::int32_t id_ = 0;
    std::int32_t epoch_ = 0;                   // 0: the next request asks for everything and for a session.
    Wishes known_;                             // What the broker remembers, once it has answered.
    std::deque<std::string> forgotten_names_;  // For the request last made.
};

}  // namespace klog::client
