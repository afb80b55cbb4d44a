// SPDX-License-Identifier: Apache-2.0
// Records that are not copied: a frame with file slices or shared bytes has the bytes of the flat encoding.
#include <doctest/doctest.h>

#include <algorithm>

#include "core/base/random.h"
#include "core/wire/frame.h"
#include "core/wire/messages/00_produce.h"
#include "core/wire/messages/01_fetch.h"
#include "tests/wire/golden.h"

using namespace klog;
using namespace klog::wire;
using namespace klog::wire::test;

namespace {

/// A file that holds what it was given, and counts nothing but bytes.
class MemorySource final : public base::ByteSource {
public:
    explicit MemorySource(std::string bytes) : bytes_(std::move(bytes)) {}
    base::Result<std::size_t> read_at(std::uint64_t position, std::span<char> into) const override {
        const std::string_view rest = std::string_view(bytes_).substr(std::min<std::size_t>(position, bytes_.size()));
        const std::size_t n = std::min(into.size(), rest.size());
        std::copy_n(rest.data(), n, into.data());
        return n;
    }

private:
    std::string bytes_;
};

/// The bytes as slices of one file, cut at random places, with other bytes of the file around them.
Records as_slices(std::string_view bytes, base::Random& random) {
    const auto file = std::make_shared<MemorySource>("before" + std::string(bytes) + "after");
    base::Chain chain;
    for (std::size_t at = 0; at < bytes.size();) {
        const auto n = static_cast<std::uint32_t>(1 + random.below(bytes.size() - at));
        chain.append(base::FileSlice{file, 6 + at, n});
        at += n;
    }
    return Records(std::move(chain));
}

Records as_shared(std::string_view bytes) {
    base::Chain chain;
    chain.append(base::SharedBytes::own(std::string(bytes)));
    return Records(std::move(chain));
}

auto partitions_of(FetchResponse::Topic& topic) { return std::span(topic.partitions); }
auto partitions_of(ProduceRequest::Topic& topic) { return std::span(topic.partition_data); }
auto topics_of(FetchResponse& response) { return std::span(response.responses); }
auto topics_of(ProduceRequest& request) { return std::span(request.topic_data); }

base::Chain frame_of(const FetchResponse& response, Version version) {
    return encode_frame(ResponseHeader{7}, version, response);
}
base::Chain frame_of(const ProduceRequest& request, Version version) {
    return encode_frame(RequestHeader{ProduceRequest::api_key, version, 7, "golden"}, request);
}

std::size_t slices_in(const base::Chain& chain) {
    return static_cast<std::size_t>(std::ranges::count_if(
        chain.pieces(), [](const auto& piece) { return std::holds_alternative<base::FileSlice>(piece); }));
}

/// Replaces the records of every golden T and checks the bytes of its frame. Returns how many frames had records in
/// two or more partitions.
template <class T>
int check_golden(const std::string& name, auto replace) {
    int several = 0;
    for (const auto& g : golden_messages()) {
        if (g.name != name) continue;
        T message;
        REQUIRE(decode(std::string_view(g.frame), g.version, message));
        int with_records = 0;
        for (auto& topic : topics_of(message)) {
            for (auto& partition : partitions_of(topic)) {
                if (!partition.records) continue;
                with_records += partition.records->empty() ? 0 : 1;
                partition.records = replace(partition.records->view());
            }
        }
        const auto flat = verbs_of(name).as_frame(g.frame, g.version).flatten();
        const base::Chain chain = frame_of(message, g.version);
        CHECK(chain.size() == flat->size());
        CHECK_MESSAGE(*chain.flatten() == *flat, g.label());
        several += with_records >= 2 ? 1 : 0;
    }
    return several;
}

}  // namespace

TEST_CASE("foreign fetch responses come out byte-identical when their records are file slices") {
    base::Random random(5);
    CHECK(check_golden<FetchResponse>("FetchResponse", [&](auto bytes) { return as_slices(bytes, random); }) >= 20);
}

TEST_CASE("foreign produce requests come out byte-identical when their records are shared or slices") {
    base::Random random(6);
    CHECK(check_golden<ProduceRequest>("ProduceRequest", [&](auto bytes) { return as_slices(bytes, random); }) >= 10);
    CHECK(check_golden<ProduceRequest>("ProduceRequest", [&](auto bytes) { return as_shared(bytes); }) >= 10);
}

TEST_CASE("several partitions with tagged fields are buffer, slices, buffer, and the bytes of the flat encoding") {
    base::Random random(7);
    FetchResponse flat, sliced;
    for (FetchResponse* response : {&flat, &sliced}) {
        response->session_id = 4;
        response->node_endpoints.push_back({NodeId{2}, "broker-2", 9092, "rack"});
        for (int t = 0; t < 3; ++t) {
            auto& topic = response->responses.emplace_back();
            topic.topic_id.octets[15] = static_cast<std::uint8_t>(t + 1);
            for (int p = 0; p < 4; ++p) {
                auto& partition = topic.partitions.emplace_back();
                partition.partition_index = PartitionId{p};
                if (p % 2 == 0) partition.current_leader = {NodeId{2}, LeaderEpoch{9}};
                if (p == 3) partition.diverging_epoch = {LeaderEpoch{1}, Offset{77}};
            }
        }
    }
    std::vector<std::string> texts;
    for (int i = 0; i < 12; ++i) texts.emplace_back(static_cast<std::size_t>(i * i * 97), static_cast<char>('a' + i));
    for (int i = 0; i < 12; ++i) {
        const auto t = static_cast<std::size_t>(i / 4), p = static_cast<std::size_t>(i % 4),
                   n = static_cast<std::size_t>(i);
        flat.responses[t].partitions[p].records = Records(texts[n]);
        sliced.responses[t].partitions[p].records = as_slices(texts[n], random);
    }
    for (Version version = 13; version <= FetchResponse::version_last; ++version) {
        if (version < 16)
            flat.node_endpoints.clear(), sliced.node_endpoints.clear();
        else
            flat.node_endpoints = sliced.node_endpoints = {{NodeId{2}, "broker-2", 9092, "rack"}};
        const base::Chain whole = encode_frame(ResponseHeader{1}, version, flat);
        const base::Chain pieces = encode_frame(ResponseHeader{1}, version, sliced);
        CHECK(whole.pieces().size() == 1);
        CHECK(slices_in(pieces) >= 11);
        CHECK(pieces.size() == whole.size());
        CHECK(*pieces.flatten() == *whole.flatten());
    }
}

TEST_CASE("an answer that no frame can hold is an error") {
    const auto answer_of = [](std::uint32_t bytes) {
        FetchResponse response;
        response.responses.resize(1);
        for (int i = 0; i < 2; ++i) {
            base::Chain chain;
            chain.append(base::FileSlice{std::make_shared<MemorySource>(""), 0, bytes});
            response.responses[0].partitions.emplace_back().records = Records(std::move(chain));
        }
        return encode_answer(ResponseHeader{1}, 17, response);
    };
    const auto fits = answer_of((1u << 30) - 100);
    REQUIRE(fits.has_value());
    CHECK(fits->size() > (1u << 31) - 200);
    const auto too_large = answer_of(1u << 30);
    REQUIRE_FALSE(too_large.has_value());
    CHECK(too_large.error().code == base::Errc::limit);
}

TEST_CASE("records in memory are copied while they are small and referenced above that") {
    const auto frame_with = [](std::size_t n) {
        FetchResponse response;
        response.responses.emplace_back().partitions.emplace_back().records = as_shared(std::string(n, 'x'));
        return encode_frame(ResponseHeader{1}, 17, response);
    };
    CHECK(frame_with(Records::copy_bytes_max).pieces().size() == 1);
    const base::Chain large = frame_with(Records::copy_bytes_max + 1);
    CHECK(large.pieces().size() == 3);  // What is before, the records, the tags behind.
    CHECK(large.size() == frame_with(Records::copy_bytes_max).size() + 1);
}

TEST_CASE("a view is copied, so that its bytes need not outlive the call") {
    std::string bytes(100'000, 'x');
    ProduceRequest request;
    request.topic_data.emplace_back().partition_data.emplace_back().records = Records(bytes);
    const base::Chain chain = frame_of(request, 9);
    bytes.assign(bytes.size(), 'y');
    CHECK(chain.pieces().size() == 1);
    CHECK(chain.flatten()->find('y') == std::string::npos);
}

TEST_CASE("a chain keeps what it refers to alive after the message is gone") {
    base::Chain chain;
    {
        ProduceRequest request;
        request.topic_data.emplace_back().partition_data.emplace_back().records = as_shared(std::string(100'000, 'x'));
        chain = frame_of(request, 9);
    }
    CHECK(std::ranges::count(*chain.flatten(), 'x') == 100'000);
}

TEST_CASE("null and empty records differ on the wire, and both are small") {
    ProduceRequest request;
    auto& partition = request.topic_data.emplace_back().partition_data.emplace_back();
    std::string null_bytes, empty_bytes;
    encode(request, 9, null_bytes);
    partition.records = Records(base::Chain{});
    encode(request, 9, empty_bytes);
    CHECK(null_bytes != empty_bytes);
    CHECK(null_bytes.size() == empty_bytes.size());
    ProduceRequest again;
    REQUIRE(decode(std::string_view(null_bytes), 9, again));
    CHECK_FALSE(again.topic_data[0].partition_data[0].records.has_value());
    REQUIRE(decode(std::string_view(empty_bytes), 9, again));
    CHECK(again.topic_data[0].partition_data[0].records->empty());
}

TEST_CASE("records compare by their bytes, or by the slices of files that they are") {
    base::Random random(8);
    const std::string bytes(300, 'q');
    CHECK(Records(bytes) == as_shared(bytes));
    CHECK_FALSE(Records(bytes) == Records(std::string_view(bytes).substr(1)));
    const Records slices = as_slices(bytes, random);
    CHECK(slices == slices);
    CHECK_FALSE(slices == Records(bytes));
    CHECK(as_shared(bytes).view() == bytes);
}
