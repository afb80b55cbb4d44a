// SPDX-License-Identifier: Apache-2.0
// Reading what is not in memory: nothing that the medium has spoilt is served or passed over.
#include "tests/log/one_log.h"

using namespace klog;
using namespace klog::log;
using namespace klog::log::test;

namespace {

/// Two closed segments of ten batches with one record each, and an active one, after a clean stop.
struct Stored : SmallSegments {
    Stored() {
        open();
        fill(25);
        close_clean();
    }
    /// Where the cold read of all that follows `from` meets damage; -1: nowhere.
    std::int64_t damage_behind(std::int64_t from) {
        for (Offset next{from}; next < log->log_end_offset();) {
            const auto got = read(*log, {next, 64 << 10, log->log_end_offset(), true});
            REQUIRE_MESSAGE(got, got.error().message);
            if (got->damage) return got->next.value;
            REQUIRE(got->next > next);
            next = got->next;
        }
        return -1;
    }
};

}  // namespace

TEST_CASE("a batch whose base offset has rotted is damage, wherever a cold read begins") {
    // Byte 7 is the lowest of the offset: 13 becomes 9, 15, 29. Byte 0 makes it enormous.
    for (const auto& [byte, mask] : {std::pair{7, 4}, std::pair{7, 2}, std::pair{7, 16}, std::pair{0, 64}}) {
        for (int rotten = 10; rotten < 20; ++rotten) {
            for (int from = 10; from <= rotten; ++from) {
                Stored stored;
                const auto position = static_cast<std::uint64_t>((rotten - 10) * Stored::batch_bytes + byte);
                stored.disk.damage("/data/demo_0/00000000000000000010.log", position, static_cast<unsigned char>(mask));
                stored.open();
                INFO("batch ", rotten, ", byte ", byte, " ^ ", mask, ", read from ", from);
                CHECK(stored.damage_behind(from) >= from);
            }
        }
    }
}

TEST_CASE("offsets that compaction has left out are no damage") {
    Stored stored;
    // The 14th record goes: its bytes are taken out of the file.
    auto file = *stored.disk.open("/data/demo_0/00000000000000000010.log", os::Open::read_write);
    std::string bytes(10 * Stored::batch_bytes, '\0');
    REQUIRE(file->read_at(0, bytes));
    bytes.erase(4 * Stored::batch_bytes, 2 * Stored::batch_bytes);
    REQUIRE(file->write_at(0, bytes));
    REQUIRE(file->truncate(bytes.size()));
    REQUIRE(stored.disk.remove("/data/demo_0/00000000000000000010.index"));
    stored.open();
    CHECK(stored.damage_behind(0) == -1);
    CHECK(read_values(*stored.log, {0})->size() == 23);
}

TEST_CASE("after a clean stop an idle partition gives up its last segment when its time has come") {
    Stored stored;
    stored.open();
    const auto retain = [&](base::TimestampMs now_ms) {
        if (const auto work = stored.log->retention_work(now_ms)) REQUIRE(work->run());
        return stored.log->apply_retention(now_ms, stored.log->log_end_offset());
    };
    CHECK(retain(1'700'000'000'000 + stored.machine.config->retention_ms) == 0);
    CHECK(retain(1'800'000'000'000) == 3);
    CHECK(stored.log->log_start_offset() == Offset{25});
    CHECK(append(*stored.log, {{"new"}})->base_offset == Offset{25});
    stored.machine.runtime.settle();
    stored.close_clean();
    stored.open();
    CHECK(stored.log->log_start_offset() == Offset{25});
    CHECK(read_values(*stored.log, {25})->size() == 1);
}
