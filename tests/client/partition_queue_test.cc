// SPDX-License-Identifier: Apache-2.0
// The sequences of an idempotent producer against brokers that answer this and that.
#include <doctest/doctest.h>

#include <map>

#include "core/base/random.h"
#include "core/client/partition_queue.h"

using namespace klog::client;
using namespace std::chrono_literals;
using klog::base::MonotonicTime;
using klog::base::ProducerEpoch;
using klog::base::ProducerId;
using klog::base::Random;
using klog::wire::ErrorCode;
using Verdict = PartitionQueue::Verdict;

namespace {

constexpr MonotonicTime start{};
const ProducerIdentity first_life{ProducerId{7}, ProducerEpoch{0}, 1};
const ProducerIdentity bumped{ProducerId{7}, ProducerEpoch{1}, 2};

PartitionQueue queue(bool idempotent = true) { return PartitionQueue({idempotent, 5, 10s}); }

std::unique_ptr<OutgoingBatch> batch(std::uint64_t tag, std::int32_t count = 1) {
    auto made = std::make_unique<OutgoingBatch>();
    made->count = count;
    made->first_tag = tag;
    return made;
}

OutgoingBatch& send(PartitionQueue& queue, const ProducerIdentity& who = first_life) {
    OutgoingBatch* next = queue.next_to_send(who, start);
    REQUIRE(next != nullptr);
    queue.sent(*next);
    return *next;
}

}  // namespace

TEST_CASE("sequences count records, batch after batch") {
    PartitionQueue q = queue();
    for (int i = 0; i < 3; ++i) q.push(batch(static_cast<std::uint64_t>(i) * 10, 10));
    OutgoingBatch& a = send(q);
    OutgoingBatch& b = send(q);
    CHECK(a.sequence == 0);
    CHECK(b.sequence == 10);
    CHECK(q.stamp_of(b) == klog::records::ProducerInfo{ProducerId{7}, ProducerEpoch{0}, 10});
    CHECK(q.answered(a, ErrorCode::none, start).verdict == Verdict::complete);
    CHECK(q.answered(b, ErrorCode::duplicate_sequence_number, start).verdict == Verdict::complete);
    CHECK(send(q).sequence == 20);
}

TEST_CASE("no more than five are in flight, and none without an identity") {
    PartitionQueue q = queue();
    for (int i = 0; i < 7; ++i) q.push(batch(static_cast<std::uint64_t>(i)));
    CHECK(q.next_to_send(ProducerIdentity{}, start) == nullptr);
    for (int i = 0; i < 5; ++i) send(q);
    CHECK(q.next_to_send(first_life, start) == nullptr);
}

TEST_CASE("after a lost leader everything goes again in its order, under the same sequences") {
    PartitionQueue q = queue();
    for (int i = 0; i < 3; ++i) q.push(batch(static_cast<std::uint64_t>(i)));
    OutgoingBatch& a = send(q);
    OutgoingBatch& b = send(q);
    OutgoingBatch& c = send(q);
    CHECK(q.answered(a, ErrorCode::not_leader_or_follower, start).verdict == Verdict::retry);
    CHECK(q.next_to_send(first_life, start) == nullptr);  // b and c are still out.
    CHECK(q.answered(b, ErrorCode::out_of_order_sequence_number, start).verdict == Verdict::retry);
    CHECK(q.answered(c, ErrorCode::network_exception, start).verdict == Verdict::retry);
    CHECK(&send(q) == &a);
    CHECK(&send(q) == &b);
    CHECK(&send(q) == &c);
    CHECK((a.sequence == 0 && b.sequence == 1 && c.sequence == 2));
}

TEST_CASE("a gap that the broker sees in the first batch bumps the epoch and starts at zero") {
    PartitionQueue q = queue();
    for (int i = 0; i < 3; ++i) q.push(batch(static_cast<std::uint64_t>(i), 4));
    q.answered(send(q), ErrorCode::none, start);
    OutgoingBatch& b = send(q);
    OutgoingBatch& c = send(q);
    CHECK(q.answered(b, ErrorCode::out_of_order_sequence_number, start).verdict == Verdict::bump_epoch);
    CHECK(q.answered(c, ErrorCode::out_of_order_sequence_number, start).verdict == Verdict::retry);
    CHECK(q.next_to_send(first_life, start) == nullptr);  // The old life is over.
    CHECK(&send(q, bumped) == &b);
    CHECK(b.sequence == 0);
    CHECK(q.stamp_of(b) == klog::records::ProducerInfo{ProducerId{7}, ProducerEpoch{1}, 0});
    CHECK(send(q, bumped).sequence == 4);
}

TEST_CASE("a forgotten producer bumps, a fenced one needs a new id") {
    PartitionQueue q = queue();
    q.push(batch(0));
    CHECK(q.answered(send(q), ErrorCode::unknown_producer_id, start).verdict == Verdict::bump_epoch);
    CHECK(q.answered(send(q, bumped), ErrorCode::invalid_producer_epoch, start).verdict == Verdict::new_identity);
    CHECK(q.next_to_send(bumped, start) == nullptr);
    const ProducerIdentity fresh{ProducerId{8}, ProducerEpoch{0}, 3};
    CHECK(send(q, fresh).sequence == 0);
}

TEST_CASE("other partitions keep their life until what they sent is answered") {
    PartitionQueue q = queue();
    q.push(batch(0));
    q.push(batch(1));
    OutgoingBatch& a = send(q);
    CHECK(send(q, bumped).sequence == 1);
    CHECK(q.stamp_of(a).epoch == ProducerEpoch{0});
    q.answered(a, ErrorCode::none, start);
}

TEST_CASE("a batch that fails for good leaves a gap, which a new epoch closes") {
    PartitionQueue q = queue();
    q.push(batch(0));
    q.push(batch(1));
    OutgoingBatch& a = send(q);
    OutgoingBatch& b = send(q);
    const auto failed = q.answered(a, ErrorCode::invalid_record, start);
    CHECK(failed.verdict == Verdict::failed);
    CHECK(failed.taken->first_tag == 0);
    CHECK(q.needs_newer_than() == first_life.generation);
    CHECK(q.answered(b, ErrorCode::out_of_order_sequence_number, start).verdict == Verdict::retry);
    CHECK(send(q, bumped).sequence == 0);
}

TEST_CASE("what is too large is split, and its parts keep its place and sequences") {
    PartitionQueue q = queue();
    q.push(batch(0, 4));
    q.push(batch(4, 4));
    auto outcome = q.answered(send(q), ErrorCode::message_too_large, start);
    REQUIRE(outcome.verdict == Verdict::split);
    std::vector<std::unique_ptr<OutgoingBatch>> parts;
    for (int i = 0; i < 2; ++i) {
        parts.push_back(batch(static_cast<std::uint64_t>(i) * 2, 2));
        parts.back()->sequence = outcome.taken->sequence + i * 2;
    }
    q.put_back(std::move(parts));
    CHECK(send(q).sequence == 0);
    CHECK(send(q).sequence == 2);
    CHECK(send(q).sequence == 4);
}

TEST_CASE("a single record that is too large fails") {
    PartitionQueue q = queue();
    q.push(batch(0, 1));
    CHECK(q.answered(send(q), ErrorCode::message_too_large, start).verdict == Verdict::failed);
}

TEST_CASE("time runs out for what waits, and for what comes back too late") {
    PartitionQueue q = queue();
    q.push(batch(0));
    q.push(batch(1));
    OutgoingBatch& a = send(q);
    CHECK(q.take_expired(start + 11s).empty());  // The first is out: its answer decides.
    CHECK(q.answered(a, ErrorCode::not_leader_or_follower, start + 11s).verdict == Verdict::failed);
    CHECK(q.take_expired(start + 11s).size() == 1);
    CHECK(q.empty());
}

TEST_CASE("an idempotent producer stores each record once and in order, whatever the network does") {
    // A broker that checks sequences as Kafka does, and a network that loses requests and answers.
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        Random random(seed);
        PartitionQueue q = queue();
        ProducerIdentity who = first_life;
        std::vector<std::uint64_t> log;
        ProducerEpoch broker_epoch{-1};
        std::int32_t expected = 0;
        std::map<std::int32_t, bool> seen;  // Base sequences of this epoch.
        const auto broker = [&](const OutgoingBatch& b) {
            const auto stamp = q.stamp_of(b);
            if (stamp.epoch != broker_epoch) {
                if (stamp.base_sequence != 0) return ErrorCode::out_of_order_sequence_number;
                broker_epoch = stamp.epoch, expected = 0, seen.clear();
            }
            if (seen.contains(stamp.base_sequence)) return ErrorCode::none;
            if (stamp.base_sequence != expected) return ErrorCode::out_of_order_sequence_number;
            seen[stamp.base_sequence] = true;
            expected += b.count;
            for (std::int32_t i = 0; i < b.count; ++i) log.push_back(b.first_tag + static_cast<std::uint64_t>(i));
            return ErrorCode::none;
        };
        std::uint64_t tag = 0;
        std::deque<OutgoingBatch*> out;
        while (tag < 200 || !q.empty()) {
            if (tag < 200 && random.one_in(2)) {
                const auto count = static_cast<std::int32_t>(random.between(1, 3));
                q.push(batch(tag, count));
                tag += static_cast<std::uint64_t>(count);
            }
            if (OutgoingBatch* next = q.next_to_send(who, start)) q.sent(*next), out.push_back(next);
            if (out.empty() || random.one_in(3)) continue;
            OutgoingBatch& b = *out.front();
            out.pop_front();
            const auto fate = random.below(6);
            ErrorCode code = ErrorCode::network_exception;  // 0: the request was lost.
            if (fate == 1) broker(b);                       // The answer was lost.
            if (fate == 2) code = ErrorCode::not_leader_or_follower;
            if (fate > 2) code = broker(b);
            const auto outcome = q.answered(b, code, start);
            CHECK(outcome.verdict != Verdict::failed);
            CHECK(outcome.verdict != Verdict::bump_epoch);
        }
        REQUIRE(log.size() == tag);
        for (std::size_t i = 0; i < log.size(); ++i) CHECK(log[i] == i);
    }
}
