// SPDX-License-Identifier: Apache-2.0
// A log in trouble: a full disk, damage, a failed directory, and what goes on all the same.
#include <doctest/doctest.h>

#include "tests/log/fixture.h"

using namespace klog;
using namespace klog::log;
using namespace klog::log::test;

namespace {

/// Segments of ten batches with one record each.
struct OneLog {
    static constexpr std::int32_t batch_bytes = 61 + 7 + 5;
    os::MemoryDisk disk;
    Machine machine{disk};
    std::unique_ptr<PartitionLog> log;

    OneLog() {
        machine.config->segment_bytes = 10 * batch_bytes;
        machine.config->index_interval_bytes = 2 * batch_bytes;
    }
    ~OneLog() { log.reset(); }
    void open() {
        if (!machine.directory) REQUIRE(machine.start());
        auto opened = machine.open(demo);
        REQUIRE_MESSAGE(opened, opened.error().message);
        log = std::move(*opened);
    }
    void fill(int count) {
        for (int i = 0; i < count; ++i) REQUIRE(append(*log, {{fmt::format("{:05}", i)}}));
        machine.runtime.settle();
    }
    void die() {
        log.reset();
        machine.stop();
    }
    void close_clean() {
        REQUIRE(lent(*log, [&] { return log->close(); }));
        log.reset();
        REQUIRE(machine.directory->close());
        machine.stop();
    }
    void damage_batch(int segment, int batch, int byte, int mask = 0xff) {
        disk.damage("/data/demo_0/" + segment_file_name({segment}, FileKind::log),
                    static_cast<std::uint64_t>(batch * batch_bytes + byte), static_cast<unsigned char>(mask));
    }
    /// Reads as the owner does, which notes damage.
    void read_all() {
        for (Offset from = log->log_start_offset(); from < log->log_end_offset();) {
            const auto got = read(*log, {from, 64 << 10, log->log_end_offset(), true});
            if (!got) return;
            if (got->damage) return log->set_damage({got->next, *got->damage});
            from = got->next;
        }
    }
};

}  // namespace

TEST_CASE("a rotten base offset below the recovery point is damage, not the end of the log") {
    // To somewhere beyond everything, right before the recovery point, and a little.
    for (const auto& [byte, mask] : {std::pair{0, 0x40}, std::pair{7, 5 ^ 19}, std::pair{7, 0x02}}) {
        for (const bool compacted : {false, true}) {
            INFO("byte ", byte, " ^ ", mask, ", compacted ", compacted);
            OneLog one;
            one.machine.config->segment_bytes = one.machine.config->index_interval_bytes = 1 << 20;
            one.open();
            one.fill(20);
            REQUIRE(checkpoint(one.machine, *one.log));
            one.fill(5);
            one.die();
            one.damage_batch(0, 5, byte, mask);
            const auto size = one.disk.info("/data/demo_0/00000000000000000000.log")->size;
            one.machine.config->cleanup_compact = compacted;
            one.open();
            REQUIRE(one.log->damage());
            CHECK(one.log->damage()->offset.value == 5);
            CHECK(one.log->log_end_offset().value == 20);
            CHECK(one.disk.info("/data/demo_0/00000000000000000000.log")->size == size);
        }
    }
}
