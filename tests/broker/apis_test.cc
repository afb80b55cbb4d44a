// SPDX-License-Identifier: Apache-2.0
// All APIs in all versions, and what single ones promise.
#include <doctest/doctest.h>

#include "tests/broker/one_broker.h"

using namespace klog;
using namespace klog::broker_test;

namespace {

/// All error codes that are set anywhere in a message.
struct ErrorsIn {
    std::vector<ErrorCode> found;

    template <class T>
    void look(const T& value) {
        if constexpr (std::is_same_v<T, ErrorCode>) {
            if (value != ErrorCode::none) found.push_back(value);
        } else if constexpr (requires { T::wire(Field<T>{*this, value}); }) {
            T::wire(Field<T>{*this, value});
        }
    }
    template <class T>
    void look(const std::vector<T>& values) {
        for (const auto& value : values) look(value);
    }
    template <class T>
    void look(const std::optional<T>& value) {
        if (value) look(*value);
    }

    template <class T>
    struct Field {
        ErrorsIn& errors;
        const T& message;
        template <class M>
        void operator()(const char*, M T::* member, wire::In = {}) const {
            errors.look(message.*member);
        }
        template <class M>
        void tagged(std::uint32_t, const char*, M T::* member, wire::In = {}) const {
            errors.look(message.*member);
        }
    };
};

template <class Response>
std::vector<ErrorCode> errors_in(const Response& response) {
    ErrorsIn errors;
    errors.look(response);
    return errors.found;
}

/// Nobody may do anything.
class DenyAll final : public security::Authorizer {
public:
    bool authorize(const security::Identity&, wire::AclOperation, security::Resource) const override { return false; }
};

/// What a request of everything in fill() is answered by a broker that allows everything.
std::vector<ErrorCode> expected_errors(wire::ApiKey key) {
    switch (key) {
        case wire::ApiKey::find_coordinator: return {ErrorCode::coordinator_not_available};
        case wire::ApiKey::create_topics: return {ErrorCode::topic_already_exists};
        case wire::ApiKey::delete_topics: return {ErrorCode::unknown_topic_or_partition};
        default: return {};
    }
}

/// The same by one that allows nothing.
std::vector<ErrorCode> expected_refusals(wire::ApiKey key, wire::Version version) {
    using enum ErrorCode;
    switch (key) {
        case wire::ApiKey::api_versions:
        case wire::ApiKey::describe_cluster: return {};
        case wire::ApiKey::find_coordinator: return {group_authorization_failed};
        case wire::ApiKey::create_topics: return {topic_authorization_failed, topic_authorization_failed};
        // Who may not even know of a topic is told that it is not there.
        case wire::ApiKey::delete_topics: return {unknown_topic_or_partition, unknown_topic_or_partition};
        case wire::ApiKey::init_producer_id: return {cluster_authorization_failed};
        case wire::ApiKey::describe_log_dirs:
            if (version < 3) return {};  // It has no field for it, and names no directory.
            return {cluster_authorization_failed};
        case wire::ApiKey::describe_configs: return {topic_authorization_failed, cluster_authorization_failed};
        default: return {topic_authorization_failed};
    }
}

/// Something to ask about in requests that have it.
template <class Request>
void fill(Request&, wire::Version) {}
void fill(wire::MetadataRequest& request, wire::Version version) {
    request.topics.emplace().push_back({{}, "t"});
    request.include_topic_authorized_operations = version >= 8;
    request.include_cluster_authorized_operations = version >= 8 && version <= 10;
}
void fill(wire::ListOffsetsRequest& request, wire::Version) {
    request.replica_id = base::no_node;
    request.topics.push_back({"t", {{.partition_index = base::PartitionId{0}, .timestamp = -1}}});
}
base::Uuid id_of_t;  // For versions that name topics by id.
void fill(wire::FetchRequest& request, wire::Version version) {
    request = fetch_of(version < 13 ? "t" : "", 0, 0);
    if (version >= 13) request.topics[0].topic_id = id_of_t;
}
void fill(wire::FindCoordinatorRequest& request, wire::Version version) {
    if (version < 4)
        request.key = "g";
    else
        request.coordinator_keys = {"g"};
}
void learn_id_of_t(Talk& talk) {
    wire::MetadataRequest request;
    request.topics.emplace().push_back({{}, "t"});
    id_of_t = talk.ask<wire::MetadataResponse>(request, 12).topics.at(0).topic_id;
}
void fill(wire::DescribeConfigsRequest& request, wire::Version version) {
    request.resources.push_back({2, "t", std::nullopt});
    request.resources.push_back({4, "1", std::nullopt});
    request.include_synonyms = true;
    request.include_documentation = version >= 3;
}
void fill(wire::CreateTopicsRequest& request, wire::Version version) {
    request.topics.push_back({.name = "v" + std::to_string(version), .num_partitions = 1, .replication_factor = 1});
    request.topics.push_back({.name = "t", .num_partitions = 1, .replication_factor = 1});
}
void fill(wire::DeleteTopicsRequest& request, wire::Version version) {
    if (version < 6)
        request.topic_names = {"v" + std::to_string(version + 1), "none"};
    else
        request.topics = {{"v7", {}}, {"none", {}}};
}
void fill(wire::DeleteRecordsRequest& request, wire::Version) {
    request.topics.push_back({"t", {{base::PartitionId{0}, base::Offset{0}}}});
}
void fill(wire::OffsetForLeaderEpochRequest& request, wire::Version) {
    request.topics.push_back({"t", {{.partition = base::PartitionId{0}, .leader_epoch = base::LeaderEpoch{0}}}});
}
void fill(wire::CreatePartitionsRequest& request, wire::Version version) {
    request.topics.push_back({"t", version + 2, std::nullopt});
}
void fill(wire::AlterConfigsRequest& request, wire::Version) {
    request.resources.push_back({2, "t", {{"retention.ms", "1000000"}}});
}
void fill(wire::IncrementalAlterConfigsRequest& request, wire::Version) {
    request.resources.push_back({2, "t", {{"retention.ms", 0, "2000000"}}});
}
void fill(wire::ApiVersionsRequest& request, wire::Version version) {
    if (version >= 3) request.client_software_name = request.client_software_version = "test";
}
void fill(wire::DescribeTopicPartitionsRequest& request, wire::Version) { request.topics.push_back({"t"}); }

}  // namespace

TEST_CASE("every API that is announced answers in every version that is served") {
    OneBroker world;
    world.create("t");
    const auto talk = world.connect();
    talk->ask<wire::ProduceResponse>(produce_of("t", 0, batch_of({"x"})), 9);
    learn_id_of_t(*talk);
    for (const wire::ApiRow& row : wire::served_apis()) {
        if (row.audience != wire::ApiAudience::clients || row.key == wire::ApiKey::produce) continue;
        wire::with_api(row.key, [&]<class Api>(Api) {
            for (wire::Version version = row.first; version <= row.last; ++version) {
                typename Api::Request request;
                fill(request, version);
                CAPTURE(row.name);
                CAPTURE(version);
                const auto& response = talk->ask<typename Api::Response>(request, version);
                CHECK(errors_in(response) == expected_errors(row.key));
            }
        });
    }
    CHECK_FALSE(talk->closed());
}

TEST_CASE("a broker asks its authorizer before it serves anything") {
    OneBroker world;
    world.create("t");
    learn_id_of_t(*world.connect());
    world.stop();
    const DenyAll nothing;
    world.authorizer = &nothing;
    world.start();
    const auto talk = world.connect();
    const std::string batch = batch_of({"x"});
    const auto produced = errors_in(talk->ask<wire::ProduceResponse>(produce_of("t", 0, batch), 9));
    CHECK(produced == std::vector{ErrorCode::topic_authorization_failed});
    for (const wire::ApiRow& row : wire::served_apis()) {
        if (row.audience != wire::ApiAudience::clients || row.key == wire::ApiKey::produce) continue;
        wire::with_api(row.key, [&]<class Api>(Api) {
            for (wire::Version version = row.first; version <= row.last; ++version) {
                typename Api::Request request;
                fill(request, version);
                CAPTURE(row.name);
                CAPTURE(version);
                const auto& response = talk->ask<typename Api::Response>(request, version);
                CHECK(errors_in(response) == expected_refusals(row.key, version));
            }
        });
    }
    // Nothing was done either.
    world.stop();
    world.authorizer = nullptr;
    world.start();
    const auto after = world.connect();
    wire::MetadataRequest all;
    const auto& topics = after->ask<wire::MetadataResponse>(all, 12).topics;
    REQUIRE(topics.size() == 1);
    CHECK(topics[0].name == "t");
    CHECK(topics[0].partitions.size() == 1);
    CHECK(only_partition(after->ask<wire::FetchResponse>(fetch_of("t", 0, 0), 12)).high_watermark.value == 0);
}

TEST_CASE("a missing topic is made when it is asked for, and answered ready") {
    OneBroker world;
    const auto talk = world.connect();
    wire::MetadataRequest request;
    request.topics.emplace().push_back({{}, "fresh"});
    const auto& answer = talk->ask<wire::MetadataResponse>(request, 12);
    REQUIRE(answer.topics.size() == 1);
    CHECK(answer.topics[0].error_code == ErrorCode::none);
    REQUIRE(answer.topics[0].partitions.size() == 1);
    CHECK(answer.topics[0].partitions[0].leader_id.value == 1);
    REQUIRE(answer.brokers.size() == 1);
    CHECK(answer.brokers[0].host == "broker");
    CHECK(answer.brokers[0].port == 9092);
    request.topics->at(0).name = "not allowed: blanks";
    CHECK(talk->ask<wire::MetadataResponse>(request, 12).topics.at(0).error_code == ErrorCode::invalid_topic_exception);
    request.topics->at(0).name = "unwanted";
    request.allow_auto_topic_creation = false;
    CHECK(talk->ask<wire::MetadataResponse>(request, 12).topics.at(0).error_code ==
          ErrorCode::unknown_topic_or_partition);
}

TEST_CASE("a name that no topic can have is refused as such, wherever it is asked for") {
    OneBroker world;
    const auto talk = world.connect();
    wire::MetadataRequest metadata;
    metadata.allow_auto_topic_creation = false;
    metadata.topics.emplace().push_back({{}, "a b"});
    CHECK(talk->ask<wire::MetadataResponse>(metadata, 12).topics.at(0).error_code ==
          ErrorCode::invalid_topic_exception);
    wire::DescribeConfigsRequest describe;
    describe.resources.push_back({2, "", std::nullopt});
    CHECK(talk->ask<wire::DescribeConfigsResponse>(describe, 4).results.at(0).error_code ==
          ErrorCode::invalid_topic_exception);
    wire::CreateTopicsRequest create;
    create.topics.push_back({.name = "a/b", .num_partitions = 1, .replication_factor = 1});
    create.topics.push_back({.name = "__cluster_metadata", .num_partitions = 1, .replication_factor = 1});
    create.topics.push_back({.name = "a.b", .num_partitions = 1, .replication_factor = 1});
    const auto& created = talk->ask<wire::CreateTopicsResponse>(create, 7).topics;
    CHECK(created.at(0).error_code == ErrorCode::invalid_topic_exception);
    CHECK(created.at(1).error_code == ErrorCode::invalid_request);
    CHECK(created.at(2).error_code == ErrorCode::none);
    create.topics = {{.name = "a_b", .num_partitions = 1, .replication_factor = 1}};
    CHECK(talk->ask<wire::CreateTopicsResponse>(create, 7).topics.at(0).error_code ==
          ErrorCode::invalid_topic_exception);
}

TEST_CASE("a broker's configuration refuses what cannot change with the code for each reason") {
    OneBroker world;
    const auto talk = world.connect();
    const auto code = [&](const std::string& broker, const std::string& key) {
        wire::IncrementalAlterConfigsRequest request;
        request.resources.push_back({4, broker, {{key, 0, "1000"}}});
        return talk->ask<wire::IncrementalAlterConfigsResponse>(request, 1).responses.at(0).error_code;
    };
    CHECK(code("1", "log.retention.ms") == ErrorCode::none);
    CHECK(code("1", "log.dirs") == ErrorCode::invalid_request);
    CHECK(code("1", "listeners") == ErrorCode::invalid_request);
    CHECK(code("", "replica.fetch.max.bytes") == ErrorCode::invalid_request);
    CHECK(code("1", "log.retention.mz") == ErrorCode::invalid_config);
    CHECK(code("2", "log.retention.ms") == ErrorCode::invalid_request);
}

TEST_CASE("topics are described in pages, and a cursor of another request is refused") {
    OneBroker world;
    world.create("a", 3);
    world.create("b", 2);
    const auto talk = world.connect();
    wire::DescribeTopicPartitionsRequest request;
    request.topics = {{"a"}, {"b"}};
    request.response_partition_limit = 2;
    std::string seen;
    for (int page = 0; page < 3; ++page) {
        const auto& answer = talk->ask<wire::DescribeTopicPartitionsResponse>(request, 0);
        for (const auto& topic : answer.topics)
            for (const auto& partition : topic.partitions)
                seen += fmt::format("{}{} ", *topic.name, partition.partition_index.value);
        REQUIRE(answer.next_cursor.has_value() == (page < 2));
        if (page < 2) request.cursor = {answer.next_cursor->topic_name, answer.next_cursor->partition_index};
    }
    CHECK(seen == "a0 a1 a2 b0 b1 ");
    for (const auto& [topic, partition] : {std::pair("c", 0), std::pair("a", -1)}) {
        request.cursor = {topic, base::PartitionId{partition}};
        const auto& answer = talk->ask<wire::DescribeTopicPartitionsResponse>(request, 0);
        REQUIRE(answer.topics.size() == 2);
        CHECK(answer.topics[0].error_code == ErrorCode::invalid_request);
    }
}

TEST_CASE("an empty transactional id is no id") {
    OneBroker world;
    wire::InitProducerIdRequest request;
    request.transactional_id = "";
    CHECK(world.connect()->ask<wire::InitProducerIdResponse>(request, 4).error_code == ErrorCode::invalid_request);
}

TEST_CASE("what is named twice is refused where Kafka refuses it, every time it is named or once") {
    OneBroker world;
    world.create("t");
    const auto talk = world.connect();
    wire::ListOffsetsRequest offsets;
    offsets.replica_id = base::no_node;
    const wire::ListOffsetsRequest::Partition ask{.partition_index = base::PartitionId{0}, .timestamp = -1};
    offsets.topics.push_back({"t", {ask, ask}});
    const auto& found = talk->ask<wire::ListOffsetsResponse>(offsets, 5).topics.at(0).partitions;
    REQUIRE(found.size() == 2);
    for (const auto& one : found) CHECK(one.error_code == ErrorCode::invalid_request);

    wire::DeleteTopicsRequest removal;
    removal.topics = {{"t", {}}, {"t", {}}};
    const auto& removed = talk->ask<wire::DeleteTopicsResponse>(removal, 6).responses;
    REQUIRE(removed.size() == 1);
    CHECK(removed[0].error_code == ErrorCode::invalid_request);

    wire::CreatePartitionsRequest growth;
    growth.timeout_ms = 10'000;
    growth.topics.resize(2);
    for (auto& topic : growth.topics) topic.name = "t", topic.count = 2;
    const auto grown = talk->ask<wire::CreatePartitionsResponse>(growth, 3).results;
    REQUIRE(grown.size() == 1);
    CHECK(grown[0].error_code == ErrorCode::invalid_request);

    wire::CreateTopicsRequest creation;
    creation.timeout_ms = 10'000;
    creation.topics.resize(3);
    for (auto& topic : creation.topics) topic.name = "new", topic.num_partitions = 1, topic.replication_factor = 1;
    creation.topics[1].name = "other";
    const auto created = talk->ask<wire::CreateTopicsResponse>(creation, 7).topics;
    REQUIRE(created.size() == 2);
    CHECK((created[0].name == "new" && created[0].error_code == ErrorCode::invalid_request));
    CHECK((created[1].name == "other" && created[1].error_code == ErrorCode::none));

    const std::string batch = batch_of({"a", "b", "c"});
    CHECK(only_partition(talk->ask<wire::ProduceResponse>(produce_of("t", 0, batch), 9)).error_code == ErrorCode::none);
    wire::DeleteRecordsRequest trim;
    trim.timeout_ms = 10'000;
    for (const std::int64_t before : {3, 1})
        trim.topics.push_back({"t", {{base::PartitionId{0}, base::Offset{before}}}});
    const auto trimmed = talk->ask<wire::DeleteRecordsResponse>(trim, 2).topics;
    REQUIRE((trimmed.size() == 1 && trimmed[0].partitions.size() == 1));
    CHECK(trimmed[0].partitions[0].low_watermark == base::Offset{1});

    removal.topics.pop_back();
    CHECK(talk->ask<wire::DeleteTopicsResponse>(removal, 6).responses.at(0).error_code == ErrorCode::none);
}
