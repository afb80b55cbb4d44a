// SPDX-License-Identifier: Apache-2.0
// Configurations of topics and brokers, and blocks of producer ids.
#include <algorithm>
#include <charconv>
#include <limits>

#include "core/controller/state.h"

namespace klog::controller {

using base::Errc;
using base::fail;
using base::Result;
using runtime::Task;
namespace paths = meta::paths;

namespace {

std::vector<std::string> list_of(std::string_view text) {
    std::vector<std::string> items;
    while (!text.empty()) {
        const std::size_t comma = std::min(text.find(','), text.size());
        std::string_view item = text.substr(0, comma);
        while (!item.empty() && item.front() == ' ') item.remove_prefix(1);
        while (!item.empty() && item.back() == ' ') item.remove_suffix(1);
        if (!item.empty()) items.emplace_back(item);
        text.remove_prefix(std::min(comma + 1, text.size()));
    }
    return items;
}

std::string text_of(const std::vector<std::string>& items) { return fmt::format("{}", fmt::join(items, ",")); }

Result<std::string> config_path(const ConfigResource& resource) {
    if (resource.type == ResourceType::topic) return paths::topic_config(resource.name);
    if (resource.name.empty()) return paths::broker_config(base::no_node);
    std::int32_t id = 0;
    const char* end = resource.name.data() + resource.name.size();
    if (const auto [at, bad] = std::from_chars(resource.name.data(), end, id);
        at != end || bad != std::errc{} || id < 0) {
        return fail(Errc::invalid_argument, "'{}' is not the id of a broker", resource.name);
    }
    return paths::broker_config(base::NodeId{id});
}

std::string entity_of(const ConfigResource& resource) {
    if (resource.type == ResourceType::topic) return "topics/" + resource.name;
    return "brokers/" + (resource.name.empty() ? std::string(paths::default_entity) : resource.name);
}

}  // namespace

Task<PerItem<void>> Controller::State::alter_configs(std::vector<ConfigAlteration> alterations, bool validate_only) {
    std::map<ConfigResource, int> named;
    for (const ConfigAlteration& alteration : alterations) ++named[alteration.resource];
    const Turn held = co_await take(&turn);
    PerItem<void> results;
    bool changed = false;
    for (ConfigAlteration& alteration : alterations) {
        if (named[alteration.resource] > 1) {
            results.push_back(
                fail(Errc::invalid_argument, "'{}' is named twice in one request", alteration.resource.name));
            continue;
        }
        results.push_back(co_await alter_config(std::move(alteration), validate_only));
        changed = changed || (results.back() && !validate_only);
    }
    if (changed && options.config_changed) {
        const auto applied = co_await options.config_changed();
        for (auto& result : results) {
            if (result && !applied) result = std::unexpected(applied.error());
        }
    }
    co_return results;
}

Task<Result<>> Controller::State::alter_config(ConfigAlteration alteration, bool validate_only) {
    KLOG_CO_TRY_VOID(check_active());
    const ConfigResource resource = alteration.resource;
    if (resource.type == ResourceType::topic && (!topics.contains(resource.name) || deleting.contains(resource.name))) {
        co_return fail(Errc::not_found, "there is no topic '{}'", resource.name);
    }
    KLOG_CO_TRY(const std::string path, config_path(resource));
    const auto node = co_await store.get(path);
    if (!node && node.error().code != Errc::not_found) co_return std::unexpected(node.error());
    meta::Config before;
    if (node) {
        KLOG_CO_TRY(before, meta::decode_config(path, node->data));
    }
    KLOG_CO_TRY(const meta::Config after, edited(alteration, std::move(before)));
    KLOG_CO_TRY_VOID(options.config_rules.check(resource, after));
    if (validate_only) co_return Result<>();
    std::vector<meta::Operation> operations;
    if (node)
        operations.push_back(meta::Set{path, meta::encode_config(after), node->stat.version});
    else
        operations.push_back(meta::Create{path, meta::encode_config(after)});
    operations.push_back(meta::Create{std::string(paths::config_change_prefix),
                                      meta::encode_config_change(entity_of(resource)), meta::Lifetime::persistent,
                                      true});
    const auto written = co_await write(std::move(operations));
    if (!written) co_return std::unexpected(written.error());
    co_return Result<>();
}

Result<meta::Config> Controller::State::edited(const ConfigAlteration& alteration, meta::Config before) const {
    meta::Config after = alteration.incremental ? std::move(before) : meta::Config{};
    std::set<std::string> seen;
    for (const ConfigEdit& edit : alteration.edits) {
        if (!seen.insert(edit.key).second)
            return fail(Errc::invalid_argument, "{} is changed twice in one request", edit.key);
        if (edit.op == ConfigOp::remove) {
            after.erase(edit.key);
            continue;
        }
        if (!edit.value) return fail(Errc::invalid_argument, "null is not a value for {}", edit.key);
        if (edit.op == ConfigOp::set) {
            after[edit.key] = *edit.value;
            continue;
        }
        const ConfigResource& resource = alteration.resource;
        if (!options.config_rules.is_list(resource, edit.key)) {
            return fail(Errc::invalid_config, "{} is not a list: it can be set, not appended to or subtracted from",
                        edit.key);
        }
        const auto own = after.find(edit.key);
        const auto start =
            own != after.end() ? std::optional(own->second) : options.config_rules.inherited(resource, edit.key);
        std::vector<std::string> items = list_of(start.value_or(""));
        for (const std::string& item : list_of(*edit.value)) {
            const bool there = std::ranges::find(items, item) != items.end();
            if (edit.op == ConfigOp::append && !there) items.push_back(item);
            if (edit.op == ConfigOp::subtract) std::erase(items, item);
        }
        after[edit.key] = text_of(items);
    }
    return after;
}

/// Not a matter of the controller's epoch: the version of the node alone decides, so that two brokers that ask at once,
/// or one that was killed after its write, never get the same ids.
Task<Result<ProducerIdBlock>> Controller::State::allocate_producer_ids(base::NodeId for_broker) {
    constexpr int attempts_max = 100;
    const std::string path(paths::producer_id_block);
    const Turn held = co_await take(&turn);
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
        KLOG_CO_TRY(const meta::Node node, co_await store.get(path));
        KLOG_CO_TRY(const std::optional<meta::ProducerIdRange> last, meta::decode_producer_ids(path, node.data));
        const std::int64_t first = last ? last->last + 1 : 0;
        if (first > std::numeric_limits<std::int64_t>::max() - producer_ids_per_block) {
            co_return fail(Errc::limit, "all producer ids have been given away");
        }
        const meta::ProducerIdRange block{for_broker, first, first + producer_ids_per_block - 1};
        meta::Set taken{path, meta::encode_producer_ids(block), node.stat.version};
        const auto written = co_await store.set(std::move(taken));
        if (written) co_return ProducerIdBlock{base::ProducerId{first}, producer_ids_per_block};
        if (written.error().code != Errc::bad_version) co_return std::unexpected(written.error());
    }
    co_return fail(Errc::busy, "{} was taken by others {} times in a row", path, attempts_max);
}

}  // namespace klog::controller
