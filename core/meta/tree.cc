// SPDX-License-Identifier: Apache-2.0
#include "core/meta/tree.h"

#include <fmt/format.h>

#include "core/base/check.h"

namespace klog::meta {

using base::Errc;
using base::fail;
using base::Result;

namespace {

bool bad_part(std::string_view part) { return part.empty() || part == "." || part == ".."; }

}  // namespace

std::size_t bytes_of(const Operation& operation) {
    return std::visit(
        [](const auto& op) {
            if constexpr (requires { op.data; })
                return op.path.size() + op.data.size();
            else
                return op.path.size();
        },
        operation);
}

Result<> check_path(std::string_view path) {
    if (path == "/") return {};
    if (path.empty() || path.front() != '/') return fail(Errc::invalid_argument, "path is not absolute: '{}'", path);
    for (const char c : path) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            return fail(Errc::invalid_argument, "path with a control character");
        }
    }
    std::string_view rest = path.substr(1);
    for (;;) {
        const auto slash = rest.find('/');
        if (bad_part(rest.substr(0, slash))) return fail(Errc::invalid_argument, "path with a bad part: '{}'", path);
        if (slash == std::string_view::npos) return {};
        rest.remove_prefix(slash + 1);
    }
}

std::string_view parent_path(std::string_view path) {
    const auto slash = path.rfind('/');
    return slash == 0 || slash == std::string_view::npos ? std::string_view("/") : path.substr(0, slash);
}

std::string_view name_in_parent(std::string_view path) { return path.substr(path.rfind('/') + 1); }

Stat TreeNode::stat() const {
    const auto count = static_cast<std::int32_t>(children.size());
    return {.czxid = czxid,
            .mzxid = mzxid,
            .version = version,
            .cversion = 2 * children_made - count,
            .ephemeral_owner = ephemeral_owner,
            .children = count};
}

Tree::Tree() { nodes_["/"].data = std::make_shared<const std::string>(); }

Result<std::vector<Outcome>> Tree::apply(std::span<const Operation> operations, std::int64_t session, std::int64_t zxid,
                                         std::vector<NodeChange>* changes) {
    std::size_t bytes = 0;
    for (const auto& operation : operations) bytes += bytes_of(operation);
    if (bytes > multi_bytes_max) return fail(Errc::too_large, "a transaction of {} bytes", bytes);

    const std::size_t mark = undo_.size();
    std::vector<Outcome> outcomes;
    outcomes.reserve(operations.size());
    for (const auto& operation : operations) {
        const std::size_t before = undo_.size();
        auto outcome = std::visit([&](const auto& op) { return apply_one(op, session, zxid); }, operation);
        if (!outcome) {
            undo_to(mark);
            if (changes != nullptr) changes->clear();
            return std::unexpected(std::move(outcome).error());
        }
        outcomes.push_back(*std::move(outcome));
        if (changes != nullptr && undo_.size() > before) {
            changes->push_back(change_of(undo_.back().path, undo_.back().did));
        }
    }
    for (std::size_t i = mark; i < undo_.size(); ++i) {
        const auto& [did, path, before] = undo_[i];
        if (did == Did::wrote)
            fire(node_watches_, path);
        else
            fire_made_or_removed(path, did == Did::removed);
    }
    return outcomes;
}

Result<Outcome> Tree::apply_one(const Create& create, std::int64_t session, std::int64_t zxid) {
    std::string path = create.path;
    const auto parent = nodes_.find(parent_path(path));
    if (create.sequential && parent != nodes_.end()) path += fmt::format("{:010}", parent->second.children_made);
    KLOG_TRY_VOID(check_path(path));
    if (parent == nodes_.end()) return fail(Errc::not_found, "{}: no parent node", path);
    if (parent->second.ephemeral_owner != 0) {
        return fail(Errc::invalid_argument, "{}: an ephemeral node has no children", path);
    }
    if (nodes_.contains(path)) return fail(Errc::exists, "{}: node exists", path);
    TreeNode node;
    node.data = std::make_shared<const std::string>(create.data);
    node.czxid = node.mzxid = zxid;
    node.ephemeral_owner = create.lifetime == Lifetime::ephemeral ? session : 0;
    Outcome outcome{path, node.stat()};
    link(path, std::move(node));
    ++parent->second.children_made;
    undo_.push_back({Did::made, std::move(path), {}});
    return outcome;
}

Result<TreeNode*> Tree::find_versioned(std::string_view path, std::int32_t version) {
    KLOG_TRY_VOID(check_path(path));
    const auto at = nodes_.find(path);
    if (at == nodes_.end()) return fail(Errc::not_found, "{}: no such node", path);
    if (version != any_version && version != at->second.version) {
        return fail(Errc::bad_version, "{}: version {}, not {}", path, at->second.version, version);
    }
    return &at->second;
}

Result<Outcome> Tree::apply_one(const Set& set, std::int64_t, std::int64_t zxid) {
    KLOG_TRY(auto* node, find_versioned(set.path, set.version));
    TreeNode before;
    before.data = std::move(node->data);
    before.mzxid = node->mzxid;
    before.version = node->version;
    undo_.push_back({Did::wrote, set.path, std::move(before)});
    node->data = std::make_shared<const std::string>(set.data);
    node->mzxid = zxid;
    ++node->version;
    return Outcome{set.path, node->stat()};
}

Result<Outcome> Tree::apply_one(const Remove& remove, std::int64_t, std::int64_t) {
    KLOG_TRY(auto* node, find_versioned(remove.path, remove.version));
    if (remove.path == "/") return fail(Errc::invalid_argument, "the root stays");
    if (!node->children.empty()) return fail(Errc::not_empty, "{}: node has children", remove.path);
    undo_.push_back({Did::removed, remove.path, unlink(remove.path)});
    return Outcome{remove.path, {}};
}

Result<Outcome> Tree::apply_one(const CheckVersion& check, std::int64_t, std::int64_t) {
    KLOG_TRY(auto* node, find_versioned(check.path, check.version));
    return Outcome{check.path, node->stat()};
}

NodeChange Tree::change_of(const std::string& path, Did did) const {
    if (did == Did::removed) return {path, std::nullopt};
    return {path, static_cast<const NodeState&>(nodes_.find(path)->second)};
}

void Tree::take_back() { undo_to(0); }

void Tree::undo_to(std::size_t mark) {
    while (undo_.size() > mark) {
        auto [did, path, before] = std::move(undo_.back());
        undo_.pop_back();
        if (did == Did::made) {
            unlink(path);
            --nodes_.find(parent_path(path))->second.children_made;
        } else if (did == Did::removed) {
            link(path, std::move(before));
        } else {
            auto& node = nodes_.find(path)->second;
            node.data = std::move(before.data);
            node.mzxid = before.mzxid;
            node.version = before.version;
        }
    }
}

void Tree::link(const std::string& path, TreeNode node) {
    if (node.ephemeral_owner != 0) ephemerals_.insert(path);
    nodes_.find(parent_path(path))->second.children.emplace(name_in_parent(path));
    nodes_.emplace(path, std::move(node));
}

TreeNode Tree::unlink(std::string_view path) {
    const auto at = nodes_.find(path);
    TreeNode node = std::move(at->second);
    if (node.ephemeral_owner != 0) ephemerals_.erase(at->first);
    auto& siblings = nodes_.find(parent_path(path))->second.children;
    siblings.erase(siblings.find(name_in_parent(path)));
    nodes_.erase(at);
    return node;
}

std::vector<std::string> Tree::ephemerals_of(std::int64_t session) const {
    std::vector<std::string> paths;
    for (const auto& path : ephemerals_) {
        if (nodes_.find(path)->second.ephemeral_owner == session) paths.push_back(path);
    }
    return paths;
}

std::vector<std::string> Tree::ephemerals() const { return {ephemerals_.begin(), ephemerals_.end()}; }

Result<Node> Tree::get(std::string_view path) const {
    KLOG_TRY_VOID(check_path(path));
    const auto at = nodes_.find(path);
    if (at == nodes_.end()) return fail(Errc::not_found, "{}: no such node", path);
    return Node{*at->second.data, at->second.stat()};
}

std::optional<Stat> Tree::exists(std::string_view path) const {
    const auto at = nodes_.find(path);
    if (at == nodes_.end()) return std::nullopt;
    return at->second.stat();
}

Result<std::vector<std::string>> Tree::children(std::string_view path) const {
    KLOG_TRY_VOID(check_path(path));
    const auto at = nodes_.find(path);
    if (at == nodes_.end()) return fail(Errc::not_found, "{}: no such node", path);
    return std::vector<std::string>(at->second.children.begin(), at->second.children.end());
}

void Tree::watch_node(std::string path, std::int64_t owner, Watch watch) {
    node_watches_[std::move(path)].push_back({owner, std::move(watch)});
}

void Tree::watch_children(std::string path, std::int64_t owner, Watch watch) {
    child_watches_[std::move(path)].push_back({owner, std::move(watch)});
}

std::vector<std::function<void()>> Tree::take_due() { return std::exchange(due_, {}); }

void Tree::drop_watches(std::int64_t owner) {
    for (auto* watches : {&node_watches_, &child_watches_}) {
        for (auto at = watches->begin(); at != watches->end();) {
            std::erase_if(at->second, [&](const Armed& armed) { return armed.owner == owner; });
            at = at->second.empty() ? watches->erase(at) : std::next(at);
        }
    }
}

void Tree::fire(Watches& watches, std::string_view path) {
    const auto at = watches.find(path);
    if (at == watches.end()) return;
    for (auto& armed : at->second) {
        due_.push_back([watch = std::move(armed.watch), where = at->first] { watch(where); });
    }
    watches.erase(at);
}

void Tree::fire_made_or_removed(std::string_view path, bool removed) {
    fire(node_watches_, path);
    if (removed) fire(child_watches_, path);
    fire(child_watches_, parent_path(path));
}

Result<> Tree::restore(NodeChange change, bool count_child) {
    auto& [path, state] = change;
    KLOG_TRY_VOID(check_path(path));
    const auto at = nodes_.find(path);
    if (!state) {
        if (path == "/" || at == nodes_.end() || !at->second.children.empty()) {
            return fail(Errc::corrupt, "{}: removal of a node that is missing or has children", path);
        }
        unlink(path);
        return {};
    }
    if (at != nodes_.end()) {
        static_cast<NodeState&>(at->second) = *std::move(state);
        return {};
    }
    const auto parent = nodes_.find(parent_path(path));
    if (parent == nodes_.end()) return fail(Errc::corrupt, "{}: a node without its parent", path);
    if (count_child) ++parent->second.children_made;
    link(path, TreeNode{*std::move(state), {}});
    return {};
}

}  // namespace klog::meta
