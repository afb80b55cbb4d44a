// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/reader.h"

#include <charconv>

#include "core/records/record.h"
#include "core/wire/messages/02_list_offsets.h"

namespace klog::sim {

using runtime::Task;
using wire::ErrorCode;

namespace {

constexpr std::int64_t latest = -1, earliest = -2;
constexpr std::size_t inflated_bytes_max = 16u << 20;

bool may_pass(ErrorCode code) {
    switch (code) {
        case ErrorCode::not_leader_or_follower:
        case ErrorCode::leader_not_available:
        case ErrorCode::kafka_storage_error:
        case ErrorCode::unknown_topic_id:
        case ErrorCode::unknown_topic_or_partition:
        case ErrorCode::inconsistent_topic_id:
        case ErrorCode::offset_not_available: return true;
        default: return false;
    }
}

std::optional<Value> parse_value(std::optional<std::string_view> text) {
    Value value = 0;
    if (!text) return std::nullopt;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error != std::errc{} || end == text->data() + text->size() || *end != ':') return std::nullopt;
    return value;
}

}  // namespace

Reader::Reader(World& world, Judge& judge)
    : world_(world),
      judge_(judge),
      random_(world.random().next()),
      tail_link_(world.network().host(World::reader_host)),
      link_(world.network().host(World::reader_host)) {}

void Reader::start() {
    world_.reader().shard(0).post([this] { scope_.spawn(run(this)); });
}

Task<void> Reader::run(Reader* self) {
    self->work_.spawn(tail(self));
    self->work_.spawn(read_at_random(self));
    co_await self->work_.join();
    co_await self->audit();
    co_await self->tail_link_.end();
    co_await self->link_.end();
    self->doing_ = "nothing";
    self->ended_ = true;
}

runtime::SleepUntil Reader::pause(int ms_max) {
    return runtime::sleep_until(world_.now() + std::chrono::microseconds(random_.between(100, ms_max * 1000)));
}

/// Gives the records of an answer to the judge. The position behind them.
std::int64_t Reader::take_records(const Place& place, std::int64_t position,
                                  const wire::FetchResponse::Partition& partition, const Judge::Asked& asked) {
    judge_.told_end(place, partition.high_watermark.value, asked);
    judge_.told_start(place, partition.log_start_offset.value, asked);
    if (!partition.records) return position;
    std::string_view rest = partition.records->view();
    std::string scratch;
    for (;;) {
        const auto batch = records::take_batch(rest);
        if (!batch) {
            if (batch.error().code != base::Errc::truncated)
                judge_.accuse("{}: {}", place.to_string(), batch.error().message);
            return position;
        }
        if (!*batch) return position;
        if (const auto checked = (*batch)->check_crc(); !checked)
            judge_.accuse("{}: {}", place.to_string(), checked.error().message);
        auto records = records::read_records(**batch, scratch, inflated_bytes_max);
        records::Record record;
        for (;;) {
            const auto next = records ? records->next(record) : base::Result<bool>(std::unexpected(records.error()));
            if (!next) judge_.accuse("{}: {}", place.to_string(), next.error().message);
            if (!next || !*next) break;
            if (record.offset.value < position) continue;
            judge_.read_next(place, position, record.offset.value);
            if (record.offset >= partition.high_watermark)
                judge_.accuse("{}: {} was read above the high watermark {}", place.to_string(), record.offset,
                              partition.high_watermark);
            if (const auto value = parse_value(record.value))
                judge_.read(place, record.offset.value, *value);
            else
                judge_.accuse("{} at {} holds bytes that were never sent", place.to_string(), record.offset);
            position = record.offset.value + 1;
        }
        if (!judge_.content()) return position;
    }
}

// ---- With a session

void Reader::follow_topics() {
    for (const auto& [id, topic] : judge_.topics()) {
        for (std::int32_t i = 0; i < topic.partitions; ++i) {
            const Place place{id, i};
            if (!topic.deletion_asked) {
                tails_.try_emplace(place);
            } else if (const auto tail = tails_.find(place); tail != tails_.end()) {
                if (tail->second.told >= 0) forgotten_.push_back(place);
                tails_.erase(tail);
            }
        }
    }
}

void Reader::restart_session() {
    session_ = {session_.id, 0};
    forgotten_.clear();
    for (auto& [place, tail] : tails_) tail.told = -1;
}

/// What the session does not know yet.
wire::FetchRequest Reader::tail_request() {
    wire::FetchRequest request;
    request.max_wait_ms = static_cast<std::int32_t>(random_.between(0, 500));
    request.min_bytes = random_.one_in(4) ? 500 : 1;
    request.max_bytes = random_.one_in(4) ? 2000 : 1'000'000;
    request.session_id = session_.id;
    request.session_epoch = session_.epoch;
    for (auto& [place, tail] : tails_) {
        if (tail.lost || tail.told == tail.position) continue;
        if (request.topics.empty() || request.topics.back().topic_id != place.topic)
            request.topics.emplace_back().topic_id = place.topic;
        wire::FetchRequest::Partition partition;
        partition.partition = {place.partition};
        partition.fetch_offset = {tail.position};
        partition.partition_max_bytes = random_.one_in(5) ? 300 : 100'000;
        request.topics.back().partitions.push_back(partition);
        tail.told = tail.position;
    }
    if (session_.epoch == 0) forgotten_.clear();
    for (const Place& place : std::exchange(forgotten_, {}))
        request.forgotten_topics_data.push_back({{}, place.topic, {{place.partition}}});
    return request;
}

/// False: something was wrong, and a pause is in order.
bool Reader::take_tail(const Place& place, const wire::FetchResponse::Partition& partition, const Judge::Asked& asked) {
    const auto found = tails_.find(place);
    if (found == tails_.end() || gone(place.topic)) return true;
    Tail& tail = found->second;
    switch (partition.error_code) {
        case ErrorCode::none: tail.position = take_records(place, tail.position, partition, asked); return true;
        case ErrorCode::offset_out_of_range:
            tail.lost = true;
            tail.told = -1;
            return false;
        default:
            if (!may_pass(partition.error_code))
                judge_.accuse("{}: reading at {} failed: {}", place.to_string(), tail.position, partition.error_code);
            return false;
    }
}

Task<bool> Reader::fetch_tails() {
    wire::FetchRequest request = tail_request();
    std::map<Place, Judge::Asked> asked;
    for (const auto& [place, tail] : tails_) asked.emplace(place, judge_.ask(place));
    const auto version = static_cast<wire::Version>(random_.between(13, 17));
    auto answer = co_await tail_link_.call<wire::FetchResponse>(std::move(request), version);
    if (!answer || answer->message.error_code != ErrorCode::none) {
        if (answer && answer->message.error_code != ErrorCode::fetch_session_id_not_found &&
            answer->message.error_code != ErrorCode::invalid_fetch_session_epoch &&
            answer->message.error_code != ErrorCode::fetch_session_topic_id_error)
            judge_.accuse("Fetch failed: {}", answer->message.error_code);
        if (answer) session_.id = 0;
        restart_session();
        co_return false;
    }
    session_.id = answer->message.session_id;
    session_.epoch = session_.id == 0 ? 0 : session_.epoch + 1;
    bool good = true;
    for (const auto& topic : answer->message.responses)
        for (const auto& partition : topic.partitions) {
            const Place place{topic.topic_id, partition.partition_index.value};
            if (const auto known = asked.find(place); known != asked.end())
                good &= take_tail(place, partition, known->second);
        }
    if (session_.id == 0 || random_.one_in(200)) restart_session();
    co_return good;
}

bool Reader::caught_up() const {
    for (const auto& [place, tail] : tails_)
        if (!gone(place.topic) && (tail.lost || tail.position < judge_.high_watermark(place))) return false;
    return true;
}

Task<void> Reader::tail(Reader* self) {
    while (self->judge_.content()) {
        self->follow_topics();
        if (self->finishing_ && self->caught_up()) break;
        if (!co_await self->fetch_tails()) co_await self->pause(100);
        for (auto& [place, tail] : self->tails_) {
            if (!tail.lost || self->gone(place.topic)) continue;
            const auto start = co_await self->list_offset(place, earliest);
            if (!start || self->gone(place.topic)) continue;
            if (*start <= tail.position)
                self->judge_.accuse("{}: {} is out of range, and the log starts at {}", place.to_string(),
                                    tail.position, *start);
            tail.position = *start;
            tail.lost = false;
        }
        if (self->random_.one_in(20)) co_await self->pause(300);
    }
}

// ---- Without one

Task<std::optional<std::int64_t>> Reader::fetch_once(Place place, std::int64_t position) {
    wire::FetchRequest request;
    request.max_wait_ms = 10;
    request.min_bytes = 1;
    auto& topic = request.topics.emplace_back();
    topic.topic_id = place.topic;
    auto& one = topic.partitions.emplace_back();
    one.partition = {place.partition};
    one.fetch_offset = {position};
    one.partition_max_bytes = random_.one_in(2) ? 1000 : 100'000;
    const Judge::Asked asked = judge_.ask(place);
    auto answer = co_await link_.call<wire::FetchResponse>(std::move(request), 13);
    if (!answer || answer->message.responses.size() != 1 || gone(place.topic)) co_return std::nullopt;
    const auto& partition = answer->message.responses[0].partitions.at(0);
    if (partition.error_code == ErrorCode::none) co_return take_records(place, position, partition, asked);
    if (partition.error_code == ErrorCode::offset_out_of_range) {
        const auto start = co_await list_offset(place, earliest);
        if (start && *start <= position && !gone(place.topic))
            judge_.accuse("{}: {} is out of range, and the log starts at {}", place.to_string(), position, *start);
    } else if (!may_pass(partition.error_code)) {
        judge_.accuse("{}: reading at {} failed: {}", place.to_string(), position, partition.error_code);
    }
    co_return std::nullopt;
}

Task<std::optional<std::int64_t>> Reader::list_offset(Place place, std::int64_t which) {
    wire::ListOffsetsRequest request;
    request.replica_id = base::no_node;
    request.timeout_ms = 3000;
    auto& topic = request.topics.emplace_back();
    topic.name = judge_.topic(place.topic).name;
    auto& one = topic.partitions.emplace_back();
    one.partition_index = {place.partition};
    one.timestamp = which;
    const Judge::Asked asked = judge_.ask(place);
    auto answer = co_await link_.call<wire::ListOffsetsResponse>(request, 7);
    if (!answer || gone(place.topic)) co_return std::nullopt;
    const auto& partition = answer->message.topics.at(0).partitions.at(0);
    if (partition.error_code != ErrorCode::none) {
        if (!may_pass(partition.error_code))
            judge_.accuse("{}: ListOffsets failed: {}", place.to_string(), partition.error_code);
        co_return std::nullopt;
    }
    if (which == earliest) judge_.told_start(place, partition.offset.value, asked);
    if (which == latest) judge_.told_end(place, partition.offset.value, asked);
    co_return partition.offset.value;
}

Task<void> Reader::read_at_random(Reader* self) {
    while (!self->finishing_ && self->judge_.content()) {
        co_await self->pause(200);
        if (self->tails_.empty()) continue;
        auto chosen = self->tails_.begin();
        std::advance(chosen, static_cast<std::ptrdiff_t>(self->random_.below(self->tails_.size())));
        const Place place = chosen->first;
        if (self->gone(place.topic)) continue;
        if (self->random_.one_in(3)) {
            co_await self->list_offset(place, self->random_.one_in(2) ? earliest : latest);
            continue;
        }
        const std::int64_t start = self->judge_.log_start(place), end = self->judge_.high_watermark(place);
        if (start > end) continue;
        co_await self->fetch_once(place, self->random_.between(start, end));
    }
}

}  // namespace klog::sim
