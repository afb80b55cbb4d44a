// SPDX-License-Identifier: Apache-2.0
// Dynamic configuration as a broker follows it: everything below /config at the start, then whatever the notifications
// in /config/changes point at. A notification only says where to look again; a broker that finds that it missed some
// (they are removed after a while) looks at everything again. Lives on the store's shard.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "core/base/error.h"
#include "core/base/types.h"
#include "core/meta/image.h"
#include "core/meta/store.h"
#include "core/runtime/scope.h"
#include "core/runtime/task.h"

namespace klog::meta {

/// How many notifications stay in the store for brokers that are slow.
inline constexpr std::size_t config_changes_kept = 1000;

/// Whose configuration.
struct ConfigEntity {
    enum class Kind { topic, broker, all_brokers };
    Kind kind = Kind::topic;
    std::string topic;
    base::NodeId broker = base::no_node;
    friend auto operator<=>(const ConfigEntity&, const ConfigEntity&) = default;

    /// As notifications name it: topics/T, brokers/N, brokers/<default>.
    std::string entity_path() const;
    /// Nothing: of a kind that klog does not follow (users, clients, ips).
    static std::optional<ConfigEntity> parse(std::string_view entity_path);
    /// Of its node in the store.
    std::string path() const { return "/config/" + entity_path(); }
};

class ConfigFeed {
public:
    using Apply = std::function<void(const ConfigEntity&, Config)>;

    /// `apply` is called with each configuration that was read; an empty one where there is none (any more).
    ConfigFeed(Store& store, Apply apply) : store_(store), apply_(std::move(apply)) {}
    ~ConfigFeed() { *alive_ = false; }

    /// Called when the store says that there is something new; whoever gets it has catch_up run.
    void on_news(std::function<void()> news) { news_ = std::move(news); }
    /// Reads everything. corrupt: a node cannot be understood.
    runtime::Task<base::Result<>> load();
    /// Applies all changes that are in the store by now. True: there were some. A node that cannot be understood is
    /// logged, and what was known of it stays.
    runtime::Task<base::Result<bool>> catch_up();
    /// Reads one topic's configuration if it was never read; a new topic has no notification.
    runtime::Task<base::Result<>> load_topic(std::string name);
    /// After a new session began: the watches of the old one are gone.
    void rearm() { armed_ = false; }
    void forget_topic(const std::string& name) { topics_.erase(name); }

private:
    runtime::Task<base::Result<>> load_all();
    runtime::Task<base::Result<>> load_entity(ConfigEntity entity);
    runtime::Task<base::Result<>> load_unless_corrupt(ConfigEntity entity);
    runtime::Task<base::Result<bool>> look();
    runtime::Task<base::Result<std::set<std::int64_t>>> list_changes();
    runtime::Task<void> remove_old(std::set<std::int64_t> changes);

    Store& store_;
    Apply apply_;
    std::function<void()> news_;
    std::set<std::string> topics_;  // Whose configuration was read.
    std::set<ConfigEntity> there_;  // What was found in the store.
    std::int64_t seen_ = -1;        // The newest notification that was followed.
    bool armed_ = false;
    runtime::Semaphore turn_{1};
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace klog::meta
