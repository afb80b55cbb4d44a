// SPDX-License-Identifier: Apache-2.0
#include "core/client/cluster.h"

#include <algorithm>

#include "core/client/errors.h"
#include "core/wire/messages/03_metadata.h"

namespace klog::client {

using base::Errc;
using base::fail;
using base::NodeId;
using base::PartitionId;
using base::Result;
using runtime::Task;
using wire::ErrorCode;

namespace {

// A broker that wants a login closes the connection of who has none at the first request but ApiVersions. One that
// stops does so too, but not so often.
constexpr int shut_out_max = 4;

}  // namespace

/// The place of one connection: whoever comes while it is being opened waits for the same one.
struct Cluster::Slot {
    std::shared_ptr<Connection> connection;
    bool opening = false;
    runtime::Signal opened;
};

std::chrono::nanoseconds Backoff::next(base::Random& random) {
    const auto pause = static_cast<double>(next_ms_) * (0.8 + 0.4 * random.unit());
    next_ms_ = std::min(next_ms_ * 2, max_ms_);
    return std::chrono::nanoseconds(static_cast<std::int64_t>(pause * 1e6));
}

Cluster::Cluster(runtime::Runtime& runtime, net::Network& network, Config config, base::Random random)
    : runtime_(runtime),
      network_(network),
      config_(std::move(config)),
      random_(random),
      scope_(std::make_unique<runtime::Scope>()),
      bootstrap_done_(std::make_unique<runtime::Signal>()),
      refreshed_(std::make_unique<runtime::Signal>()) {}

Cluster::~Cluster() = default;

Task<void> Cluster::close() {
    closed_ = true;
    for (const auto& [key, slot] : slots_)
        if (slot->connection) slot->connection->close();
    if (bootstrapped_) bootstrapped_->close();
    for (const auto& other : others_)
        if (const auto connection = other.lock()) connection->close();
    slots_.clear();
    bootstrapped_.reset();
    co_await scope_->join();
}

TopicPtr Cluster::known(const std::string& name) const {
    const auto found = topics_.find(name);
    return found == topics_.end() ? nullptr : found->second;
}

const std::string* Cluster::name_of(const base::Uuid& id) const {
    const auto found = names_.find(id);
    return found == names_.end() ? nullptr : &found->second;
}

Task<Result<std::shared_ptr<Connection>>> Cluster::open(net::Address address, bool* refused) {
    if (closed_) co_return fail(Errc::closed, "the client is closed");
    co_return co_await Connection::open(*scope_, network_, runtime_.pool(), std::move(address), config_, refused);
}

Task<Result<std::shared_ptr<Connection>>> Cluster::connection(NodeId broker, Lane lane) {
    const auto key = std::pair(broker, lane);
    auto& place = slots_[key];
    if (!place) place = std::make_shared<Slot>();
    const std::shared_ptr<Slot> slot = place;
    while (slot->opening) co_await slot->opened.wait();
    if (slot->connection && slot->connection->is_open()) co_return slot->connection;
    const auto known = brokers_.find(broker);
    if (known == brokers_.end())
        co_return fail(Errc::not_found, "broker {} is not known (BROKER_NOT_AVAILABLE)", broker);
    // The bootstrap connection is as good as a new one when it leads to the same place.
    if (lane == Lane::general && bootstrapped_ && bootstrapped_->is_open() &&
        bootstrapped_->address() == known->second.address) {
        slot->connection = bootstrapped_;
        co_return slot->connection;
    }
    slot->opening = true;
    auto opened = co_await open(known->second.address);
    slot->opening = false;
    slot->opened.notify_all();
    if (!opened) co_return std::unexpected(std::move(opened).error());
    slot->connection = *opened;
    co_return slot->connection;
}

Task<Result<std::shared_ptr<Connection>>> Cluster::another_connection(NodeId broker) {
    const auto known = brokers_.find(broker);
    if (known == brokers_.end())
        co_return fail(Errc::not_found, "broker {} is not known (BROKER_NOT_AVAILABLE)", broker);
    auto opened = co_await open(known->second.address);
    if (opened) others_.push_back(*opened);
    co_return opened;
}

Task<Result<std::shared_ptr<Connection>>> Cluster::bootstrap() {
    while (bootstrapping_) co_await bootstrap_done_->wait();
    bootstrapping_ = true;
    auto opened = co_await open_bootstrap();
    bootstrapping_ = false;
    bootstrap_done_->notify_all();
    co_return opened;
}

Task<Result<std::shared_ptr<Connection>>> Cluster::open_bootstrap() {
    if (bootstrapped_ && bootstrapped_->is_open()) co_return bootstrapped_;
    std::optional<base::Error> last;
    Backoff backoff(config_);
    const auto give_up = now() + std::chrono::milliseconds(config_.bootstrap_patience_ms);
    for (;;) {
        bool any_refused = false;
        for (const net::Address& address : config_.bootstrap) {
            bool refused = false;
            auto opened = co_await open(address, &refused);
            if (opened) {
                bootstrapped_ = *opened;
                co_return bootstrapped_;
            }
            last = std::move(opened).error();
            any_refused |= refused;
        }
        // Who has seen the cluster before tries again by rules of its own.
        if (!any_refused || !brokers_.empty() || now() >= give_up) break;
        const auto next = std::min(give_up, now() + backoff.next(random_));
        co_await runtime::sleep_until(next);
    }
    if (config_.bootstrap.size() > 1)
        co_return fail(last->code, "none of {} brokers can be reached; the last said: {}", config_.bootstrap.size(),
                       last->message);
    co_return std::unexpected(std::move(*last));
}

Task<Result<std::shared_ptr<Connection>>> Cluster::any_connection() {
    for (const auto& [key, slot] : slots_)
        if (key.second == Lane::general && slot->connection && slot->connection->is_open()) co_return slot->connection;
    if (bootstrapped_ && bootstrapped_->is_open()) co_return bootstrapped_;
    // Those that the cluster named, in an order of our own, then the bootstrap list.
    std::vector<NodeId> ids;
    for (const auto& [id, broker] : brokers_) ids.push_back(id);
    for (std::size_t i = ids.size(); i > 1; --i) std::swap(ids[i - 1], ids[random_.below(i)]);
    for (const NodeId id : ids)
        if (auto opened = co_await connection(id)) co_return *opened;
    co_return co_await bootstrap();
}

Task<Result<std::shared_ptr<Connection>>> Cluster::controller_connection() {
    std::vector<std::string> no_topics;
    if (brokers_.empty() || controller_doubted_) KLOG_CO_TRY_VOID(co_await ask(std::move(no_topics), false));
    controller_doubted_ = false;
    if (brokers_.contains(controller_)) co_return co_await connection(controller_);
    co_return co_await any_connection();
}

namespace {

TopicPtr to_topic_info(wire::MetadataResponse::Topic& topic, base::MonotonicTime now) {
    auto info = std::make_shared<TopicInfo>();
    info->learned = now;
    info->name = topic.name.value_or("");
    info->id = topic.topic_id;
    info->internal = topic.is_internal;
    info->error = topic.error_code;
    std::sort(topic.partitions.begin(), topic.partitions.end(),
              [](const auto& a, const auto& b) { return a.partition_index < b.partition_index; });
    for (auto& partition : topic.partitions) {
        // Numbers are dense; a partition that the broker left out has no leader that we know.
        while (std::cmp_less(info->partitions.size(), partition.partition_index.value) &&
               info->partitions.size() < topic.partitions.size())
            info->partitions.push_back({PartitionId{static_cast<std::int32_t>(info->partitions.size())},
                                        base::no_node,
                                        {},
                                        ErrorCode::leader_not_available,
                                        {},
                                        {},
                                        {}});
        if (std::cmp_not_equal(info->partitions.size(), partition.partition_index.value)) continue;
        if (partition.leader_id.value >= 0) info->available.push_back(partition.partition_index);
        info->partitions.push_back({partition.partition_index, partition.leader_id, partition.leader_epoch,
                                    partition.error_code, std::move(partition.replica_nodes),
                                    std::move(partition.isr_nodes), std::move(partition.offline_replicas)});
    }
    return info;
}

}  // namespace

Task<Result<std::vector<TopicPtr>>> Cluster::ask(std::optional<std::vector<std::string>> names, bool create) {
    Backoff backoff(config_);
    const auto give_up = now() + std::chrono::milliseconds(config_.metadata_timeout_ms);
    for (int shut_out = 0;;) {
        KLOG_CO_TRY(const auto connection, co_await any_connection());
        KLOG_CO_TRY(const wire::Version version, connection->version_for<wire::MetadataRequest>());
        wire::MetadataRequest request;
        request.allow_auto_topic_creation = create;
        if (names) {
            request.topics.emplace();
            for (const auto& name : *names) request.topics->push_back({{}, name});
        }
        auto answer = co_await connection->call<wire::MetadataResponse>(std::move(request), version);
        if (!answer) {
            const base::Error why = std::move(answer).error();
            const bool may_want_login = why.code == Errc::closed && !connection->has_served() && !config_.security.sasl;
            if (may_want_login && ++shut_out >= shut_out_max)
                co_return fail(Errc::connect_failed, "{}; if it wants a login, set security.protocol to {}",
                               why.message, config_.security.tls ? "SASL_SSL" : "SASL_PLAINTEXT");
            if (closed_ || now() >= give_up || why.code == Errc::authentication_failed) co_return std::unexpected(why);
            co_await runtime::sleep_until(now() + backoff.next(random_));
            continue;
        }
        wire::MetadataResponse& message = answer->message;
        if (message.error_code != ErrorCode::none) co_return std::unexpected(kafka_error(message.error_code));
        if (!message.brokers.empty()) brokers_.clear();
        for (const auto& broker : message.brokers)
            brokers_[broker.node_id] = {
                broker.node_id, {broker.host, static_cast<std::uint16_t>(broker.port)}, broker.rack.value_or("")};
        controller_ = message.controller_id;
        if (message.cluster_id) cluster_id_ = *message.cluster_id;
        std::vector<TopicPtr> topics;
        for (auto& topic : message.topics) {
            TopicPtr info = to_topic_info(topic, now());
            if (info->error == ErrorCode::none) {
                topics_[info->name] = info;
                if (!info->id.is_zero()) names_[info->id] = info->name;
            } else if (info->error == ErrorCode::unknown_topic_or_partition) {
                topics_.erase(info->name);
            }
            topics.push_back(std::move(info));
        }
        co_return topics;
    }
}

Task<Result<std::vector<TopicPtr>>> Cluster::all_topics() { co_return co_await ask(std::nullopt, false); }

Task<Result<std::vector<TopicPtr>>> Cluster::look_up(std::vector<std::string> names, bool create) {
    co_return co_await ask(std::move(names), create);
}

Task<Result<TopicPtr>> Cluster::topic(std::string name, Expect expect) {
    if (const TopicPtr info = known(name); info && !info->available.empty() && !doubted_.contains(name)) co_return info;
    Backoff backoff(config_);
    const auto give_up = now() + std::chrono::milliseconds(config_.metadata_timeout_ms);
    for (;;) {
        std::vector<std::string> names{name};
        KLOG_CO_TRY(const auto topics, co_await ask(std::move(names), false));
        const TopicPtr info = topics.empty() ? nullptr : topics.front();
        ErrorCode error = info ? info->error : ErrorCode::unknown_topic_or_partition;
        if (error == ErrorCode::none && info->available.empty()) error = ErrorCode::leader_not_available;
        if (error == ErrorCode::none) {
            doubted_.erase(name);
            co_return info;
        }
        const bool missing = error == ErrorCode::unknown_topic_or_partition;
        if (!wire::is_retriable(error) || (missing && expect == Expect::exists) || now() >= give_up) {
            if (missing) co_return fail(Errc::not_found, "there is no such topic (UNKNOWN_TOPIC_OR_PARTITION)");
            co_return std::unexpected(kafka_error(error));
        }
        co_await runtime::sleep_until(now() + backoff.next(random_));
    }
}

Task<Result<>> Cluster::refresh_doubted() {
    if (refreshing_) {
        while (refreshing_) co_await refreshed_->wait();
        co_return Result<>{};
    }
    if (doubted_.empty()) co_return Result<>{};
    refreshing_ = true;
    std::vector<std::string> names(doubted_.begin(), doubted_.end());
    const auto topics = co_await ask(std::move(names), false);
    if (topics) {
        for (const TopicPtr& info : *topics)
            if (info->error == ErrorCode::none) doubted_.erase(info->name);
    }
    refreshing_ = false;
    refreshed_->notify_all();
    if (!topics) co_return std::unexpected(topics.error());
    co_return Result<>{};
}

bool Cluster::learn_leader(const std::string& topic, PartitionId partition, NodeId leader, base::LeaderEpoch epoch) {
    const TopicPtr before = known(topic);
    const PartitionInfo* info = before ? before->find(partition) : nullptr;
    if (info == nullptr || epoch <= info->leader_epoch || leader.value < 0 || !brokers_.contains(leader)) return false;
    auto after = std::make_shared<TopicInfo>(*before);
    PartitionInfo& changed = after->partitions[static_cast<std::size_t>(partition.value)];
    changed.leader = leader;
    changed.leader_epoch = epoch;
    if (std::find(after->available.begin(), after->available.end(), partition) == after->available.end())
        after->available.push_back(partition);
    topics_[topic] = std::move(after);
    return true;
}

}  // namespace klog::client
