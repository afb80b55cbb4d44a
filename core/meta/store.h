// SPDX-License-Identifier: Apache-2.0
// The metadata store: a versioned tree with watches and sessions, as ZooKeeper has it, because a cluster is coordinated
// by ZooKeeper and a single broker runs the same code over EmbeddedStore (meta/embedded_store.h). MemoryStore in tests.
// tests/meta/store_suite.h holds what every implementation must do.
//
// A Store belongs to one shard; its callbacks run there. Nothing blocks the shard: I/O is on the pool.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/error.h"
#include "core/runtime/task.h"

namespace klog::meta {

/// The store's counters of a node, as ZooKeeper's Stat.
struct Stat {
    std::int64_t czxid = 0;    // The transaction that created it; never repeats, so it names one life.
    std::int64_t mzxid = 0;    // The transaction that last wrote its data.
    std::int32_t version = 0;  // Writes of its data since its creation.
    std::int32_t cversion = 0;
    std::int64_t ephemeral_owner = 0;  // The session that holds it, 0 when persistent.
    std::int32_t children = 0;
    bool operator==(const Stat&) const = default;
};

struct Node {
    std::string data;
    Stat stat;
};

enum class Lifetime { persistent, ephemeral };

inline constexpr std::int32_t any_version = -1;

struct Create {
    std::string path;
    std::string data;
    Lifetime lifetime = Lifetime::persistent;
    bool sequential = false;  // Appends ten digits that only grow.
};
struct Set {
    std::string path;
    std::string data;
    std::int32_t version = any_version;
};
struct Remove {
    std::string path;
    std::int32_t version = any_version;
};
/// Holds when the node is there and has this version.
struct CheckVersion {
    std::string path;
    std::int32_t version = any_version;
};
using Operation = std::variant<Create, Set, Remove, CheckVersion>;

/// What one operation of a multi did: the path made (with its digits), the stat after a write.
struct Outcome {
    std::string path;
    Stat stat;
};

/// A hint that something under `path` changed since the read that armed it: look again, once. Never an event to count.
using Watch = std::function<void(const std::string& path)>;

enum class SessionState { connecting, connected, expired, closed };

class Store {
public:
    virtual ~Store() = default;

    /// All or nothing, in order, one transaction id. The error is that of the first operation that failed: not_found,
    /// exists, bad_version, not_empty; session_expired, closed or timed_out when its fate is unknown.
    virtual runtime::Task<base::Result<std::vector<Outcome>>> multi(std::vector<Operation> operations) = 0;

    /// Reads; `watch`, where given, is armed once by the read itself: by exists also when the node is missing, by get
    /// and children only when it is there. A watch runs before any later read shows the change that it hints at. The
    /// watches of a session that expires are gone without a call.
    virtual runtime::Task<base::Result<Node>> get(std::string path, Watch watch = {}) = 0;
    virtual runtime::Task<base::Result<std::optional<Stat>>> exists(std::string path, Watch watch = {}) = 0;
    /// Names, sorted. The watch sees children come and go, not their data.
    virtual runtime::Task<base::Result<std::vector<std::string>>> children(std::string path, Watch watch = {}) = 0;

    virtual SessionState session_state() const = 0;
    virtual std::int64_t session_id() const = 0;
    /// Adds a listener that is called on every change of the session's state. After expired the store begins a session
    /// of its own accord: a listener then sees connected, with another session_id.
    virtual void on_session_change(std::function<void(SessionState)> changed) = 0;
    /// Ends the session: its ephemeral nodes go.
    virtual runtime::Task<void> close() = 0;

    // One-operation forms of multi.
    runtime::Task<base::Result<Outcome>> create(Create operation);
    runtime::Task<base::Result<Stat>> set(Set operation);
    runtime::Task<base::Result<>> remove(Remove operation);
};

}  // namespace klog::meta
