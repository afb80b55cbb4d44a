// SPDX-License-Identifier: Apache-2.0
// The codec against code written by hand for one version, and on the shapes that a broker sees most.
// Run: ninja -C build tests/wire/wire_bench && build/tests/wire/wire_bench   (a release build)
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>

#include "core/base/big_endian.h"
#include "core/wire/apis.h"
#include "core/wire/frame.h"
#include "core/wire/messages/00_produce.h"
#include "core/wire/messages/01_fetch.h"
#include "core/wire/messages/03_metadata.h"

using namespace klog;
using namespace klog::wire;

namespace {

/// The best of many short runs: what the code costs while nothing else takes the core.
template <class Fn>
double best_ns(Fn fn) {
    using Clock = std::chrono::steady_clock;
    using Ns = std::chrono::duration<double, std::nano>;
    const auto once = Clock::now();
    fn();
    const int rounds = std::max(1, static_cast<int>(50'000 / (1 + Ns(Clock::now() - once).count())));
    double best = 1e18;
    for (const auto end = once + std::chrono::milliseconds(300); Clock::now() < end;) {
        const auto start = Clock::now();
        for (int i = 0; i < rounds; ++i) fn();
        best = std::min(best, Ns(Clock::now() - start).count() / rounds);
    }
    return best;
}

template <class T>
void keep(T& x) {
    asm volatile("" : : "g"(&x) : "memory");
}

/// FetchRequest v17, straight-line, as one would write it for that version alone.
struct Hand {
    const char *p, *end;
    bool ok = true;

    bool need(std::size_t n) {
        if (static_cast<std::size_t>(end - p) < n) ok = false, p = end;
        return ok;
    }
    template <std::integral I>
    I integer() {
        if (!need(sizeof(I))) return 0;
        const I x = base::load_big<I>(p);
        p += sizeof(I);
        return x;
    }
    std::uint32_t uvarint() {
        std::uint32_t x = 0;
        for (int shift = 0; shift < 35; shift += 7) {
            const auto b = static_cast<std::uint8_t>(integer<std::int8_t>());
            x |= static_cast<std::uint32_t>(b & 127) << shift;
            if (b < 128) break;
        }
        return x;
    }
    std::string_view text() {
        const auto n = uvarint();
        if (n == 0 || !need(n - 1)) return ok = false, std::string_view();
        p += n - 1;
        return {p - (n - 1), n - 1};
    }
    void uuid(Uuid& id) {
        if (need(16)) std::memcpy(id.octets.data(), p, 16), p += 16;
    }
    template <class Known>
    void tags(Known known) {
        for (auto n = uvarint(); n > 0 && ok; --n) {
            const auto tag = uvarint(), size = uvarint();
            if (!need(size)) return;
            const char* next = p + size;
            known(tag);
            p = next;
        }
    }
    std::size_t count() {
        const auto n = uvarint();
        if (n == 0 || n - 1 > static_cast<std::size_t>(end - p)) ok = false;
        return ok ? n - 1 : 0;
    }
};

void hand_topics(Hand& in, FetchRequest& r) {
    r.topics.resize(in.count());
    for (auto& topic : r.topics) {
        in.uuid(topic.topic_id);
        topic.partitions.resize(in.count());
        for (auto& q : topic.partitions) {
            q.partition.value = in.integer<std::int32_t>();
            q.current_leader_epoch.value = in.integer<std::int32_t>();
            q.fetch_offset.value = in.integer<std::int64_t>();
            q.last_fetched_epoch.value = in.integer<std::int32_t>();
            q.log_start_offset.value = in.integer<std::int64_t>();
            q.partition_max_bytes = in.integer<std::int32_t>();
            in.tags([&](std::uint32_t tag) {
                if (tag == 0) in.uuid(q.replica_directory_id);
            });
        }
        in.tags([](std::uint32_t) {});
    }
}

[[gnu::noinline]] bool hand_fetch_v17(std::string_view frame, FetchRequest& r) {
    Hand in{frame.data(), frame.data() + frame.size()};
    r.max_wait_ms = in.integer<std::int32_t>();
    r.min_bytes = in.integer<std::int32_t>();
    r.max_bytes = in.integer<std::int32_t>();
    r.isolation_level = in.integer<std::int8_t>();
    r.session_id = in.integer<std::int32_t>();
    r.session_epoch = in.integer<std::int32_t>();
    hand_topics(in, r);
    r.forgotten_topics_data.resize(in.count());
    for (auto& topic : r.forgotten_topics_data) {
        in.uuid(topic.topic_id);
        topic.partitions.resize(in.count());
        for (auto& partition : topic.partitions) partition.value = in.integer<std::int32_t>();
        in.tags([](std::uint32_t) {});
    }
    r.rack_id = in.text();
    in.tags([&](std::uint32_t tag) {
        if (tag == 0) r.cluster_id = in.text();
    });
    return in.ok && in.p == in.end;
}

template <class T>
void report(const char* what, const T& message, Version version) {
    std::string frame;
    encode(message, version, frame);
    T check;
    if (!decode(std::string_view(frame), version, check) || !(check == message)) std::puts("MISMATCH");
    const auto read = [&] {
        T m;
        (void)decode(std::string_view(frame), version, m);
        keep(m);
    };
    std::string out;
    const auto write = [&] {
        out.clear();
        encode(message, version, out);
        keep(out);
    };
    const double decode_ns = best_ns(read), encode_ns = best_ns(write);
    const auto bytes = static_cast<double>(frame.size());
    std::printf("%-46s %8zu B  decode %9.0f ns (%6.2f GB/s)  encode %9.0f ns (%6.2f GB/s)\n", what, frame.size(),
                decode_ns, bytes / decode_ns, encode_ns, bytes / encode_ns);
}

FetchRequest large_fetch() {
    FetchRequest fetch;
    fetch.max_wait_ms = 500;
    fetch.min_bytes = 1;
    for (int t = 0; t < 10; ++t) {
        auto& topic = fetch.topics.emplace_back();
        topic.topic_id.octets[0] = static_cast<std::uint8_t>(t + 1);
        for (int p = 0; p < 50; ++p) {
            auto& q = topic.partitions.emplace_back();
            q.partition = {p};
            q.fetch_offset = {1000 * p};
            q.partition_max_bytes = 1 << 20;
            q.current_leader_epoch = {4};
        }
    }
    return fetch;
}

MetadataResponse large_metadata() {
    MetadataResponse metadata;
    metadata.cluster_id = "abcdefghijklmnopqrstuv";
    for (int i = 0; i < 3; ++i) {
        metadata.brokers.push_back({{i}, "broker-" + std::to_string(i) + ".example.com", 9092, "rack-a"});
    }
    for (int t = 0; t < 100; ++t) {
        auto& topic = metadata.topics.emplace_back();
        topic.name = "some.topic.name." + std::to_string(t);
        for (int p = 0; p < 10; ++p) {
            topic.partitions.push_back({ErrorCode::none, {p}, {p % 3}, {5}, {{0}, {1}, {2}}, {{0}, {1}, {2}}, {}});
        }
    }
    return metadata;
}

void against_hand() {
    std::string frame;
    encode(large_fetch(), 17, frame);
    FetchRequest a, b;
    if (!hand_fetch_v17(frame, a) || !decode(std::string_view(frame), 17, b) || !(a == b)) std::puts("MISMATCH");
    const auto by_hand = [&] {
        FetchRequest m;
        hand_fetch_v17(frame, m);
        keep(m);
    };
    const auto by_codec = [&] {
        FetchRequest m;
        (void)decode(std::string_view(frame), 17, m);
        keep(m);
    };
    const double hand = best_ns(by_hand), codec = best_ns(by_codec);
    std::printf("FetchRequest v17, 500 partitions, %zu B: by hand %.0f ns, codec %.0f ns, ratio %.2f\n", frame.size(),
                hand, codec, codec / hand);
}

struct NoFile final : base::ByteSource {
    base::Result<std::size_t> read_at(std::uint64_t, std::span<char>) const override { return 0; }
};

void frames() {
    // One Produce request with one small batch: what is opened, decoded and answered most often.
    const std::string batch(170, 'b');
    ProduceRequest produce;
    produce.acks = -1;
    auto& topic = produce.topic_data.emplace_back();
    topic.name = "orders";
    topic.partition_data.push_back({{0}, Records(batch)});
    const std::string sent = *encode_frame(RequestHeader{0, 9, 1, "producer-1"}, produce).flatten();
    const auto request = [&] {
        RequestFrame frame;
        ProduceRequest m;
        (void)(open_request(std::string_view(sent).substr(4), frame) && decode(frame.body, 9, m));
        keep(m);
    };
    ProduceResponse answer;
    answer.responses.emplace_back().name = "orders";
    answer.responses[0].partition_responses.resize(1);
    const auto response = [&] {
        base::Chain chain = encode_frame(ResponseHeader{1}, 9, answer);
        keep(chain);
    };
    std::printf("Produce v9, one batch of 170 B: open and decode %.0f ns, encode the answer as a chain %.0f ns\n",
                best_ns(request), best_ns(response));

    const auto file = std::make_shared<NoFile>();
    FetchResponse fetched;
    for (int p = 0; p < 50; ++p) {
        base::Chain slice;
        slice.append(base::FileSlice{file, 0, 64 << 10});
        if (p % 50 == 0) fetched.responses.emplace_back();
        fetched.responses.back().partitions.emplace_back().records = Records(std::move(slice));
    }
    const auto many = [&] {
        base::Chain chain = encode_frame(ResponseHeader{1}, 17, fetched);
        keep(chain);
    };
    std::printf("Fetch v17, 50 partitions of one slice: encode as a chain %.0f ns\n", best_ns(many));
}

}  // namespace

int main() {
    against_hand();
    report("FetchRequest v17, 10 topics x 50", large_fetch(), 17);
    FetchRequest tiny;
    tiny.max_wait_ms = 500;
    tiny.session_id = 77;
    tiny.session_epoch = 3;
    report("FetchRequest v17, empty session", tiny, 17);
    report("MetadataResponse v12, 100 topics x 10 x 3", large_metadata(), 12);
    const std::string records(1 << 20, 'x');
    FetchResponse response;
    response.responses.emplace_back().partitions.emplace_back().records = Records(records);
    report("FetchResponse v17, one 1 MiB record set, flat", response, 17);
    frames();
}
