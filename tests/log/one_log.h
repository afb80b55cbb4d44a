// SPDX-License-Identifier: Apache-2.0
// One log on a memory disk, and its lives.
#pragma once

#include <doctest/doctest.h>

#include "tests/log/fixture.h"

namespace klog::log::test {

struct OneLog {
    os::MemoryDisk disk;
    Machine machine{disk};
    std::unique_ptr<PartitionLog> log;

    void open() {
        if (!machine.directory) REQUIRE(machine.start());
        auto opened = machine.open(demo);
        REQUIRE_MESSAGE(opened, opened.error().message);
        log = std::move(*opened);
    }
    void close_clean() {
        REQUIRE(lent(*log, [&] { return log->close(); }));
        log.reset();
        const auto closed = machine.directory->close();
        REQUIRE_MESSAGE(closed, closed.error().message);
        machine.stop();
    }
    void die() {
        log.reset();
        machine.stop();
    }
};

/// Segments of ten batches with one record of five bytes each.
struct SmallSegments : OneLog {
    static constexpr std::int32_t batch_bytes = 61 + 7 + 5;

    SmallSegments() {
        machine.config->segment_bytes = 10 * batch_bytes;
        machine.config->index_interval_bytes = 2 * batch_bytes;
    }
    void fill(int count) {
        for (int i = 0; i < count; ++i) REQUIRE(append(*log, {{fmt::format("{:05}", i)}, 1'700'000'000'000 + i}));
        machine.runtime.settle();
    }
    void damage_batch(int segment, int batch, int byte, int mask = 0xff) {
        disk.damage("/data/demo_0/" + segment_file_name({segment}, FileKind::log),
                    static_cast<std::uint64_t>(batch * batch_bytes + byte), static_cast<unsigned char>(mask));
    }
};

}  // namespace klog::log::test
