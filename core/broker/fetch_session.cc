// SPDX-License-Identifier: Apache-2.0
#include "core/broker/fetch_session.h"

#include <algorithm>
#include <limits>

#include "core/base/check.h"

namespace klog::broker {

using wire::ErrorCode;

std::int32_t next_session_epoch(std::int32_t epoch) {
    if (epoch < 0) return final_session_epoch;
    return epoch == std::numeric_limits<std::int32_t>::max() ? 1 : epoch + 1;
}

FetchSession::Token FetchSession::put(FetchName name, FetchAsk ask) {
    const auto [place, is_new] = by_name_.try_emplace(std::move(name), 0);
    if (is_new) {
        if (free_.empty()) {
            place->second = partitions_.size();
            partitions_.emplace_back();
        } else {
            place->second = free_.back();
            free_.pop_back();
        }
        partitions_[place->second] = std::make_unique<FetchPartition>();
        partitions_[place->second]->name = place->first;
    }
    const Token token = place->second;
    partitions_[token]->ask = ask;
    mark(token);
    return token;
}

std::optional<FetchSession::Token> FetchSession::forget(const FetchName& name) {
    const auto found = by_name_.find(name);
    if (found == by_name_.end()) return std::nullopt;
    const Token token = found->second;
    clean(*partitions_[token]);
    partitions_[token].reset();
    free_.push_back(token);
    by_name_.erase(found);
    return token;
}

FetchPartition* FetchSession::find(Token token) {
    return token < partitions_.size() ? partitions_[token].get() : nullptr;
}

void FetchSession::mark(Token token) {
    FetchPartition* partition = find(token);
    if (partition == nullptr || partition->dirty_) return;
    partition->dirty_ = true;
    partition->place_ = dirty_.insert(dirty_.end(), token);
}

void FetchSession::clean(FetchPartition& partition) {
    if (!partition.dirty_) return;
    partition.dirty_ = false;
    dirty_.erase(partition.place_);
}

void FetchSession::mark_first(const std::vector<Token>& tokens) {
    auto place = dirty_.begin();
    for (const Token token : tokens) {
        FetchPartition* partition = find(token);
        if (partition == nullptr || partition->dirty_) continue;
        partition->dirty_ = true;
        partition->place_ = dirty_.insert(place, token);
    }
}

std::vector<FetchSession::Token> FetchSession::take_dirty() {
    std::vector<Token> tokens(dirty_.begin(), dirty_.end());
    dirty_.clear();
    for (const Token token : tokens) partitions_[token]->dirty_ = false;
    return tokens;
}

FetchSessions::Found FetchSessions::find(std::int32_t id, std::int32_t epoch, bool by_topic_id, const void* owner,
                                         runtime::MonotonicTime now) {
    using enum Found::Kind;
    if (epoch == initial_session_epoch || epoch == final_session_epoch) {
        const auto named = sessions_.find(id);
        if (named != sessions_.end() && named->second->owner_ == owner) remove(id);
        return {epoch == initial_session_epoch ? create : none, nullptr, ErrorCode::none};
    }
    const auto found = sessions_.find(id);
    if (found == sessions_.end() || found->second->owner_ != owner)
        return {error, nullptr, ErrorCode::fetch_session_id_not_found};
    FetchSession& session = *found->second;
    if (epoch != session.epoch_) return {error, nullptr, ErrorCode::invalid_fetch_session_epoch};
    if (by_topic_id != session.by_topic_id_) return {error, nullptr, ErrorCode::fetch_session_topic_id_error};
    session.epoch_ = next_session_epoch(session.epoch_);
    session.last_used_ = now;
    by_use_.splice(by_use_.end(), by_use_, session.use_);
    return {incremental, found->second, ErrorCode::none};
}

FetchSessions::Ptr FetchSessions::create(std::size_t size, bool by_topic_id, const void* owner,
                                         runtime::MonotonicTime now) {
    if (sessions_.size() >= sessions_max_ && !make_room(size, now)) return nullptr;
    if (partitions_ + size > partitions_max_) return nullptr;
    std::int32_t id = 0;
    while (id == 0 || sessions_.contains(id))
        id = static_cast<std::int32_t>(random_.between(1, std::numeric_limits<std::int32_t>::max()));
    auto session = std::make_shared<FetchSession>();
    session->id_ = id;
    session->by_topic_id_ = by_topic_id;
    session->owner_ = owner;
    session->created_ = session->last_used_ = now;
    session->counted_size_ = size;
    partitions_ += size;
    session->use_ = by_use_.insert(by_use_.end(), id);
    sessions_.emplace(id, session);
    return session;
}

bool FetchSessions::make_room(std::size_t size, runtime::MonotonicTime now) {
    if (by_use_.empty()) return false;
    if (now - sessions_.at(by_use_.front())->last_used_ > session_eviction_time) {
        remove(by_use_.front());
        return true;
    }
    std::optional<std::int32_t> smallest;
    for (const std::int32_t id : by_use_) {
        const FetchSession& candidate = *sessions_.at(id);
        if (now - candidate.created_ <= session_eviction_time) continue;
        if (!smallest || candidate.counted_size_ < sessions_.at(*smallest)->counted_size_) smallest = id;
    }
    if (!smallest || sessions_.at(*smallest)->counted_size_ >= size) return false;
    remove(*smallest);
    return true;
}

bool FetchSessions::resized(FetchSession& session, std::size_t size_max) {
    const auto known = sessions_.find(session.id());
    if (known == sessions_.end() || known->second.get() != &session) return true;  // Ended already; its last answer.
    partitions_ += session.size() - session.counted_size_;
    session.counted_size_ = session.size();
    if (session.size() <= size_max && partitions_ <= partitions_max_) return true;
    remove(session.id());
    return false;
}

void FetchSessions::remove(std::int32_t id) {
    const auto found = sessions_.find(id);
    by_use_.erase(found->second->use_);
    partitions_ -= found->second->counted_size_;
    sessions_.erase(found);
}

void FetchSessions::forget_owner(const void* owner) {
    std::vector<std::int32_t> gone;
    for (const std::int32_t id : by_use_)
        if (sessions_.at(id)->owner_ == owner) gone.push_back(id);
    for (const std::int32_t id : gone) remove(id);
}

}  // namespace klog::broker
