// SPDX-License-Identifier: Apache-2.0
#include "tests/client/fake_cluster.h"

#include "core/records/record.h"
#include "core/wire/frame.h"

namespace klog::test {

using base::Offset;
using base::PartitionId;
using runtime::Task;
using wire::ErrorCode;

namespace {

constexpr std::uint16_t port = 9092;

std::string host_of(int broker) { return "broker" + std::to_string(broker); }

template <class Request>
Request decode(std::string_view body, wire::Version version) {
    Request request;
    KLOG_CHECK(wire::decode(body, version, request), "the client's requests can be decoded");
    return request;
}

template <class Response>
base::Chain encode(const wire::RequestHeader& header, const Response& response) {
    return wire::encode_frame(wire::ResponseHeader{header.correlation_id}, header.api_version, response);
}

wire::ApiVersionsResponse api_versions() {
    wire::ApiVersionsResponse response;
    for (const auto& [key, first, last] :
         {std::tuple(0, 3, 13), {1, 4, 17}, {2, 1, 10}, {3, 0, 13}, {18, 0, 4}, {22, 0, 5}})
        response.api_keys.push_back(
            {static_cast<std::int16_t>(key), static_cast<std::int16_t>(first), static_cast<std::int16_t>(last)});
    return response;
}

}  // namespace

FakeCluster::FakeCluster(net::MemoryNetwork& network, int brokers, int partitions)
    : network_(network), brokers_(brokers), partitions_(static_cast<std::size_t>(partitions)) {
    topic_id_.octets[0] = 9;
    for (int i = 0; i < partitions; ++i) partitions_[static_cast<std::size_t>(i)].leader = i % brokers;
}

Task<void> FakeCluster::start() {
    for (int broker = 0; broker < brokers_; ++broker) {
        net::Address address{host_of(broker), port};
        auto listener = network_.host(host_of(broker)).listen(address, []() -> runtime::Shard& {
            return *runtime::Shard::current();
        });
        KLOG_CHECK(listener.has_value());
        scope_.spawn(accept(broker, std::move(*listener)));
    }
    co_return;
}

void FakeCluster::move_leader(int partition, int broker) {
    Partition& moved = partitions_[static_cast<std::size_t>(partition)];
    moved.leader = broker;
    ++moved.epoch;
}

void FakeCluster::add_partition(int broker) {
    partitions_.emplace_back();
    partitions_.back().leader = broker;
}

std::vector<std::string> FakeCluster::values(int partition) const {
    std::vector<std::string> values;
    for (const std::string& bytes : partitions_[static_cast<std::size_t>(partition)].batches) {
        const auto batch = records::BatchView::parse(bytes);
        std::string scratch;
        auto reader = records::read_records(*batch, scratch, 1 << 26);
        records::Record record;
        while (reader->next(record).value()) values.emplace_back(*record.value);
    }
    return values;
}

Task<void> FakeCluster::accept(int broker, std::unique_ptr<net::Listener> listener) {
    for (;;) {
        auto stream = co_await listener->accept();
        if (!stream) co_return;
        scope_.spawn(serve(broker, std::move(*stream)));
    }
}

Task<void> FakeCluster::serve(int broker, std::unique_ptr<net::Stream> stream) {
    net::FrameReader reader(*stream, net::FrameLimits{});
    for (;;) {
        const auto frames = co_await reader.next();
        if (!frames || frames->empty()) co_return;
        std::vector<base::SharedBytes> taken(frames->begin(), frames->end());
        for (const base::SharedBytes& frame : taken) {
            base::Chain chain = answer(broker, frame.view);
            if (chain.empty()) continue;
            if (!co_await stream->send(std::move(chain))) co_return;
        }
    }
}

base::Chain FakeCluster::answer(int broker, std::string_view frame) {
    const auto peeked = wire::peek_request_header(frame);
    KLOG_CHECK(peeked.has_value());
    const wire::Version version = peeked->api_version;
    const bool flexible = (peeked->api_key == 0 && version >= 9) || (peeked->api_key == 1 && version >= 12) ||
                          (peeked->api_key == 2 && version >= 6) || (peeked->api_key == 3 && version >= 9) ||
                          (peeked->api_key == 18 && version >= 3) || (peeked->api_key == 22 && version >= 2);
    wire::RequestHeader header;
    std::string_view body;
    KLOG_CHECK(wire::decode_header(frame, wire::request_header_version(flexible), header, body));
    switch (header.api_key) {
        case 0: {
            const auto request = decode<wire::ProduceRequest>(body, version);
            const auto response = produce(broker, request);
            return request.acks == 0 ? base::Chain() : encode(header, response);
        }
        case 1: return encode(header, fetch(broker, decode<wire::FetchRequest>(body, version)));
        case 2: {
            wire::ListOffsetsResponse response;
            for (const auto& topic : decode<wire::ListOffsetsRequest>(body, version).topics) {
                response.topics.push_back({topic.name, {}});
                for (const auto& question : topic.partitions) {
                    const Partition& partition = partitions_[static_cast<std::size_t>(question.partition_index.value)];
                    wire::ListOffsetsResponse::Partition one;
                    one.partition_index = question.partition_index;
                    one.error_code = partition.leader == broker ? ErrorCode::none : ErrorCode::not_leader_or_follower;
                    one.offset = Offset{question.timestamp == -1 ? partition.end : 0};
                    response.topics.back().partitions.push_back(one);
                }
            }
            return encode(header, response);
        }
        case 3: return encode(header, metadata());
        case 18: return encode(header, api_versions());
        default: {
            wire::InitProducerIdResponse response;
            response.producer_id = base::ProducerId{next_producer_++};
            response.producer_epoch = base::ProducerEpoch{0};
            return encode(header, response);
        }
    }
}

wire::MetadataResponse FakeCluster::metadata() const {
    wire::MetadataResponse response;
    for (int broker = 0; broker < brokers_; ++broker)
        response.brokers.push_back({base::NodeId{broker}, host_of(broker), port, std::nullopt});
    response.controller_id = base::NodeId{0};
    wire::MetadataResponse::Topic topic;
    topic.name = "t";
    topic.topic_id = topic_id_;
    for (std::size_t i = 0; i < partitions_.size(); ++i) {
        wire::MetadataResponse::Partition partition;
        partition.partition_index = PartitionId{static_cast<std::int32_t>(i)};
        partition.leader_id = base::NodeId{partitions_[i].leader};
        partition.leader_epoch = base::LeaderEpoch{partitions_[i].epoch};
        topic.partitions.push_back(partition);
    }
    response.topics.push_back(std::move(topic));
    return response;
}

ErrorCode FakeCluster::append(Partition& partition, std::string_view bytes, Offset& base) {
    if (std::cmp_greater(bytes.size(), max_message_bytes)) return ++refused_as_too_large, ErrorCode::message_too_large;
    const auto batch = records::BatchView::parse(bytes);
    if (!batch || !batch->crc_matches()) return ErrorCode::corrupt_message;
    const auto stamp = batch->producer();
    auto& producer = partition.producers[stamp.id.value];
    if (stamp.epoch.value < producer.epoch) return ErrorCode::invalid_producer_epoch;
    if (stamp.epoch.value > producer.epoch) {
        if (stamp.base_sequence != 0) return ErrorCode::out_of_order_sequence_number;
        producer = {stamp.epoch.value, 0, {}};
    }
    if (stamp.id == base::no_producer_id) producer.seen.clear();
    if (const auto seen = producer.seen.find(stamp.base_sequence); seen != producer.seen.end())
        return base = Offset{seen->second}, ErrorCode::none;
    if (stamp.id != base::no_producer_id && stamp.base_sequence != producer.next)
        return ErrorCode::out_of_order_sequence_number;
    base = Offset{partition.end};
    producer.seen[stamp.base_sequence] = partition.end;
    producer.next = records::sequence_plus(stamp.base_sequence, batch->count());
    std::string stored(bytes);
    records::assign_base_offset(stored.data(), base);
    partition.end += batch->count();
    partition.batches.push_back(std::move(stored));
    return ErrorCode::none;
}

wire::ProduceResponse FakeCluster::produce(int broker, const wire::ProduceRequest& request) {
    wire::ProduceResponse response;
    for (const auto& topic : request.topic_data) {
        response.responses.push_back({});
        response.responses.back().topic_id = topic_id_;
        for (const auto& one : topic.partition_data) {
            Partition& partition = partitions_[static_cast<std::size_t>(one.index.value)];
            wire::ProduceResponse::Partition answer;
            answer.index = one.index;
            if (partition.leader != broker) {
                ++moved_answers;
                answer.error_code = ErrorCode::not_leader_or_follower;
                if (hints) answer.current_leader = {base::NodeId{partition.leader}, base::LeaderEpoch{partition.epoch}};
            } else {
                answer.error_code = append(partition, one.records->view(), answer.base_offset);
            }
            response.responses.back().partition_responses.push_back(std::move(answer));
        }
    }
    return response;
}

wire::FetchResponse FakeCluster::fetch(int broker, const wire::FetchRequest& request) {
    wire::FetchResponse response;
    std::int32_t id = request.session_id;
    if (request.session_epoch == 0) {
        id = ++next_session_;
    } else {
        const auto known = sessions_.find(id);
        if (known == sessions_.end() || known->second.epoch + 1 != request.session_epoch) {
            response.error_code = ErrorCode::fetch_session_id_not_found;
            return response;
        }
        ++incremental_fetches;
    }
    Session& session = sessions_[id];
    session.epoch = request.session_epoch;
    for (const auto& topic : request.forgotten_topics_data)
        for (const PartitionId partition : topic.partitions) session.wishes.erase(partition.value);
    for (const auto& topic : request.topics)
        for (const auto& partition : topic.partitions) session.wishes[partition.partition.value] = partition;
    response.session_id = id;
    response.responses.push_back({});
    response.responses.back().topic_id = topic_id_;
    for (const auto& [index, wish] : session.wishes) {
        const Partition& partition = partitions_[static_cast<std::size_t>(index)];
        wire::FetchResponse::Partition one;
        one.partition_index = PartitionId{index};
        one.high_watermark = one.last_stable_offset = Offset{partition.end};
        if (partition.leader != broker) one.error_code = ErrorCode::not_leader_or_follower;
        const auto damaged = damaged_at.find(index);
        if (damaged != damaged_at.end() && wish.fetch_offset.value == damaged->second) {
            one.error_code = ErrorCode::corrupt_message;
            ++damaged_answers;
        }
        for (const std::string& batch : partition.batches) {
            if (one.error_code != ErrorCode::none ||
                records::HeaderView(batch.data()).next_offset() <= wish.fetch_offset)
                continue;
            one.records = wire::Records(std::string_view(batch));
            break;
        }
        if (one.error_code != ErrorCode::none || !one.records->empty())
            response.responses.back().partitions.push_back(std::move(one));
    }
    return response;
}

}  // namespace klog::test
