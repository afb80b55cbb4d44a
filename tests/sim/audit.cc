// SPDX-License-Identifier: Apache-2.0
// The end of a simulation: all is read, all topics and configurations are asked for, and the judge compares.
#include "core/wire/messages/03_metadata.h"
#include "core/wire/messages/32_describe_configs.h"
#include "tests/sim/reader.h"

namespace klog::sim {

using runtime::Task;
using wire::ErrorCode;

Task<void> Reader::audit() {
    doing_ = "asking for all topics";
    co_await audit_topics();
    for (const auto& [id, topic] : judge_.topics()) {
        if (topic.deletion_asked) continue;
        doing_ = "asking for the configuration of " + topic.name;
        co_await audit_configs(id);
        for (std::int32_t i = 0; i < topic.partitions && judge_.content(); ++i) {
            doing_ = "reading " + Place{id, i}.to_string();
            co_await read_whole(Place{id, i});
        }
    }
}

Task<void> Reader::audit_topics() {
    for (; judge_.content(); co_await pause(200)) {
        wire::MetadataRequest request;
        request.allow_auto_topic_creation = false;
        auto answer = co_await link_.call<wire::MetadataResponse>(request, 12);
        if (!answer || answer->message.error_code != ErrorCode::none) continue;
        std::map<base::Uuid, const wire::MetadataResponse::Topic*> there;
        for (const auto& topic : answer->message.topics) there.emplace(topic.topic_id, &topic);
        bool whole = true;
        for (const auto& [id, topic] : judge_.topics()) {
            const auto found = there.find(id);
            if (topic.deleted && found != there.end()) judge_.accuse("topic {} was deleted and is there", topic.name);
            if (topic.deletion_asked) continue;
            if (found == there.end() || found->second->name != topic.name) {
                judge_.accuse("topic {} {} was acknowledged and is not there", topic.name, id.to_string());
                continue;
            }
            const auto partitions = static_cast<std::int32_t>(found->second->partitions.size());
            if (partitions < topic.partitions || partitions > topic.partitions_asked)
                judge_.accuse("topic {} has {} partitions instead of {}", topic.name, partitions, topic.partitions);
            for (const auto& partition : found->second->partitions) whole &= partition.error_code == ErrorCode::none;
        }
        if (whole) co_return;
    }
}

Task<void> Reader::audit_configs(base::Uuid id) {
    for (; judge_.content(); co_await pause(200)) {
        wire::DescribeConfigsRequest request;
        request.resources.push_back({2, judge_.topic(id).name, std::nullopt});
        auto answer = co_await link_.call<wire::DescribeConfigsResponse>(request, 4);
        if (!answer || answer->message.results.size() != 1) continue;
        const auto& result = answer->message.results[0];
        if (result.error_code != ErrorCode::none) continue;
        for (const auto& config : result.configs) judge_.config_read(id, config.name, config.value.value_or(""));
        co_return;
    }
}

/// From the log start to the end. Retention may move the start meanwhile: then again.
Task<void> Reader::read_whole(Place place) {
    for (; judge_.content(); co_await pause(200)) {
        const auto start = co_await list_offset(place, -2);
        const auto end = co_await list_offset(place, -1);
        if (!start || !end) continue;
        judge_.final_read_begins(place);
        std::optional<std::int64_t> position = *start;
        while (position && *position < *end && judge_.content()) position = co_await fetch_once(place, *position);
        if (!position) continue;
        judge_.final_read_ended(place, *start, *end);
        co_return;
    }
}

}  // namespace klog::sim
