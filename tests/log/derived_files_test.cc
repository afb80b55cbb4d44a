// SPDX-License-Identifier: Apache-2.0
// Writing what is derived from the log, when that fails.
#include "tests/log/one_log.h"

using namespace klog;
using namespace klog::log;
using namespace klog::log::test;

namespace {

struct Indexed : OneLog {
    Indexed() {
        machine.config->segment_bytes = 1000;
        machine.config->index_interval_bytes = 100;
    }
    void fill(int batches = 5) {
        for (int i = 0; i < batches; ++i) REQUIRE(append(*log, {{"value " + std::to_string(i)}}));
        machine.runtime.settle();
    }
};

}  // namespace

TEST_CASE("a checkpoint whose sync fails takes the directory offline") {
    Indexed one;
    one.open();
    one.fill();
    one.disk.plan({os::Call::sync_directory});
    const auto work = one.log->begin_checkpoint();
    REQUIRE(work);
    CHECK_FALSE(work->run());
    CHECK(one.machine.directory->state() == DirectoryState::offline);
}

TEST_CASE("after a checkpoint that failed for want of room, the next one moves the recovery point") {
    Indexed one;
    one.open();
    one.fill();
    one.disk.plan({os::Call::write, 1, Errc::no_space});
    auto work = one.log->begin_checkpoint();
    REQUIRE(work);
    CHECK_FALSE(work->run());
    work.reset();
    REQUIRE(checkpoint(one.machine, *one.log));
    CHECK(one.log->recovery_point() == Offset{5});
}

TEST_CASE("a read rebuilds an index in memory, and one job writes it") {
    Indexed one;
    one.open();
    one.fill(30);
    one.close_clean();
    const std::string index = "/data/demo_0/00000000000000000000.index",
                      times = "/data/demo_0/00000000000000000000.timeindex";
    const auto size = one.disk.info(index)->size, times_size = one.disk.info(times)->size;
    REQUIRE(size > 0);
    REQUIRE(one.disk.remove(index));
    one.open();
    auto found = one.log->read({{2}, 100, {30}, true});
    REQUIRE(found->cold);
    const auto steps = one.disk.steps();
    found->cold->run();
    CHECK(one.disk.steps() == steps);
    CHECK(one.log->finish_read(found->cold)->bytes > 0);
    SUBCASE("") {
        one.machine.runtime.settle();
        CHECK(one.disk.info(index)->size == size);
        CHECK(one.disk.info(times)->size == times_size);
    }
    SUBCASE("but not when the log was begun anew meanwhile") {
        REQUIRE(lent(*one.log, [&] { return one.log->truncate_fully_and_start_at({0}); }));
        one.machine.runtime.settle();
        CHECK_FALSE(one.disk.info(index));
    }
    SUBCASE("and what it fails at takes the directory offline") {
        one.disk.plan({os::Call::sync_directory});
        one.machine.runtime.settle();
        CHECK(one.machine.directory->state() == DirectoryState::offline);
    }
}

TEST_CASE("an index that may be mapped is not cut in place") {
    Indexed one;
    one.open();
    one.fill(30);
    REQUIRE(checkpoint(one.machine, *one.log));
    bool in_place = false;
    one.disk.before_step([&](const os::Step& step) {
        in_place = in_place || (step.call == os::Call::truncate && step.path.ends_with("index"));
    });
    REQUIRE(lent(*one.log, [&] { return one.log->truncate_to({5}); }));
    one.fill(1);
    REQUIRE(checkpoint(one.machine, *one.log));
    CHECK_FALSE(in_place);
}

namespace {

std::string transaction_then_abort(Offset base) {
    BatchSpec spec{{"aborted"}};
    spec.producer = {{7}, {0}, 0};
    spec.transactional = true;
    return make_batch(spec, base, {0}) +
           records::build_end_transaction({false, 0}, {7}, {0}, 1'700'000'000'000, base + 1, {0});
}

}  // namespace

TEST_CASE("an aborted transaction that was cut off is forgotten on disk, too") {
    Indexed one;
    one.machine.config->segment_bytes = 1 << 20;
    one.open();
    REQUIRE(one.log->append_as_follower(make_batch({{"first"}}, {0}, {0}) + transaction_then_abort({1})));
    one.machine.runtime.settle();
    REQUIRE(checkpoint(one.machine, *one.log));
    REQUIRE(one.log->aborted_transactions({0}, {3})->size() == 1);
    REQUIRE(lent(*one.log, [&] { return one.log->truncate_to({1}); }));
    one.fill();
    one.close_clean();
    one.open();
    CHECK(one.log->aborted_transactions({0}, {6})->empty());
}

TEST_CASE("recovery leaves nothing of the segments that it cuts off") {
    Indexed one;
    one.machine.config->segment_bytes = 300;
    one.open();
    one.fill(2);
    REQUIRE(one.log->append_as_follower(make_batch({{"first"}}, {2}, {0}) + transaction_then_abort({3})));
    one.fill(8);
    const auto base = one.log->segments()[1].base_offset;
    const auto indexes_of = [&](FileKind kind) {
        return one.disk.info("/data/demo_0/" + segment_file_name(base, kind)).has_value();
    };
    REQUIRE(indexes_of(FileKind::offset_index));
    one.log.reset();
    one.machine.stop();
    // The first segment loses its last batch: the log ends there.
    auto file = *one.disk.open("/data/demo_0/00000000000000000000.log", os::Open::read_write);
    REQUIRE(file->truncate(*file->size() - 10));
    one.open();
    REQUIRE(one.log->segments().size() == 1);
    for (const auto kind : {FileKind::log, FileKind::offset_index, FileKind::time_index, FileKind::transaction_index})
        CHECK_FALSE(indexes_of(kind));
}
