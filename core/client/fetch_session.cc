// SPDX-License-Identifier: Apache-2.0
#include "core/client/fetch_session.h"

#include <algorithm>

namespace klog::client {
namespace {

/// The entry of that topic at the end of the list, made when it is not there: wishes come sorted by topic.
template <class Topic>
Topic& topic_entry(std::vector<Topic>& topics, const std::string& name, const base::Uuid& id) {
    if (topics.empty() || topics.back().topic != name || topics.back().topic_id != id) {
        topics.emplace_back();
        topics.back().topic = name;
        topics.back().topic_id = id;
    }
    return topics.back();
}

}  // namespace

void FetchSession::begin_anew() {
    id_ = 0;
    epoch_ = 0;
    known_.clear();
}

void FetchSession::ask(const Wishes& wishes, wire::FetchRequest& request) {
    request.session_id = id_;
    request.session_epoch = epoch_;
    for (const auto& [where, wish] : wishes) {
        const auto before = known_.find(where);
        if (epoch_ != 0 && before != known_.end() && before->second == wish) continue;
        wire::FetchRequest::Partition partition;
        partition.partition = where.partition;
        partition.current_leader_epoch = wish.leader_epoch;
        partition.fetch_offset = wish.offset;
        partition.partition_max_bytes = wish.bytes_max;
        topic_entry(request.topics, where.topic, wish.topic_id).partitions.push_back(partition);
    }
    if (epoch_ != 0) {
        for (const auto& [where, wish] : known_) {
            const auto now = wishes.find(where);
            // A topic made anew under its old name is forgotten under its old id.
            if (now != wishes.end() && now->second.topic_id == wish.topic_id) continue;
            auto& entry = topic_entry(request.forgotten_topics_data, where.topic, wish.topic_id);
            entry.partitions.push_back(where.partition);
        }
    }
    // Names in `request` must not point into what is replaced here.
    forgotten_names_.clear();
    for (auto& topic : request.forgotten_topics_data) {
        forgotten_names_.emplace_back(topic.topic);
        topic.topic = forgotten_names_.back();
    }
    known_ = wishes;
}

bool FetchSession::answered(wire::ErrorCode error, std::int32_t session_id) {
    if (error != wire::ErrorCode::none || session_id == 0) {
        begin_anew();
        return error == wire::ErrorCode::none;  // Without a session the data is good all the same.
    }
    id_ = session_id;
    epoch_ = epoch_ == INT32_MAX ? 1 : epoch_ + 1;
    return true;
}

}  // namespace klog::client
