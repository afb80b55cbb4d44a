// SPDX-License-Identifier: Apache-2.0
#include "core/meta/image.h"

#include <algorithm>

namespace klog::meta {

namespace {

const std::shared_ptr<const Topic> no_topic;
const Config no_config;

const std::string& name_of(const std::shared_ptr<const Topic>& topic) { return topic->name; }
const base::Uuid& id_of(const std::shared_ptr<const Topic>& topic) { return topic->id; }

template <class Key, class Projection>
const std::shared_ptr<const Topic>& find(const Image::Topics& topics, const Key& key, Projection projection) {
    const auto at = std::ranges::lower_bound(topics, key, std::ranges::less{}, projection);
    return at != topics.end() && projection(*at) == key ? *at : no_topic;
}

template <class Key, class Projection>
void erase(Image::Topics& topics, const Key& key, Projection projection) {
    const auto at = std::ranges::lower_bound(topics, key, std::ranges::less{}, projection);
    if (at != topics.end() && projection(*at) == key) topics.erase(at);
}

template <class Key, class Projection>
void insert(Image::Topics& topics, std::shared_ptr<const Topic> topic, const Key& key, Projection projection) {
    const auto at = std::ranges::lower_bound(topics, key, std::ranges::less{}, projection);
    if (at != topics.end() && projection(*at) == key)
        *at = std::move(topic);
    else
        topics.insert(at, std::move(topic));
}

struct NameView {
    std::string_view operator()(const std::shared_ptr<const Topic>& topic) const { return name_of(topic); }
};

template <class Map, class Key>
const Config& config_in(const Map& map, const Key& key) {
    const auto at = map.find(key);
    return at == map.end() ? no_config : *at->second;
}

}  // namespace

const Endpoint* Broker::endpoint(std::string_view listener) const {
    const auto at = std::ranges::find(endpoints, listener, &Endpoint::listener);
    return at == endpoints.end() ? nullptr : &*at;
}

bool is_internal_topic(std::string_view name) {
    return name == "__consumer_offsets" || name == "__transaction_state" || name == "__share_group_state";
}

const Broker* Image::broker(base::NodeId id) const {
    const auto at = brokers_.find(id);
    return at == brokers_.end() ? nullptr : &at->second;
}

const std::shared_ptr<const Topic>& Image::topic_ptr(std::string_view name) const {
    return find(by_name_, name, NameView{});
}

const std::shared_ptr<const Topic>& Image::topic_ptr(const base::Uuid& id) const { return find(by_id_, id, id_of); }

const Partition* Image::partition(std::string_view topic_name, base::PartitionId id) const {
    const Topic* found = topic(topic_name);
    return found == nullptr ? nullptr : found->partition(id);
}

const Config& Image::topic_config(std::string_view name) const { return config_in(topic_configs_, name); }
const Config& Image::broker_config(base::NodeId id) const { return config_in(broker_configs_, id); }

void Image::Change::set_topic(Topic topic) {
    auto shared = std::make_shared<const Topic>(std::move(topic));
    if (const auto before = next_->topic_ptr(shared->name); before && before->id != shared->id) {
        erase(next_->by_id_, before->id, id_of);
    }
    insert(next_->by_id_, shared, shared->id, id_of);
    const std::string_view name = shared->name;
    insert(next_->by_name_, std::move(shared), name, NameView{});
}

void Image::Change::remove_topic(std::string_view name) {
    const auto before = next_->topic_ptr(name);
    if (!before) return;
    erase(next_->by_id_, before->id, id_of);
    erase(next_->by_name_, name, NameView{});
}

void Image::Change::set_topic_config(std::string_view name, Config config) {
    if (config.empty()) {
        if (const auto at = next_->topic_configs_.find(name); at != next_->topic_configs_.end()) {
            next_->topic_configs_.erase(at);
        }
    } else {
        next_->topic_configs_.insert_or_assign(std::string(name), std::make_shared<const Config>(std::move(config)));
    }
}

void Image::Change::set_broker_config(base::NodeId id, Config config) {
    if (config.empty())
        next_->broker_configs_.erase(id);
    else
        next_->broker_configs_.insert_or_assign(id, std::make_shared<const Config>(std::move(config)));
}

void Image::Change::set_default_broker_config(Config config) {
    next_->default_broker_config_ = std::make_shared<const Config>(std::move(config));
}

}  // namespace klog::meta
