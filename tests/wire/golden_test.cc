// SPDX-License-Identifier: Apache-2.0
// Foreign bytes: what another implementation wrote survives decode and encode unchanged, and damage does no worse than
// to be refused.
#include <doctest/doctest.h>

#include <set>

#include "core/base/random.h"
#include "core/wire/apis.h"
#include "core/wire/cursor.h"
#include "core/wire/headers.h"
#include "tests/wire/golden.h"

using namespace klog;
using namespace klog::wire;
using namespace klog::wire::test;

TEST_CASE("a frame written by another implementation survives decode and encode unchanged") {
    REQUIRE(golden_messages().size() > 2000);
    for (const auto& g : golden_messages()) {
        const std::string again = verbs_of(g.name).reencode(g.frame, g.version);
        CHECK_MESSAGE(again == g.frame, g.label(), " ", again.substr(0, 80));
    }
}

TEST_CASE("there are foreign frames of every version of every message") {
    std::set<std::string> seen;
    for (const auto& g : golden_messages()) seen.insert(g.label());
    for (const auto& verbs : all_verbs()) {
        for (Version v = verbs.first; v <= verbs.last; ++v) {
            const std::string label = verbs.name + " v" + std::to_string(v);
            CHECK_MESSAGE(seen.contains(label), label);
        }
    }
}

TEST_CASE("a foreign frame, sent with a header, is length, header and the same bytes") {
    for (const auto& g : golden_messages()) {
        const auto& verbs = verbs_of(g.name);
        const auto sent = verbs.as_frame(g.frame, g.version).flatten();
        REQUIRE(sent.has_value());
        const auto length = static_cast<std::size_t>(base::load_big<std::int32_t>(sent->data()));
        REQUIRE(length + frame_prefix_bytes == sent->size());
        CHECK_MESSAGE(sent->ends_with(g.frame), g.label());
        const bool header_only = length - g.frame.size() >= 4 && length - g.frame.size() <= 17;
        CHECK_MESSAGE(header_only, g.label());
    }
}

TEST_CASE("every proper prefix of a frame is refused") {
    constexpr std::size_t places_max = 600;
    base::Random random(10);
    for (const auto& g : golden_messages()) {
        const auto& verbs = verbs_of(g.name);
        const std::size_t size = g.frame.size();
        for (std::size_t i = 0; i < std::min(size, places_max); ++i) {
            // Of a long one, the places at both ends and some in between.
            std::size_t n = i;
            if (size > places_max && i >= places_max / 3)
                n = i < places_max * 2 / 3 ? random.below(size) : size - (places_max - i);
            // A copy of its own, so that the address sanitizer sees a read past the end.
            const std::vector<char> cut(g.frame.begin(), g.frame.begin() + static_cast<std::ptrdiff_t>(n));
            const bool decoded = verbs.decodes({cut.data(), cut.size()}, g.version);
            REQUIRE_MESSAGE(!decoded, g.label(), " cut to ", n);
        }
    }
}

TEST_CASE("a byte behind a frame is left alone, as Kafka leaves it") {
    for (const auto& g : golden_messages()) {
        const bool decoded = verbs_of(g.name).decodes(g.frame + '\0', g.version);
        CHECK_MESSAGE(decoded, g.label());
    }
}

TEST_CASE("no mutated frame does worse than fail, and what still decodes survives encode and decode") {
    base::Random random(11);
    for (const auto& g : golden_messages()) {
        if (g.frame.empty()) continue;
        const auto& verbs = verbs_of(g.name);
        for (int round = 0; round < (g.frame.size() > 5000 ? 2 : 20); ++round) {
            std::string frame = g.frame;
            for (int i = 0; i < 1 + round % 4; ++i)
                frame[random.below(frame.size())] = static_cast<char>(random.next());
            REQUIRE_MESSAGE(verbs.survives(frame, g.version), g.label());
        }
    }
}

TEST_CASE("a frame read as another version or another message does no worse than fail") {
    base::Random random(12);
    for (const auto& g : golden_messages()) {
        for (int round = 0; round < 4; ++round) {
            const auto& other = round == 0 ? verbs_of(g.name) : all_verbs()[random.below(all_verbs().size())];
            const auto version = static_cast<Version>(random.between(other.first, other.last));
            REQUIRE_MESSAGE(other.survives(g.frame, version), g.label(), " as ", other.name, " v", version);
        }
    }
}

namespace {

template <class Header>
std::string header_again(const Golden& g, std::string_view trailing) {
    Header header;
    std::string_view body;
    const std::string frame = g.frame + std::string(trailing);
    if (!decode_header(frame, g.version, header, body) || body != trailing) return "<refused>";
    std::string out(header_size(header, g.version), '\0');
    Encode sink{out.data()};
    write_header(header, g.version, sink);
    return out;
}

}  // namespace

TEST_CASE("foreign headers survive decode and encode, and their prefixes are refused") {
    std::set<std::string> seen;
    for (const auto& g : golden_headers()) {
        seen.insert(g.label());
        const bool request = g.name == "RequestHeader";
        CHECK((request ? header_again<RequestHeader>(g, "body") : header_again<ResponseHeader>(g, "body")) == g.frame);
        for (std::size_t n = 0; n < g.frame.size(); ++n) {
            const std::vector<char> cut(g.frame.begin(), g.frame.begin() + static_cast<std::ptrdiff_t>(n));
            RequestHeader request_header;
            ResponseHeader response_header;
            std::string_view body;
            const std::string_view view(cut.data(), cut.size());
            const bool decoded = request ? decode_header(view, g.version, request_header, body)
                                         : decode_header(view, g.version, response_header, body);
            CHECK_FALSE(decoded);
        }
    }
    CHECK(seen.size() == 5);
}
