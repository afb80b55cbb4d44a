// SPDX-License-Identifier: Apache-2.0
// Writing what is derived from the log, when that fails.
#include <doctest/doctest.h>

#include "tests/log/fixture.h"

using namespace klog;
using namespace klog::log;
using namespace klog::log::test;

namespace {

struct OneLog {
    os::MemoryDisk disk;
    Machine machine{disk};
    std::unique_ptr<PartitionLog> log;
    OneLog() {
        machine.config->segment_bytes = 1000;
        machine.config->index_interval_bytes = 100;
    }
    ~OneLog() { log.reset(); }
    void open() {
        if (!machine.directory) REQUIRE(machine.start());
        auto opened = machine.open(demo);
        REQUIRE_MESSAGE(opened, opened.error().message);
        log = std::move(*opened);
    }
    void fill(int batches = 5) {
        for (int i = 0; i < batches; ++i) REQUIRE(append(*log, {{"value " + std::to_string(i)}}));
        machine.runtime.settle();
    }
};

}  // namespace

TEST_CASE("a checkpoint whose sync fails takes the directory offline") {
    OneLog one;
    one.open();
    one.fill();
    one.disk.plan({os::Call::sync_directory});
    const auto work = one.log->begin_checkpoint();
    REQUIRE(work);
    CHECK_FALSE(work->run());
    CHECK(one.machine.directory->state() == DirectoryState::offline);
}

TEST_CASE("after a checkpoint that failed for want of room, the next one moves the recovery point") {
    OneLog one;
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
