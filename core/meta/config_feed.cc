// SPDX-License-Identifier: Apache-2.0
#include "core/meta/config_feed.h"

#include <charconv>

#include <fmt/format.h>

#include "core/base/log.h"
#include "core/meta/paths.h"

namespace klog::meta {

using base::Errc;
using base::Result;
using runtime::Task;

namespace {

constexpr std::string_view topics_part = "topics/";
constexpr std::string_view brokers_part = "brokers/";
constexpr std::string_view change_part = "config_change_";

std::optional<std::int64_t> number_of(std::string_view text) {
    std::int64_t number = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || stop != text.data() + text.size() || number < 0) return std::nullopt;
    return number;
}

std::string change_path(std::int64_t number) { return fmt::format("{}{:010}", paths::config_change_prefix, number); }

}  // namespace

std::string ConfigEntity::entity_path() const {
    switch (kind) {
        case Kind::topic: return fmt::format("{}{}", topics_part, topic);
        case Kind::broker: return fmt::format("{}{}", brokers_part, broker);
        case Kind::all_brokers: return fmt::format("{}{}", brokers_part, paths::default_entity);
    }
    return {};
}

std::optional<ConfigEntity> ConfigEntity::parse(std::string_view entity_path) {
    if (entity_path.starts_with(topics_part)) {
        return ConfigEntity{Kind::topic, std::string(entity_path.substr(topics_part.size())), base::no_node};
    }
    if (!entity_path.starts_with(brokers_part)) return std::nullopt;
    const auto name = entity_path.substr(brokers_part.size());
    if (name == paths::default_entity) return ConfigEntity{Kind::all_brokers, {}, base::no_node};
    const auto id = number_of(name);
    if (!id || *id > INT32_MAX) return std::nullopt;
    return ConfigEntity{Kind::broker, {}, base::NodeId{static_cast<std::int32_t>(*id)}};
}

Task<Result<>> ConfigFeed::load() {
    co_await turn_.acquire(1);
    auto done = co_await load_all();
    turn_.release(1);
    co_return done;
}

Task<Result<>> ConfigFeed::load_all() {
    // The notifications first: what changes while the rest is read is then read again.
    KLOG_CO_TRY(auto changes, co_await list_changes());
    std::set<ConfigEntity> gone = there_;
    for (const auto& part : {topics_part, brokers_part}) {
        const std::string parent = "/config/" + std::string(part.substr(0, part.size() - 1));
        auto names = co_await store_.children(parent, {});
        if (!names && names.error().code == Errc::not_found) continue;
        if (!names) co_return std::unexpected(std::move(names).error());
        for (const auto& name : *names) {
            const auto entity = ConfigEntity::parse(std::string(part) + name);
            if (!entity) continue;
            gone.erase(*entity);
            KLOG_CO_TRY_VOID(co_await load_unless_corrupt(*entity));
        }
    }
    for (const auto& entity : gone) KLOG_CO_TRY_VOID(co_await load_unless_corrupt(entity));
    // Not before all is read: what failed on the way is then read again with the next look.
    if (!changes.empty()) seen_ = *changes.rbegin();
    co_return Result<>();
}

Task<Result<>> ConfigFeed::load_entity(ConfigEntity entity) {
    const std::string path = entity.path();
    auto node = co_await store_.get(path, {});
    if (!node && node.error().code != Errc::not_found) co_return std::unexpected(std::move(node).error());
    Config config;
    if (node) {
        KLOG_CO_TRY(config, decode_config(path, node->data));
    }
    if (entity.kind == ConfigEntity::Kind::topic) topics_.insert(entity.topic);
    if (node)
        there_.insert(entity);
    else
        there_.erase(entity);
    apply_(entity, std::move(config));
    co_return Result<>();
}

/// A body that nobody can read must not keep the others from being read.
Task<Result<>> ConfigFeed::load_unless_corrupt(ConfigEntity entity) {
    auto loaded = co_await load_entity(std::move(entity));
    if (loaded || loaded.error().code != Errc::corrupt) co_return loaded;
    base::log_error("{}", loaded.error().message);
    co_return Result<>();
}

Task<Result<>> ConfigFeed::load_topic(std::string name) {
    if (topics_.contains(name)) co_return Result<>();
    ConfigEntity entity{ConfigEntity::Kind::topic, std::move(name), base::no_node};
    co_return co_await load_entity(std::move(entity));
}

Task<Result<bool>> ConfigFeed::catch_up() {
    co_await turn_.acquire(1);
    auto done = co_await look();
    turn_.release(1);
    co_return done;
}

Task<Result<bool>> ConfigFeed::look() {
    KLOG_CO_TRY(auto changes, co_await list_changes());
    const auto next = changes.upper_bound(seen_);
    if (next == changes.end()) co_return false;
    if (*next != seen_ + 1 && seen_ >= 0) {
        base::log_info("configuration changes {} to {} were missed: reading everything again", seen_ + 1, *next - 1);
        KLOG_CO_TRY_VOID(co_await load_all());
        co_return true;
    }
    std::set<ConfigEntity> entities;
    for (auto at = next; at != changes.end(); ++at) {
        const std::string path = change_path(*at);
        auto node = co_await store_.get(path, {});
        if (!node && node.error().code != Errc::not_found) co_return std::unexpected(std::move(node).error());
        const auto entity_path = node ? decode_config_change(path, node->data) : std::unexpected(node.error());
        if (!entity_path)
            base::log_warn("a configuration change is skipped: {}", entity_path.error().message);
        else if (auto entity = ConfigEntity::parse(*entity_path))
            entities.insert(*std::move(entity));
    }
    for (const auto& entity : entities) KLOG_CO_TRY_VOID(co_await load_unless_corrupt(entity));
    seen_ = *changes.rbegin();
    if (changes.size() > 2 * config_changes_kept) co_await remove_old(std::move(changes));
    co_return true;
}

/// The numbers of the notifications that are there; arms the watch unless it is.
Task<Result<std::set<std::int64_t>>> ConfigFeed::list_changes() {
    Watch watch;
    if (!armed_) {
        armed_ = true;
        watch = [this, alive = alive_](const std::string&) {
            if (!*alive) return;
            armed_ = false;
            if (news_) news_();
        };
    }
    auto names = co_await store_.children(std::string(paths::config_changes), std::move(watch));
    std::set<std::int64_t> numbers;
    if (!names) {
        armed_ = false;
        if (names.error().code == Errc::not_found) co_return numbers;
        co_return std::unexpected(std::move(names).error());
    }
    for (const std::string_view name : *names) {
        if (!name.starts_with(change_part)) continue;
        if (const auto number = number_of(name.substr(change_part.size()))) numbers.insert(*number);
    }
    co_return numbers;
}

Task<void> ConfigFeed::remove_old(std::set<std::int64_t> changes) {
    while (changes.size() > config_changes_kept) {
        Remove oldest{change_path(*changes.begin()), any_version};
        changes.erase(changes.begin());
        const auto removed = co_await store_.remove(std::move(oldest));
        if (!removed && removed.error().code != Errc::not_found) co_return;  // Another time.
    }
}

}  // namespace klog::meta
