// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/judge.h"

#include <doctest/doctest.h>

using namespace klog;
using namespace klog::sim;

namespace {

struct Court {
    Judge judge;
    Place place;
    Court() {
        base::Random random(1);
        place = {base::Uuid::random(random), 0};
        judge.topic_created("t", place.topic, 1);
    }
    Value sent() { return judge.new_record(place); }
    Value acknowledged_at(std::int64_t offset) {
        const Value value = sent();
        judge.acknowledged(value, offset);
        return value;
    }
    bool content() const { return judge.content(); }
};

}  // namespace

TEST_CASE("the judge is content with a log that keeps its promises") {
    Court court;
    const Value a = court.acknowledged_at(0);
    const Value b = court.acknowledged_at(1);
    court.judge.final_read_begins(court.place);
    court.judge.read(court.place, 0, a);
    court.judge.read(court.place, 1, b);
    court.judge.final_read_ended(court.place, 0, 2);
    CHECK(court.content());
}

TEST_CASE("the judge misses an acknowledged record") {
    Court court;
    const Value a = court.acknowledged_at(0);
    court.acknowledged_at(1);
    court.judge.final_read_begins(court.place);
    court.judge.read(court.place, 0, a);
    SUBCASE("in the middle") { court.judge.final_read_ended(court.place, 0, 2); }
    SUBCASE("behind the end") { court.judge.final_read_ended(court.place, 0, 1); }
    CHECK(!court.content());
}

TEST_CASE("the judge sees a record twice") {
    Court court;
    const Value a = court.acknowledged_at(0);
    court.judge.read(court.place, 1, a);
    CHECK(!court.content());
}

TEST_CASE("the judge sees an offset with two records") {
    Court court;
    SUBCASE("one read after the other") {
        court.judge.read(court.place, 0, court.sent());
        court.judge.read(court.place, 0, court.sent());
    }
    SUBCASE("one acknowledged, another read") {
        court.acknowledged_at(0);
        court.judge.read(court.place, 0, court.sent());
    }
    CHECK(!court.content());
}

TEST_CASE("the judge sees what was never sent, or was sent elsewhere") {
    Court court;
    SUBCASE("never") { court.judge.read(court.place, 0, 77); }
    SUBCASE("elsewhere") {
        const Place other{court.place.topic, 1};
        court.judge.read(other, 0, court.sent());
    }
    CHECK(!court.content());
}

TEST_CASE("the judge sees ends that go back") {
    Court court;
    const Judge::Asked before = court.judge.ask(court.place);
    court.judge.told_end(court.place, 5, before);
    court.judge.told_end(court.place, 3, before);  // An answer that was overtaken.
    CHECK(court.content());
    SUBCASE("the high watermark") { court.judge.told_end(court.place, 4, court.judge.ask(court.place)); }
    SUBCASE("a log start that was acknowledged") {
        court.judge.deletion_asked(court.place, 3);
        court.judge.deletion_acknowledged(court.place, 3);
        court.judge.broker_ended();
        court.judge.told_start(court.place, 2, court.judge.ask(court.place));
    }
    SUBCASE("a log start that nobody asked for") {
        court.judge.told_start(court.place, 2, court.judge.ask(court.place));
    }
    CHECK(!court.content());
}

TEST_CASE("the judge sees lost configurations and repeated producer ids") {
    Court court;
    SUBCASE("a configuration") {
        court.judge.config_asked(court.place.topic, "segment.ms", "100");
        court.judge.config_acknowledged(court.place.topic, "segment.ms", "100", false);
        court.judge.config_read(court.place.topic, "segment.ms", "100");
        CHECK(court.content());
        court.judge.config_read(court.place.topic, "segment.ms", "200");
    }
    SUBCASE("a producer id") {
        court.judge.producer_id_given(5);
        court.judge.producer_id_given(5);
    }
    CHECK(!court.content());
}
