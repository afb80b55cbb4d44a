// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "core/base/big_endian.h"
#include "core/broker/inbox.h"

using namespace klog;
using namespace klog::broker;

namespace {

/// A frame of an API, filled up to `bytes`.
std::string frame(std::int16_t api_key, std::size_t bytes, std::int32_t announced = -1) {
    std::string out(4 + bytes, 'x');
    base::store_big<std::int32_t>(out.data(), announced >= 0 ? announced : static_cast<std::int32_t>(bytes));
    if (bytes >= 2) base::store_big<std::int16_t>(out.data() + 4, api_key);
    return out;
}

void receive(Inbox& inbox, std::string_view bytes) {
    while (!bytes.empty()) {
        if (const std::size_t wanted = inbox.wanted(); wanted != inbox.capacity()) inbox.resize(wanted);
        const std::size_t n = std::min(bytes.size(), inbox.room().size());
        bytes.copy(inbox.room().data(), n);
        inbox.filled(n);
        bytes.remove_prefix(n);
        std::string_view ignored;
        (void)inbox.next(ignored);  // Finds out how much the frame needs.
    }
}

constexpr std::int16_t produce = 0, metadata = 3;

}  // namespace

TEST_CASE("all whole frames are cut, and the rest waits for more") {
    Inbox inbox(1000);
    const std::string bytes = frame(produce, 20) + frame(metadata, 30) + frame(produce, 40).substr(0, 15);
    inbox.resize(inbox.wanted());
    bytes.copy(inbox.room().data(), bytes.size());
    inbox.filled(bytes.size());
    std::string_view out;
    CHECK(inbox.next(out) == Inbox::Cut::frame);
    CHECK(out.size() == 20);
    CHECK(inbox.next(out) == Inbox::Cut::frame);
    CHECK(out.size() == 30);
    CHECK(inbox.next(out) == Inbox::Cut::partial);
    inbox.forget();
    const std::string rest = frame(produce, 40).substr(15);
    rest.copy(inbox.room().data(), rest.size());
    inbox.filled(rest.size());
    CHECK(inbox.next(out) == Inbox::Cut::frame);
    CHECK(out == std::string_view(frame(produce, 40)).substr(4));
}

TEST_CASE("frames that cannot be are refused from their first bytes") {
    const auto refused = [](std::string_view bytes) {
        Inbox inbox(100u << 20);
        inbox.resize(inbox.wanted());
        bytes.copy(inbox.room().data(), bytes.size());
        inbox.filled(bytes.size());
        std::string_view out;
        return inbox.next(out) == Inbox::Cut::bad;
    };
    CHECK(refused(frame(produce, 8, 7)));
    CHECK(refused(frame(produce, 8, (100 << 20) + 1)));
    CHECK(refused(std::string("\xff\xff\xff\xff", 4)));
    CHECK(refused(frame(12345, 8)));
    CHECK(refused("GET / HTTP/1.1\r\n\r\n"));
    CHECK(refused(frame(metadata, 8, static_cast<std::int32_t>(naming_request_bytes_max) + 1)));
    CHECK_FALSE(refused(frame(produce, 8, 100 << 20)));
}

TEST_CASE("memory follows the bytes that came, not the length that was announced") {
    Inbox inbox(100u << 20);
    const std::string head = frame(produce, 8, 100 << 20);
    inbox.resize(inbox.wanted());
    std::size_t received = 0;
    receive(inbox, head);
    received += head.size();
    CHECK(inbox.wanted() <= read_bytes_min);
    while (received < (8u << 20)) {
        receive(inbox, std::string(10'000, 'y'));
        received += 10'000;
        CHECK(inbox.capacity() <= 2 * received + read_bytes_min);
    }
}

TEST_CASE("a large frame comes out whole") {
    Inbox inbox(100u << 20);
    const std::string large = frame(produce, 3'000'000);
    std::string_view rest = large;
    std::string_view out;
    Inbox::Cut cut = Inbox::Cut::partial;
    while (cut == Inbox::Cut::partial) {
        REQUIRE_FALSE(rest.empty());
        if (const std::size_t wanted = inbox.wanted(); wanted != inbox.capacity()) inbox.resize(wanted);
        const std::size_t n = std::min(rest.size(), inbox.room().size());
        rest.copy(inbox.room().data(), n);
        inbox.filled(n);
        rest.remove_prefix(n);
        cut = inbox.next(out);
    }
    CHECK(cut == Inbox::Cut::frame);
    CHECK(out == std::string_view(large).substr(4));
}

TEST_CASE("a buffer that is hardly used becomes small again") {
    Inbox inbox(100u << 20);
    inbox.resize(256u << 10);
    for (int i = 0; i < 300; ++i) {
        receive(inbox, frame(produce, 100));
        inbox.forget();
    }
    CHECK(inbox.capacity() <= 2 * read_bytes_min);
}
