// SPDX-License-Identifier: Apache-2.0
// A store in memory, for tests and simulation: MemoryServer is the tree that all brokers of a test share, MemoryStore
// one client with its session, which the test can expire. Everything runs on one thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/meta/store.h"
#include "core/meta/tree.h"
#include "core/runtime/shard.h"

namespace klog::meta {

class MemoryStore;

class MemoryServer {
public:
    /// Ends the session as a server does that has not heard from its client: its ephemeral nodes go at once, the client
    /// learns of it and then begins a new one.
    void expire(std::int64_t session);
    const Tree& tree() const { return tree_; }
    std::int64_t last_zxid() const { return zxid_; }

private:
    friend class MemoryStore;

    std::int64_t open_session(MemoryStore& client);
    void end_session(std::int64_t session);
    base::Result<std::vector<Outcome>> apply(std::span<const Operation> operations, std::int64_t session);
    void run_due();

    Tree tree_;
    std::int64_t zxid_ = 0;
    std::int64_t last_session_ = 0;
    std::map<std::int64_t, MemoryStore*> sessions_;
};

class MemoryStore final : public Store {
public:
    /// Lives on `home`. The server outlives it. Destroying it without close() is a client that died: its session goes
    /// when the test expires it.
    MemoryStore(MemoryServer& server, runtime::Shard& home);
    ~MemoryStore() override;

    runtime::Task<base::Result<std::vector<Outcome>>> multi(std::vector<Operation> operations) override;
    runtime::Task<base::Result<Node>> get(std::string path, Watch watch) override;
    runtime::Task<base::Result<std::optional<Stat>>> exists(std::string path, Watch watch) override;
    runtime::Task<base::Result<std::vector<std::string>>> children(std::string path, Watch watch) override;
    SessionState session_state() const override { return state_; }
    std::int64_t session_id() const override { return session_; }
    void on_session_change(std::function<void(SessionState)> changed) override;
    runtime::Task<void> close() override;

private:
    friend class MemoryServer;

    void expired();
    void become(SessionState state);
    Watch at_home(Watch watch);
    base::Result<> usable() const;

    MemoryServer& server_;
    runtime::Shard& home_;
    std::int64_t session_ = 0;
    SessionState state_ = SessionState::connected;
    std::vector<std::function<void(SessionState)>> listeners_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace klog::meta
