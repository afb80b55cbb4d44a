// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include <doctest/doctest.h>

#include "cmd/nearest.h"
#include "cmd/offsets_grammar.h"
#include "cmd/output.h"
#include "cmd/quantity.h"

using namespace klog::cmd;
using Kind = Position::Kind;
using klog::base::PartitionId;

namespace {

constexpr klog::base::TimestampMs now = 1'700'000'000'000;
constexpr std::int64_t hour = 3'600'000;

OffsetRange range(std::string_view text) {
    const auto parsed = parse_offsets(text, now);
    REQUIRE_MESSAGE(parsed.has_value(), text);
    return parsed->all;
}
bool refused(std::string_view text) { return !parse_offsets(text, now).has_value(); }

}  // namespace

TEST_CASE("each form of the offset grammar has its meaning") {
    CHECK(range("start") == OffsetRange{{Kind::start}, {}});
    CHECK(range("beginning") == range("earliest"));
    CHECK(range("end") == OffsetRange{{Kind::end}, {}});
    CHECK(range("stored") == OffsetRange{{Kind::stored}, {}});
    CHECK(range("17") == OffsetRange{{Kind::at, 17}, {}});
    CHECK(range("17:20") == OffsetRange{{Kind::at, 17}, Position{Kind::at, 20}});
    CHECK(range("17:") == OffsetRange{{Kind::at, 17}, {}});
    CHECK(range(":20") == OffsetRange{{Kind::start}, Position{Kind::at, 20}});
    CHECK(range(":end") == OffsetRange{{Kind::start}, Position{Kind::end}});
    CHECK(range("+5") == OffsetRange{{Kind::after_start, 5}, {}});
    CHECK(range("-5") == OffsetRange{{Kind::before_end, 5}, {}});
    CHECK(range("~5") == OffsetRange{{Kind::last_in_all, 5}, {}});
    CHECK(range("~5:end") == OffsetRange{{Kind::last_in_all, 5}, Position{Kind::end}});
    CHECK(range("-100:-10") == OffsetRange{{Kind::before_end, 100}, Position{Kind::before_end, 10}});
}

TEST_CASE("times in offsets are instants, dates or spans, and may hold colons") {
    CHECK(range("@-1h") == OffsetRange{{Kind::at_time, now - hour}, {}});
    CHECK(range("@-1h30m:end") == OffsetRange{{Kind::at_time, now - hour * 3 / 2}, Position{Kind::end}});
    CHECK(range("@:-1h") == OffsetRange{{Kind::start}, Position{Kind::at_time, now - hour}});
    CHECK(range("@2023-11-14T22:13:20Z") == OffsetRange{{Kind::at_time, now}, {}});
    CHECK(range("@2023-11-14T22:13:20Z:2023-11-14T23:13:20Z") ==
          OffsetRange{{Kind::at_time, now}, Position{Kind::at_time, now + hour}});
    CHECK(range("@2023-11-14T22:13:20+00:00:1h") ==
          OffsetRange{{Kind::at_time, now}, Position{Kind::at_time, now + hour}});
    CHECK(range("@1970-01-02:1h") == OffsetRange{{Kind::at_time, 24 * hour}, Position{Kind::at_time, 25 * hour}});
    CHECK(range("@1700000000000") == OffsetRange{{Kind::at_time, now}, {}});
    CHECK(range("@1700000000") == OffsetRange{{Kind::at_time, now}, {}});
    CHECK(range("@1970-01-02:") == OffsetRange{{Kind::at_time, 24 * hour}, {}});
    CHECK(range("5:@now") == OffsetRange{{Kind::at, 5}, Position{Kind::at_time, now}});
}

TEST_CASE("offsets may be given for each partition") {
    const auto parsed = parse_offsets("0=10:20,2=end,3=@-1h", now);
    REQUIRE(parsed);
    CHECK(parsed->each.size() == 3);
    CHECK(parsed->each.at(PartitionId{0}) == OffsetRange{{Kind::at, 10}, Position{Kind::at, 20}});
    CHECK(parsed->each.at(PartitionId{2}) == OffsetRange{{Kind::end}, {}});
    CHECK(refused("0=1,0=2"));
    CHECK(refused("0=~3"));
    CHECK(refused("99999999999=1"));
}

TEST_CASE("what is not an offset is refused") {
    for (const auto* bad : {"", ":", "x", "-", "+", "~", "1:x", "20:10", "@", "@x", "@2023-13-01", "@2023-02-30", "1.5",
                            "--3", "@1h", "@-1", "~3:~2", "99999999999999999999"})
        CHECK_MESSAGE(refused(bad), bad);
}

TEST_CASE("sizes and durations read as people write them") {
    CHECK(parse_size("42").value() == 42);
    CHECK(parse_size("64k").value() == 64'000);
    CHECK(parse_size("1MiB").value() == 1'048'576);
    CHECK(parse_size("1.5Gi").value() == 1'610'612'736);
    CHECK(parse_size("1e6").value() == 1'000'000);
    CHECK(parse_size("10B").value() == 10);
    for (const auto* bad : {"", "k", "-1", "1x", "1kk", "1e99", "1..2"}) CHECK_MESSAGE(!parse_size(bad), bad);
    CHECK(parse_duration_us("5").value() == 5000);
    CHECK(parse_duration_us("500us").value() == 500);
    CHECK(parse_duration_us("1h30m").value() == 5'400'000'000);
    CHECK(parse_duration_us("1.5s").value() == 1'500'000);
    CHECK(parse_duration_us("2d").value() == 172'800'000'000);
    for (const auto* bad : {"", "s", "1x", "-5s", "1h30", "5 s"}) CHECK_MESSAGE(!parse_duration_us(bad), bad);
}

TEST_CASE("times print as RFC 3339 and read back") {
    std::string text;
    append_rfc3339(text, 1'700'000'000'123);
    CHECK(text == "2023-11-14T22:13:20.123Z");
    CHECK(parse_time(text, 0).value() == 1'700'000'000'123);
    CHECK(parse_time("2023-11-14T23:13:20.123+01:00", 0).value() == 1'700'000'000'123);
    CHECK(parse_time("2023-11-14 22:13:20.123", 0).value() == 1'700'000'000'123);
    CHECK(parse_time("1969-12-31", 0).value() == -86'400'000);
    std::string none;
    append_rfc3339(none, -1);
    CHECK(none == "-");
    const auto printed = [](std::int64_t time_ms) {
        std::string out;
        append_rfc3339(out, time_ms);
        return out;
    };
    CHECK(printed(-62'167'219'200'000) == "0000-01-01T00:00:00.000Z");
    CHECK(printed(253'402'300'799'999) == "9999-12-31T23:59:59.999Z");
    CHECK(printed(253'402'300'800'000) == "253402300800000");
    CHECK(printed(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
}

TEST_CASE("a mistyped name finds the one that was meant, and nonsense finds none") {
    const std::string_view known[] = {"bootstrap", "format", "from-file", "linger", "compression"};
    CHECK(nearest("bootstrp", known) == "bootstrap");
    CHECK(nearest("fromat", known) == "format");
    CHECK(nearest("compr", known) == "compression");
    CHECK(nearest("zzzzzz", known).empty());
    CHECK(edit_distance("abcd", "acbd") == 1);
    CHECK(edit_distance("", "abc") == 3);
}

TEST_CASE("one listing prints as table, JSON, CSV and names") {
    Listing listing("klog.thing.list/1", "things", {{"name"}, {"bytes", Column::bytes}, {"isr", Column::list, true}});
    listing.add({std::string("a,\"b"), std::int64_t{2048}, Numbers{1, 2}});
    listing.add({std::string("longer"), std::monostate{}, Numbers{}});
    CHECK(listing.render(OutputFormat::text, true) == "NAME      BYTES\na,\"b    2.0 KiB\nlonger        -\n");
    CHECK(listing.render(OutputFormat::text, false) == "NAME\tBYTES\na,\"b\t2048\nlonger\t\n");
    CHECK(listing.render(OutputFormat::wide, false) == "NAME\tBYTES\tISR\na,\"b\t2048\t1,2\nlonger\t\t\n");
    CHECK(listing.render(OutputFormat::csv, false) == "name,bytes,isr\n\"a,\"\"b\",2048,\"1,2\"\nlonger,,\n");
    CHECK(listing.render(OutputFormat::name, false) == "a,\"b\nlonger\n");
    CHECK(listing.render(OutputFormat::json, false) ==
          "{\"schema\":\"klog.thing.list/1\",\"things\":[\n{\"name\":\"a,\\\"b\",\"bytes\":2048,\"isr\":[1,2]},\n"
          "{\"name\":\"longer\",\"bytes\":null,\"isr\":[]}\n]}\n");
    CHECK(listing.render(OutputFormat::ndjson, false) ==
          "{\"name\":\"a,\\\"b\",\"bytes\":2048,\"isr\":[1,2]}\n{\"name\":\"longer\",\"bytes\":null,\"isr\":[]}\n");
    CHECK_FALSE(parse_output_format("jsno"));
}
