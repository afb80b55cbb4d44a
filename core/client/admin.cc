// SPDX-License-Identifier: Apache-2.0
#include "core/client/admin.h"

#include <algorithm>

#include "core/client/errors.h"
#include "core/wire/messages/19_create_topics.h"
#include "core/wire/messages/20_delete_topics.h"
#include "core/wire/messages/21_delete_records.h"
#include "core/wire/messages/32_describe_configs.h"
#include "core/wire/messages/35_describe_log_dirs.h"
#include "core/wire/messages/37_create_partitions.h"
#include "core/wire/messages/44_incremental_alter_configs.h"

namespace klog::client {

using base::Errc;
using base::fail;
using base::Result;
using runtime::Task;
using wire::ErrorCode;

namespace {

constexpr int controller_attempts_max = 10;

std::int32_t timeout_of(const Cluster& cluster) {
    return static_cast<std::int32_t>(cluster.config().request_timeout_ms);
}

std::optional<base::Error> error_of(ErrorCode code, const std::optional<std::string>& words) {
    if (code == ErrorCode::none) return std::nullopt;
    return kafka_error(code, {}, words);
}

/// Asks the controller; when it turns out to be another one by now, that one. `codes` gives the codes of an answer.
template <class Response, class Request, class Codes>
Task<Result<Response>> ask_controller(Cluster& cluster, Request request, Codes codes) {
    Backoff backoff(cluster.config());
    for (int attempt = 1;; ++attempt) {
        KLOG_CO_TRY(const auto connection, co_await cluster.controller_connection());
        KLOG_CO_TRY(const wire::Version version, connection->template version_for<Request>());
        Request copy = request;
        KLOG_CO_TRY(auto answer, co_await connection->template call<Response>(std::move(copy), version));
        const std::vector<ErrorCode> all = codes(answer.message);
        const bool moved = std::find(all.begin(), all.end(), ErrorCode::not_controller) != all.end();
        if (!moved || attempt == controller_attempts_max) co_return std::move(answer.message);
        cluster.doubt_controller();
        const auto pause = cluster.now() + backoff.next(cluster.random());
        co_await runtime::sleep_until(pause);
    }
}

template <class Items>
std::vector<ErrorCode> codes_in(const Items& items) {
    std::vector<ErrorCode> codes;
    for (const auto& item : items) codes.push_back(item.error_code);
    return codes;
}

}  // namespace

Task<ItemResults> create_topics(Cluster& cluster, std::vector<NewTopic> topics, bool validate_only) {
    wire::CreateTopicsRequest request;
    request.timeout_ms = timeout_of(cluster);
    request.validate_only = validate_only;
    for (NewTopic& topic : topics) {
        wire::CreateTopicsRequest::Topic wanted;
        wanted.name = std::move(topic.name);
        wanted.num_partitions = topic.partitions;
        wanted.replication_factor = topic.replication;
        for (auto& [name, value] : topic.configs) wanted.configs.push_back({std::move(name), std::move(value)});
        request.topics.push_back(std::move(wanted));
    }
    auto asked = ask_controller<wire::CreateTopicsResponse>(cluster, std::move(request),
                                                            [](const auto& r) { return codes_in(r.topics); });
    KLOG_CO_TRY(const auto response, co_await std::move(asked));
    std::vector<ItemResult> results;
    for (const auto& topic : response.topics)
        results.push_back({topic.name, error_of(topic.error_code, topic.error_message)});
    co_return results;
}

Task<ItemResults> delete_topics(Cluster& cluster, std::vector<std::string> names) {
    wire::DeleteTopicsRequest request;
    request.timeout_ms = timeout_of(cluster);
    // Named once in each of both ways; the version decides which of them travels.
    KLOG_CO_TRY(const auto connection, co_await cluster.controller_connection());
    KLOG_CO_TRY(const wire::Version version, connection->version_for<wire::DeleteTopicsRequest>());
    for (std::string& name : names) {
        if (version >= 6)
            request.topics.push_back({std::move(name), {}});
        else
            request.topic_names.push_back(std::move(name));
    }
    auto asked = ask_controller<wire::DeleteTopicsResponse>(cluster, std::move(request),
                                                            [](const auto& r) { return codes_in(r.responses); });
    KLOG_CO_TRY(const auto response, co_await std::move(asked));
    std::vector<ItemResult> results;
    for (const auto& topic : response.responses)
        results.push_back({topic.name.value_or(""), error_of(topic.error_code, topic.error_message)});
    co_return results;
}

Task<ItemResults> create_partitions(Cluster& cluster, std::string topic, std::int32_t count, bool validate_only) {
    wire::CreatePartitionsRequest request;
    request.timeout_ms = timeout_of(cluster);
    request.validate_only = validate_only;
    request.topics.push_back({std::move(topic), count, std::nullopt});
    auto asked = ask_controller<wire::CreatePartitionsResponse>(cluster, std::move(request),
                                                                [](const auto& r) { return codes_in(r.results); });
    KLOG_CO_TRY(const auto response, co_await std::move(asked));
    std::vector<ItemResult> results;
    for (const auto& one : response.results) results.push_back({one.name, error_of(one.error_code, one.error_message)});
    co_return results;
}

Task<Result<std::vector<DescribedConfigs>>> describe_configs(Cluster& cluster, ConfigResource kind,
                                                             std::vector<std::string> names, bool documentation) {
    wire::DescribeConfigsRequest request;
    for (std::string& name : names)
        request.resources.push_back({static_cast<std::int8_t>(kind), std::move(name), std::nullopt});
    KLOG_CO_TRY(const auto connection, co_await cluster.any_connection());
    KLOG_CO_TRY(const wire::Version version, connection->version_for<wire::DescribeConfigsRequest>());
    request.include_documentation = documentation && version >= 3;
    KLOG_CO_TRY(auto answer, co_await connection->call<wire::DescribeConfigsResponse>(std::move(request), version));
    std::vector<DescribedConfigs> described;
    for (auto& resource : answer.message.results) {
        DescribedConfigs one{resource.resource_name, error_of(resource.error_code, resource.error_message), {}};
        for (auto& config : resource.configs) {
            const bool is_default = version == 0 ? config.is_default : config.config_source == 5;
            one.entries.push_back({config.name, config.value, config.read_only, is_default, config.is_sensitive,
                                   config.config_source, config.documentation.value_or("")});
        }
        described.push_back(std::move(one));
    }
    co_return described;
}

Task<ItemResults> alter_configs(Cluster& cluster, ConfigResource kind, std::vector<std::string> names,
                                std::vector<ConfigChange> changes, bool validate_only) {
    wire::IncrementalAlterConfigsRequest request;
    request.validate_only = validate_only;
    for (std::string& name : names) {
        wire::IncrementalAlterConfigsRequest::Resource resource;
        resource.resource_type = static_cast<std::int8_t>(kind);
        resource.resource_name = std::move(name);
        for (const ConfigChange& change : changes)
            resource.configs.push_back({change.name, static_cast<std::int8_t>(change.operation), change.value});
        request.resources.push_back(std::move(resource));
    }
    auto asked = ask_controller<wire::IncrementalAlterConfigsResponse>(
        cluster, std::move(request), [](const auto& r) { return codes_in(r.responses); });
    KLOG_CO_TRY(const auto response, co_await std::move(asked));
    std::vector<ItemResult> results;
    for (const auto& one : response.responses)
        results.push_back({one.resource_name, error_of(one.error_code, one.error_message)});
    co_return results;
}

Task<Result<std::vector<Trimmed>>> delete_records(Cluster& cluster, std::string topic, std::vector<TrimPoint> points) {
    KLOG_CO_TRY(const TopicPtr info, co_await cluster.topic(topic));
    std::map<base::NodeId, std::vector<TrimPoint>> by_leader;
    std::vector<Trimmed> trimmed;
    for (const TrimPoint& point : points) {
        const PartitionInfo* partition = info->find(point.partition);
        if (partition == nullptr || partition->leader.value < 0) {
            const ErrorCode code = partition ? ErrorCode::leader_not_available : ErrorCode::unknown_topic_or_partition;
            trimmed.push_back({point.partition, base::Offset{-1}, kafka_error(code)});
        } else {
            by_leader[partition->leader].push_back(point);
        }
    }
    for (const auto& [leader, mine] : by_leader) {
        KLOG_CO_TRY(const auto connection, co_await cluster.connection(leader));
        KLOG_CO_TRY(const wire::Version version, connection->version_for<wire::DeleteRecordsRequest>());
        wire::DeleteRecordsRequest request;
        request.timeout_ms = timeout_of(cluster);
        request.topics.push_back({topic, {}});
        for (const TrimPoint& point : mine) request.topics[0].partitions.push_back({point.partition, point.before});
        KLOG_CO_TRY(const auto answer,
                    co_await connection->call<wire::DeleteRecordsResponse>(std::move(request), version));
        for (const auto& each : answer.message.topics)
            for (const auto& partition : each.partitions)
                trimmed.push_back(
                    {partition.partition_index, partition.low_watermark, error_of(partition.error_code, std::nullopt)});
    }
    std::sort(trimmed.begin(), trimmed.end(),
              [](const Trimmed& a, const Trimmed& b) { return a.partition < b.partition; });
    co_return trimmed;
}

Task<Result<LogDirectories>> describe_log_dirs(Cluster& cluster) {
    if (cluster.brokers().empty()) KLOG_CO_TRY_VOID(co_await cluster.look_up({}));
    LogDirectories all;
    std::vector<base::NodeId> brokers;
    for (const auto& [id, broker] : cluster.brokers()) brokers.push_back(id);
    for (const base::NodeId broker : brokers) {
        const auto connection = co_await cluster.connection(broker);
        if (!connection) {
            all.directories.push_back({broker, {}, connection.error()});
            continue;
        }
        KLOG_CO_TRY(const wire::Version version, (*connection)->version_for<wire::DescribeLogDirsRequest>());
        wire::DescribeLogDirsRequest request;
        KLOG_CO_TRY(const auto answer,
                    co_await (*connection)->call<wire::DescribeLogDirsResponse>(std::move(request), version));
        if (answer.message.error_code != ErrorCode::none)
            co_return std::unexpected(kafka_error(answer.message.error_code));
        for (const auto& directory : answer.message.results) {
            all.directories.push_back({broker, directory.log_dir, error_of(directory.error_code, std::nullopt),
                                       directory.total_bytes, directory.usable_bytes});
            for (const auto& topic : directory.topics)
                for (const auto& partition : topic.partitions)
                    if (!partition.is_future_key)
                        all.replicas.push_back({broker,
                                                directory.log_dir,
                                                {topic.name, partition.partition_index},
                                                partition.partition_size});
        }
    }
    co_return all;
}

}  // namespace klog::client
