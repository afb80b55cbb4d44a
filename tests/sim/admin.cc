// SPDX-License-Identifier: Apache-2.0
// The administrator of the workload. Each of its requests is repeated until it is known what became of it.
#include "core/wire/messages/03_metadata.h"
#include "core/wire/messages/19_create_topics.h"
#include "core/wire/messages/20_delete_topics.h"
#include "core/wire/messages/21_delete_records.h"
#include "core/wire/messages/37_create_partitions.h"
#include "core/wire/messages/44_incremental_alter_configs.h"
#include "tests/sim/workload.h"

namespace klog::sim {

using runtime::Task;
using wire::ErrorCode;

namespace {

struct Choice {
    const char* key;
    std::vector<const char*> values;
};
const std::vector<Choice>& choices() {
    static const std::vector<Choice> all = {
        {"segment.ms", {"300", "2000", "10000"}},
        {"segment.index.bytes", {"80", "400"}},
        {"retention.ms", {"1500", "8000", "604800000"}},
        {"retention.bytes", {"3000", "20000", "-1"}},
        {"compression.type", {"producer", "lz4", "zstd", "gzip", "snappy", "uncompressed"}},
        {"message.timestamp.type", {"CreateTime", "LogAppendTime"}},
        {"index.interval.bytes", {"0", "200", "4096"}},
    };
    return all;
}

std::pair<std::string, std::string> choose_config(base::Random& random, bool retention) {
    for (;;) {
        const Choice& choice = choices()[random.below(choices().size())];
        if (!retention && std::string_view(choice.key).starts_with("retention.")) continue;
        return {choice.key, choice.values[random.below(choice.values.size())]};
    }
}

constexpr bool may_pass(ErrorCode code) {
    switch (code) {
        case ErrorCode::not_controller:
        case ErrorCode::request_timed_out:
        case ErrorCode::kafka_storage_error:
        case ErrorCode::coordinator_load_in_progress:
        case ErrorCode::not_leader_or_follower:
        case ErrorCode::leader_not_available:
        case ErrorCode::unknown_server_error: return true;
        default: return false;
    }
}

}  // namespace

std::optional<base::Uuid> Workload::pick_topic() {
    const auto place = pick(admin_random_);
    return place ? std::optional(place->topic) : std::nullopt;
}

Task<void> Workload::administer(Workload* self) {
    base::Random& random = self->admin_random_;
    while (!self->stopping_) {
        std::size_t live = 0;
        for (const auto& [id, topic] : self->judge_.topics()) live += topic.deletion_asked ? 0 : 1;
        const auto topic = self->pick_topic();
        if (!topic || (live < topics_max && random.one_in(4))) {
            co_await self->create_topic();
        } else {
            const std::uint64_t what = random.below(20);
            if (what == 0 && live > 1)
                co_await self->delete_topic(*topic);
            else if (what < 3)
                co_await self->grow_topic(*topic);
            else if (what < 8)
                co_await self->configure_topic(*topic);
            else if (const auto place = self->pick(random); place && what < 12)
                co_await self->delete_records(*place);
        }
        co_await self->pause(random, live < 2 ? 100 : 1500);
    }
    self->admin_ended_ = true;
}

/// The id of a topic whose creation was not answered; zero: it is not there, or not yet.
Task<base::Uuid> Workload::find_topic(std::string name) {
    wire::MetadataRequest request;
    request.allow_auto_topic_creation = false;
    wire::MetadataRequest::Topic topic;
    topic.name = name;
    request.topics = std::vector{topic};
    auto answer = co_await admin_link_.call<wire::MetadataResponse>(request, 12);
    if (!answer || answer->message.topics.size() != 1) co_return base::Uuid{};
    const base::Uuid id = answer->message.topics[0].topic_id;
    co_return judge_.topics().contains(id) ? base::Uuid{} : id;
}

Task<void> Workload::create_topic() {
    std::string name = fmt::format("topic{}", next_topic_);
    const bool reused = !free_names_.empty() && admin_random_.one_in(2);
    if (reused) {
        name = free_names_.back();
        free_names_.pop_back();
    } else {
        ++next_topic_;
    }
    wire::CreateTopicsRequest request;
    request.timeout_ms = 3000;
    wire::CreateTopicsRequest::Topic topic;
    topic.name = name;
    topic.num_partitions = static_cast<std::int32_t>(admin_random_.between(1, 4));
    topic.replication_factor = 1;
    std::map<std::string, std::string> configs;
    const bool retention = admin_random_.one_in(2);
    for (std::uint64_t i = admin_random_.below(4); i > 0; --i) configs.insert(choose_config(admin_random_, retention));
    for (const auto& [key, value] : configs) topic.configs.push_back({key, value});
    request.topics.push_back(topic);
    bool in_doubt = false;
    for (;;) {
        auto answer = co_await admin_link_.call<wire::CreateTopicsResponse>(request, 7);
        base::Uuid id;
        if (answer) {
            const auto& made = answer->message.topics.at(0);
            if (made.error_code == ErrorCode::none)
                id = made.topic_id;
            else if (made.error_code == ErrorCode::topic_already_exists && (in_doubt || reused))
                id = co_await find_topic(name);  // Or the old one is still being deleted.
            else if (!may_pass(made.error_code))
                judge_.accuse("topic {} was refused: {} {}", name, made.error_code, made.error_message.value_or(""));
        }
        if (!id.is_zero()) {
            world_.event("topic {} is {}", name, id.to_string());
            judge_.topic_created(name, id, topic.num_partitions);
            for (const auto& [key, value] : configs) {
                judge_.config_asked(id, key, value);
                judge_.config_acknowledged(id, key, value, false);
            }
            co_return;
        }
        if (!judge_.content()) co_return;
        in_doubt = true;
        if (!answer) doubtful_names_.insert(name);
        co_await pause(admin_random_, 300);
    }
}

Task<void> Workload::grow_topic(base::Uuid id) {
    Topic& topic = judge_.topic(id);
    if (topic.partitions >= 8) co_return;
    topic.partitions_asked = topic.partitions + static_cast<std::int32_t>(admin_random_.between(1, 2));
    wire::CreatePartitionsRequest request;
    request.timeout_ms = 3000;
    request.topics.push_back({topic.name, topic.partitions_asked, std::nullopt});
    bool in_doubt = false;
    for (;;) {
        auto answer = co_await admin_link_.call<wire::CreatePartitionsResponse>(request, 3);
        if (answer) {
            const auto& grown = answer->message.results.at(0);
            if (grown.error_code == ErrorCode::none ||
                (grown.error_code == ErrorCode::invalid_partitions && in_doubt)) {
                world_.event("topic {} has {} partitions", topic.name, topic.partitions_asked);
                topic.partitions = topic.partitions_asked;
                co_return;
            }
            if (!may_pass(grown.error_code) && grown.error_code != ErrorCode::unknown_topic_or_partition)
                judge_.accuse("topic {} could not grow: {} {}", topic.name, grown.error_code,
                              grown.error_message.value_or(""));
        }
        if (!judge_.content()) co_return;
        in_doubt = true;
        if (!answer) doubtful_names_.insert(topic.name);
        co_await pause(admin_random_, 300);
    }
}

Task<void> Workload::delete_topic(base::Uuid id) {
    Topic& topic = judge_.topic(id);
    topic.deletion_asked = true;
    wire::DeleteTopicsRequest request;
    request.timeout_ms = 3000;
    wire::DeleteTopicsRequest::Topic one;
    one.topic_id = id;
    request.topics.push_back(one);
    bool in_doubt = false;
    for (;;) {
        auto answer = co_await admin_link_.call<wire::DeleteTopicsResponse>(request, 6);
        if (answer) {
            const ErrorCode code = answer->message.responses.at(0).error_code;
            if (code == ErrorCode::none || (code == ErrorCode::unknown_topic_id && in_doubt)) {
                world_.event("topic {} {} is deleted", topic.name, id.to_string());
                topic.deleted = true;
                if (!doubtful_names_.contains(topic.name)) free_names_.push_back(topic.name);
                co_return;
            }
            if (!may_pass(code) && code != ErrorCode::unknown_topic_id)
                judge_.accuse("topic {} could not be deleted: {}", topic.name, code);
        }
        if (!judge_.content()) co_return;
        in_doubt = true;
        co_await pause(admin_random_, 300);
    }
}

Task<void> Workload::configure_topic(base::Uuid id) {
    const Topic& topic = judge_.topic(id);
    const auto [key, value] = choose_config(admin_random_, !topic.keeps_all);
    judge_.config_asked(id, key, value);
    wire::IncrementalAlterConfigsRequest request;
    auto& resource = request.resources.emplace_back();
    resource.resource_type = 2;
    resource.resource_name = topic.name;
    resource.configs.push_back({key, 0, value});
    bool in_doubt = false;
    for (;;) {
        auto answer = co_await admin_link_.call<wire::IncrementalAlterConfigsResponse>(request, 1);
        if (answer) {
            const auto& set = answer->message.responses.at(0);
            if (set.error_code == ErrorCode::none) {
                world_.event("topic {}: {}={}", topic.name, key, value);
                judge_.config_acknowledged(id, key, value, in_doubt);
                co_return;
            }
            if (!may_pass(set.error_code) && set.error_code != ErrorCode::unknown_topic_or_partition)
                judge_.accuse("{} of topic {} was refused: {} {}", key, topic.name, set.error_code,
                              set.error_message.value_or(""));
        }
        if (!judge_.content()) co_return;
        if (!answer) {
            in_doubt = true;
            doubtful_names_.insert(topic.name);
        }
        co_await pause(admin_random_, 300);
    }
}

/// Once: whether it happens when the answer is lost, is open.
Task<void> Workload::delete_records(Place place) {
    const std::int64_t start = judge_.log_start(place), end = judge_.high_watermark(place);
    if (end <= start) co_return;
    const std::int64_t before =
        start + static_cast<std::int64_t>(admin_random_.below(static_cast<std::uint64_t>(end - start))) / 2 + 1;
    judge_.deletion_asked(place, before);
    wire::DeleteRecordsRequest request;
    request.timeout_ms = 3000;
    auto& topic = request.topics.emplace_back();
    topic.name = judge_.topic(place.topic).name;
    topic.partitions.push_back({{place.partition}, {before}});
    auto answer = co_await admin_link_.call<wire::DeleteRecordsResponse>(request, 2);
    if (!answer) {
        doubtful_names_.insert(topic.name);
        co_return;
    }
    const auto& done = answer->message.topics.at(0).partitions.at(0);
    if (done.error_code == ErrorCode::none) {
        if (done.low_watermark.value < before)
            judge_.accuse("{}: deleted before {}, and the log starts at {}", place.to_string(), before,
                          done.low_watermark);
        judge_.deletion_acknowledged(place, done.low_watermark.value);
    }
}

}  // namespace klog::sim
