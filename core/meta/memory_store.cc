// SPDX-License-Identifier: Apache-2.0
#include "core/meta/memory_store.h"

namespace klog::meta {

using base::Errc;
using base::fail;
using base::Result;
using runtime::Task;

// ---- The server

std::int64_t MemoryServer::open_session(MemoryStore& client) {
    sessions_[++last_session_] = &client;
    return last_session_;
}

void MemoryServer::end_session(std::int64_t session) {
    sessions_.erase(session);
    tree_.drop_watches(session);
    std::vector<Operation> removals;
    for (auto& path : tree_.ephemerals_of(session)) removals.push_back(Remove{std::move(path)});
    if (!removals.empty()) (void)apply(removals, session);
    run_due();
}

void MemoryServer::expire(std::int64_t session) {
    const auto at = sessions_.find(session);
    MemoryStore* client = at == sessions_.end() ? nullptr : at->second;
    end_session(session);
    if (client != nullptr) client->expired();
}

Result<std::vector<Outcome>> MemoryServer::apply(std::span<const Operation> operations, std::int64_t session) {
    auto outcomes = tree_.apply(operations, session, ++zxid_);
    tree_.keep();
    run_due();
    return outcomes;
}

void MemoryServer::run_due() {
    for (auto& due : tree_.take_due()) due();
}

// ---- The client

MemoryStore::MemoryStore(MemoryServer& server, runtime::Shard& home)
    : server_(server), home_(home), session_(server.open_session(*this)) {}

MemoryStore::~MemoryStore() {
    *alive_ = false;
    if (const auto at = server_.sessions_.find(session_); at != server_.sessions_.end()) at->second = nullptr;
}

Result<> MemoryStore::usable() const {
    if (state_ == SessionState::closed) return fail(Errc::closed, "the metadata store is closed");
    if (state_ != SessionState::connected) return fail(Errc::session_expired, "the metadata session has expired");
    return {};
}

// Each operation takes effect when it is awaited, and answers through the shard's queue, behind the watches that were
// due before it.

Task<Result<std::vector<Outcome>>> MemoryStore::multi(std::vector<Operation> operations) {
    KLOG_CO_TRY_VOID(usable());
    auto outcomes = server_.apply(operations, session_);
    co_await runtime::yield_now();
    co_return outcomes;
}

Task<Result<Node>> MemoryStore::get(std::string path, Watch watch) {
    KLOG_CO_TRY_VOID(usable());
    auto node = server_.tree_.get(path);
    if (node && watch) server_.tree_.watch_node(path, session_, at_home(std::move(watch)));
    co_await runtime::yield_now();
    co_return node;
}

Task<Result<std::optional<Stat>>> MemoryStore::exists(std::string path, Watch watch) {
    KLOG_CO_TRY_VOID(usable());
    KLOG_CO_TRY_VOID(check_path(path));
    auto stat = server_.tree_.exists(path);
    if (watch) server_.tree_.watch_node(path, session_, at_home(std::move(watch)));
    co_await runtime::yield_now();
    co_return stat;
}

Task<Result<std::vector<std::string>>> MemoryStore::children(std::string path, Watch watch) {
    KLOG_CO_TRY_VOID(usable());
    auto names = server_.tree_.children(path);
    if (names && watch) server_.tree_.watch_children(path, session_, at_home(std::move(watch)));
    co_await runtime::yield_now();
    co_return names;
}

Watch MemoryStore::at_home(Watch watch) {
    return [home = &home_, alive = alive_, watch = std::move(watch)](const std::string& path) {
        if (!*alive) return;
        home->post([alive, watch, path] {
            if (*alive) watch(path);
        });
    };
}

void MemoryStore::on_session_change(std::function<void(SessionState)> changed) {
    listeners_.push_back(std::move(changed));
}

void MemoryStore::expired() {
    *alive_ = false;  // The watches of the old session stay silent.
    alive_ = std::make_shared<bool>(true);
    become(SessionState::expired);
    home_.post([this, alive = alive_] {
        if (!*alive || state_ != SessionState::expired) return;
        session_ = server_.open_session(*this);
        become(SessionState::connected);
    });
}

void MemoryStore::become(SessionState state) {
    state_ = state;
    home_.post([this, alive = alive_, state] {
        if (!*alive) return;
        for (auto& listener : listeners_) listener(state);
    });
}

Task<void> MemoryStore::close() {
    if (state_ != SessionState::closed) {
        server_.end_session(session_);
        become(SessionState::closed);
    }
    co_await runtime::yield_now();
}

}  // namespace klog::meta
