// SPDX-License-Identifier: Apache-2.0
#include "core/net/frame.h"

#include <doctest/doctest.h>

#include <string>

#include "core/base/big_endian.h"
#include "core/base/random.h"

using namespace klog;
using base::Errc;
using net::FrameCutter;
using net::FrameLimits;

namespace {

std::string frame_of(std::string_view body) {
    std::string frame(4, '\0');
    base::store_big(frame.data(), static_cast<std::int32_t>(body.size()));
    return frame.append(body);
}

std::string announce(std::int32_t length, std::int16_t api_key = 0, std::int16_t version = 0) {
    std::string head(8, '\0');
    base::store_big(head.data(), length);
    base::store_big(head.data() + 4, api_key);
    base::store_big(head.data() + 6, version);
    return head;
}

// Feeds a cutter in steps of up to `step_max` bytes and keeps what comes out.
struct Feed {
    FrameCutter cutter;
    std::vector<base::SharedBytes> frames;
    std::size_t buffer_bytes_most = 0;

    explicit Feed(FrameLimits limits = {}, net::HeadCheck check = nullptr) : cutter(limits, std::move(check)) {}
    base::Result<> give(std::string_view bytes, std::size_t step_max = ~std::size_t{0}) {
        while (!bytes.empty()) {
            const auto space = cutter.space();
            const std::size_t n = std::min({space.size(), bytes.size(), step_max});
            bytes.copy(space.data(), n);
            bytes.remove_prefix(n);
            KLOG_TRY_VOID(cutter.commit(n, frames));
            buffer_bytes_most = std::max(buffer_bytes_most, cutter.buffer_bytes());
        }
        return {};
    }
};

}  // namespace

TEST_CASE("frames come out whole however the bytes arrive") {
    base::Random random(1);
    std::string all;
    std::vector<std::string> bodies;
    for (int i = 0; i < 400; ++i) {
        std::string body(4 + random.below(random.one_in(20) ? 300'000 : 600), static_cast<char>('a' + i % 26));
        all += frame_of(body);
        bodies.push_back(std::move(body));
    }
    for (const std::size_t step : {1UL, 7UL, 1000UL, 5000UL, 70'000UL, 1UL << 30}) {
        Feed feed;
        REQUIRE(feed.give(all, step));
        REQUIRE(feed.frames.size() == bodies.size());
        for (std::size_t i = 0; i < bodies.size(); ++i) CHECK((feed.frames[i].view == bodies[i]));
        CHECK(feed.cutter.partial_bytes() == 0);
    }
}

TEST_CASE("many frames of one read share its buffer, and an unshared buffer is filled again") {
    Feed feed;
    REQUIRE(feed.give(frame_of("one!") + frame_of("two!") + frame_of("three") + std::string("\0\0", 2)));
    REQUIRE(feed.frames.size() == 3);
    CHECK(feed.frames[0].owner == feed.frames[2].owner);
    CHECK(feed.frames[0].view.data() + 8 == feed.frames[1].view.data());
    REQUIRE(feed.give(std::string("\0\4four", 6)));
    CHECK(feed.frames[3].view == "four");
    CHECK(feed.frames[0].view == "one!");
#if !__has_feature(thread_sanitizer)
    const char* const first = feed.frames[0].view.data();
    feed.frames.clear();
    REQUIRE(feed.give(frame_of("five")));
    CHECK(feed.frames[0].view.data() == first);
#endif
}

TEST_CASE("memory follows the bytes that have come, not the length that was announced") {
    for (const std::size_t come : {8UL, 5'000UL, 70'000UL, 700'000UL, 5'000'000UL}) {
        Feed feed;
        REQUIRE(feed.give(announce(100 * 1024 * 1024) + std::string(come - 8, 'x'), 1500));
        CHECK(feed.cutter.partial_bytes() == come);
        CHECK(feed.buffer_bytes_most <= 2 * come + 64 * 1024);
    }
}

TEST_CASE("a frame as long as one that came before is received without copying") {
    Feed feed;
    const std::string frame = frame_of(std::string(600'000, 'x'));
    REQUIRE(feed.give(frame));
    REQUIRE(feed.give(std::string_view(frame).substr(0, 4)));
    CHECK(feed.cutter.buffer_bytes() <= FrameCutter::buffer_bytes_max);
    feed.cutter.space();
    CHECK(feed.cutter.buffer_bytes() == frame.size());
}

TEST_CASE("hostile lengths end the connection") {
    const FrameLimits limits{.frame_bytes_max = 1000, .frame_bytes_min = 8};
    for (const auto& [length, code] : {std::pair{-1, Errc::corrupt},
                                       {0, Errc::corrupt},
                                       {7, Errc::corrupt},
                                       {std::numeric_limits<std::int32_t>::min(), Errc::corrupt},
                                       {1001, Errc::too_large},
                                       {std::numeric_limits<std::int32_t>::max(), Errc::too_large}}) {
        Feed feed(limits);
        const auto result = feed.give(announce(length).substr(0, 4));
        REQUIRE_FALSE(result);
        CHECK(result.error().code == code);
    }
    Feed feed(limits);
    CHECK(feed.give(frame_of(std::string(1000, 'x'))));
    feed.cutter.set_frame_bytes_max(2000);
    CHECK(feed.give(frame_of(std::string(2000, 'x'))));
}

TEST_CASE("the head of a long frame is checked before more than 64 KiB of it are taken") {
    std::vector<std::pair<int, int>> seen;
    const auto check = [&seen](std::int16_t api_key, std::int16_t version, std::uint32_t) -> base::Result<> {
        seen.emplace_back(api_key, version);
        if (api_key == 0) return {};
        return base::fail(Errc::unsupported_version, "no such API: {}", api_key);
    };
    Feed feed({}, check);
    REQUIRE(feed.give(frame_of(std::string(60'000, '\1'))));  // Short frames are the decoder's business.
    CHECK(seen.empty());
    REQUIRE(feed.give(announce(70'000, 0, 9) + std::string(70'000 - 4, 'x'), 100));
    CHECK(seen == std::vector<std::pair<int, int>>{{0, 9}});  // Once.
    REQUIRE(feed.give(announce(70'000, 77, 9).substr(0, 7)));
    const auto result = feed.give(std::string(1, '\0'));
    REQUIRE_FALSE(result);
    CHECK(result.error().code == Errc::unsupported_version);
}

TEST_CASE("buffers follow what a connection does") {
    Feed feed;
    const std::string small = frame_of("ping");
    REQUIRE(feed.give(small));
    CHECK(feed.cutter.buffer_bytes() == FrameCutter::buffer_bytes_min);
    std::string many;
    for (int i = 0; i < 100'000; ++i) many += small;
    REQUIRE(feed.give(many));
    CHECK(feed.buffer_bytes_most == FrameCutter::buffer_bytes_max);
    for (int i = 0; i < 10; ++i) {
        feed.frames.clear();
        REQUIRE(feed.give(small));
    }
    CHECK(feed.cutter.buffer_bytes() == FrameCutter::buffer_bytes_min);
}

TEST_CASE("random bytes never crash the cutter nor make it hold more than came") {
    base::Random random(7);
    for (int run = 0; run < 2000; ++run) {
        Feed feed({.frame_bytes_max = 1 << 20});
        std::string bytes(1 + random.below(3000), '\0');
        const bool small_lengths = random.one_in(2);
        for (char& c : bytes) c = small_lengths && !random.one_in(8) ? '\0' : static_cast<char>(random.next());
        if (feed.give(bytes, 1 + random.below(200))) CHECK(feed.buffer_bytes_most <= 2 * bytes.size() + 64 * 1024);
    }
}
