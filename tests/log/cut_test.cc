// SPDX-License-Identifier: Apache-2.0
// What was removed or cut off stays gone: files of old names, flushes, recovery points and transactions of what was
// cut.
#include <atomic>
#include <future>
#include <thread>

#include "core/log/checkpoint_file.h"
#include "core/log/descriptor_cache.h"
#include "tests/log/one_log.h"

using namespace klog;
using namespace klog::log;
using namespace klog::log::test;

namespace {

std::vector<std::string> values_of(PartitionLog& log, Offset from = {0}) {
    const auto read = read_values(log, from);
    REQUIRE_MESSAGE(read, read.error().message);
    std::vector<std::string> values;
    for (const auto& [offset, value] : *read) values.push_back(value);
    return values;
}

}  // namespace

TEST_CASE("a partition of an old name does not write into the files of the one that was removed") {
    OneLog one;
    one.open();
    REQUIRE(append(*one.log, {{"old"}}));
    one.machine.runtime.settle();
    SUBCASE("closed before it was removed") {
        REQUIRE(lent(*one.log, [&] { return one.log->close(); }));
        one.log.reset();
        REQUIRE(one.machine.directory->remove_partition(demo));
    }
    SUBCASE("with a segment that retention had given up and nobody removed yet") {
        REQUIRE(one.log->roll());
        REQUIRE(one.log->delete_records_before({1}));
        REQUIRE(one.log->apply_retention(0, {1}) == 1);
        REQUIRE(lent(*one.log, [&] { return one.log->remove(); }));
        one.log.reset();
    }
    auto opened = one.machine.open(demo);
    REQUIRE(opened);
    one.log = std::move(*opened);
    REQUIRE(append(*one.log, {{"new"}}));
    one.machine.runtime.settle();
    one.die();
    one.open();
    CHECK(values_of(*one.log) == std::vector<std::string>{"new"});
}

TEST_CASE("a segment's file that is looked at while it is removed is not taken for the one that follows") {
    OneLog one;
    one.open();
    REQUIRE(append(*one.log, {{"a"}}));
    one.machine.runtime.settle();
    const std::string path = "/data/demo_0/" + segment_file_name({0}, FileKind::log);
    // A cold read on another thread opens the file just before it goes.
    one.disk.before_step([&](const os::Step& step) {
        if (step.call == os::Call::remove && step.path == path) REQUIRE(one.machine.directory->files().get(path));
    });
    REQUIRE(lent(*one.log, [&] { return one.log->truncate_fully_and_start_at({0}); }));
    one.disk.before_step({});
    REQUIRE(append(*one.log, {{"b"}}));
    one.machine.runtime.settle();
    one.die();
    one.open();
    CHECK(values_of(*one.log) == std::vector<std::string>{"b"});
}

TEST_CASE("what a cut leaves is flushed, although the round that was under way is not counted") {
    OneLog one;
    one.machine.config->segment_bytes = 200;
    one.open();
    for (int i = 0; i < 9; ++i) REQUIRE(append(*one.log, {{"x"}}));
    REQUIRE(lent(*one.log, [&] { return one.log->truncate_to({6}); }));
    one.machine.runtime.settle();
    CHECK(one.log->flushed_offset() == Offset{6});
    one.die();
    base::Random random(1);
    one.disk.crash(os::Crash::drop_unsynced, random);
    one.open();
    CHECK(one.log->log_end_offset() == Offset{6});
}

TEST_CASE("a recovery point that is just being written does not outlive a cut below it") {
    OneLog one;
    one.open();
    for (int i = 0; i < 9; ++i) REQUIRE(append(*one.log, {{"x"}}));
    one.machine.runtime.settle();
    const auto work = one.log->begin_checkpoint();
    REQUIRE(work);
    REQUIRE(work->run());
    one.log->end_checkpoint(work);
    REQUIRE(one.log->recovery_point() == Offset{9});
    // Another thread has gathered the recovery points and is about to put the file in place.
    std::promise<void> gathered, cut;
    std::atomic<bool> first = true;
    one.disk.before_step([&](const os::Step& step) {
        if (step.call != os::Call::rename || !step.path.contains(recovery_point_name) || !first.exchange(false)) return;
        gathered.set_value();
        // A cut that does not wait for the file ends here; one that does goes on later.
        (void)cut.get_future().wait_for(std::chrono::milliseconds(200));
    });
    std::thread writer([&] { CHECK(one.machine.directory->write_recovery_points()); });
    gathered.get_future().wait();
    CHECK(lent(*one.log, [&] { return one.log->truncate_to({4}); }));
    cut.set_value();
    writer.join();
    one.disk.before_step({});
    one.die();
    one.open();
    CHECK_FALSE(one.log->damage());
    CHECK(one.log->log_end_offset() == Offset{4});
}

namespace {

/// A record, and behind it an aborted transaction, in the same segment or in its own.
void begin_with_aborted(OneLog& one, bool own_segment) {
    one.open();
    BatchSpec inside{{"x"}};
    inside.producer = {{7}, {0}, 0};
    inside.transactional = true;
    REQUIRE(append(*one.log, {{"before"}}));
    if (own_segment) REQUIRE(one.log->roll());
    REQUIRE(append(*one.log, inside));
    REQUIRE(one.log->append_as_follower(
        records::build_end_transaction({false, 1}, {7}, {0}, 1, one.log->log_end_offset(), {0})));
    one.machine.runtime.settle();
    const std::vector<AbortedTransaction> aborted{{{7}, {1}, {2}, {3}}};
    REQUIRE(*one.log->aborted_transactions({0}, {3}) == aborted);
}

/// The log grows anew over where the transaction was, and is looked at by the next life.
void grow_without_aborted(OneLog& one, bool own_segment) {
    while (one.log->log_end_offset() < Offset{1}) REQUIRE(append(*one.log, {{"again"}}));
    if (own_segment) REQUIRE(one.log->roll());
    while (one.log->log_end_offset() < Offset{4}) REQUIRE(append(*one.log, {{"after"}}));
    one.machine.runtime.settle();
    one.close_clean();
    one.open();
    CHECK(one.log->aborted_transactions({0}, {4})->empty());
}

}  // namespace

TEST_CASE("an aborted transaction is known after a clean stop and after a crash") {
    for (const bool clean : {true, false}) {
        OneLog one;
        begin_with_aborted(one, false);
        if (clean)
            one.close_clean();
        else
            one.die();
        one.open();
        CHECK(one.log->aborted_transactions({0}, {3})->size() == 1);
    }
}

TEST_CASE("an aborted transaction that was cut off does not come back from its index") {
    for (const bool own_segment : {false, true}) {
        OneLog one;
        begin_with_aborted(one, own_segment);
        REQUIRE(checkpoint(one.machine, *one.log));
        REQUIRE(lent(*one.log, [&] { return one.log->truncate_to({1}); }));
        grow_without_aborted(one, own_segment);
    }
}

TEST_CASE("an aborted transaction that recovery cut off does not come back from its index") {
    for (const bool own_segment : {false, true}) {
        OneLog one;
        begin_with_aborted(one, own_segment);
        // The indexes are written, the recovery point is not noted any more, and the first record is torn.
        REQUIRE(one.log->begin_checkpoint()->run());
        one.die();
        auto file = *one.disk.open("/data/demo_0/" + segment_file_name({0}, FileKind::log), os::Open::read_write);
        REQUIRE(file->truncate(70));
        file.reset();
        one.open();
        REQUIRE(one.log->log_end_offset() == Offset{0});
        grow_without_aborted(one, own_segment);
    }
}
