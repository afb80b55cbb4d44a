// SPDX-License-Identifier: Apache-2.0
// The versioned tree behind MemoryStore and EmbeddedStore, with ZooKeeper's semantics (its DataTree and
// PrepRequestProcessor), and nothing but memory: operations in, outcomes and due watches out. Owned by one store.
//
// Changes can be taken back until they are kept: a store applies operations, makes them durable, and then calls keep(),
// or take_back() when the disk refused.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/meta/store.h"

namespace klog::meta {

/// What one multi may carry, paths and data together: ZooKeeper's default jute.maxbuffer, which its servers enforce.
inline constexpr std::size_t multi_bytes_max = 1'048'575;

/// What an operation counts for that limit.
std::size_t bytes_of(const Operation& operation);

/// invalid_argument unless the path is absolute, without empty, "." or ".." parts, without control characters.
base::Result<> check_path(std::string_view path);
/// "/" for a node below the root.
std::string_view parent_path(std::string_view path);
std::string_view name_in_parent(std::string_view path);

/// One node without its children: with the number of children ever made below it, from which the digits of sequential
/// nodes and ZooKeeper's cversion (creations plus removals) derive.
struct NodeState {
    std::shared_ptr<const std::string> data;
    std::int64_t czxid = 0;
    std::int64_t mzxid = 0;
    std::int32_t version = 0;
    std::int32_t children_made = 0;
    std::int64_t ephemeral_owner = 0;
};

struct TreeNode : NodeState {
    std::set<std::string, std::less<>> children;

    Stat stat() const;
};

/// What one operation did to one node: its state then; none: it was removed. Replaying all changes in order
/// (Tree::restore) gives the same tree.
struct NodeChange {
    std::string path;
    std::optional<NodeState> state;
};

class Tree {
public:
    Tree();

    /// Applies all or nothing under this transaction id, which must be larger than any before. On success `changes`,
    /// when given, holds what was done, in order.
    base::Result<std::vector<Outcome>> apply(std::span<const Operation> operations, std::int64_t session,
                                             std::int64_t zxid, std::vector<NodeChange>* changes = nullptr);
    /// The paths of a session's ephemeral nodes, in the order in which removing them one after another works.
    std::vector<std::string> ephemerals_of(std::int64_t session) const;
    /// All ephemeral nodes, of whatever session.
    std::vector<std::string> ephemerals() const;

    /// Accepts, or undoes, everything applied since the last of the two.
    void keep() { undo_.clear(); }
    void take_back();

    base::Result<Node> get(std::string_view path) const;
    std::optional<Stat> exists(std::string_view path) const;
    base::Result<std::vector<std::string>> children(std::string_view path) const;

    /// Arms one-shot watches for the session `owner`.
    void watch_node(std::string path, std::int64_t owner, Watch watch);
    void watch_children(std::string path, std::int64_t owner, Watch watch);
    /// What has become due since the last call, in order; take_back does not take hints back.
    std::vector<std::function<void()>> take_due();
    void drop_watches(std::int64_t owner);

    // For whoever writes the tree to a file and reads it back.
    const std::map<std::string, TreeNode, std::less<>>& nodes() const { return nodes_; }
    /// Does a change again. corrupt: it does not fit the tree. The parent's children_made counts a node that is new
    /// when `count_child`.
    base::Result<> restore(NodeChange change, bool count_child);

private:
    struct Armed {
        std::int64_t owner;
        Watch watch;
    };
    using Watches = std::map<std::string, std::vector<Armed>, std::less<>>;
    enum class Did { made, wrote, removed };
    struct Undo {
        Did did;
        std::string path;
        TreeNode before;  // Of a node written or removed.
    };

    base::Result<Outcome> apply_one(const Create& create, std::int64_t session, std::int64_t zxid);
    base::Result<Outcome> apply_one(const Set& set, std::int64_t session, std::int64_t zxid);
    base::Result<Outcome> apply_one(const Remove& remove, std::int64_t session, std::int64_t zxid);
    base::Result<Outcome> apply_one(const CheckVersion& check, std::int64_t session, std::int64_t zxid);
    base::Result<TreeNode*> find_versioned(std::string_view path, std::int32_t version);
    void undo_to(std::size_t mark);
    void link(const std::string& path, TreeNode node);
    TreeNode unlink(std::string_view path);
    NodeChange change_of(const std::string& path, Did did) const;
    void fire(Watches& watches, std::string_view path);
    void fire_made_or_removed(std::string_view path, bool removed);

    std::map<std::string, TreeNode, std::less<>> nodes_;
    std::set<std::string> ephemerals_;
    Watches node_watches_;
    Watches child_watches_;
    std::vector<Undo> undo_;
    std::vector<std::function<void()>> due_;
};

}  // namespace klog::meta
