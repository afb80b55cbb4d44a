// SPDX-License-Identifier: Apache-2.0
// Producers and aborted transactions of a log: what is known of them, and what it costs to know it.
#include "core/log/producer_state.h"
#include "tests/log/one_log.h"

using namespace klog;
using namespace klog::log;
using namespace klog::log::test;

namespace {

struct Transactions : SmallSegments {
    void begin(std::int64_t producer) {
        BatchSpec spec{{"12345"}};
        spec.producer = {{producer}, {0}, 0};
        spec.transactional = true;
        REQUIRE(append(*log, spec));
    }
    /// Aborts them in this order, with one append.
    void abort(std::vector<std::int64_t> producers) {
        std::vector<std::string> bytes;
        for (const auto id : producers)
            bytes.push_back(records::build_end_transaction({false, 1}, {id}, {0}, 1'700'000'000'000, {0}, {0}));
        std::vector<records::ValidBatch> valid;
        for (const auto& each : bytes) {
            auto one = records::validate(each, log->config().batch_rules(), 1'700'000'000'000, records::Origin::broker);
            REQUIRE(one);
            valid.push_back(std::move(*one));
        }
        std::vector<LeaderAppend> appends(valid.size());
        for (std::size_t i = 0; i < valid.size(); ++i) {
            appends[i].batch = &valid[i];
            appends[i].origin = AppendOrigin::coordinator;
        }
        REQUIRE(log->append_as_leader(appends, {0}));
        machine.runtime.settle();
    }
    std::vector<std::int64_t> aborted(std::int64_t from, std::int64_t to) {
        std::vector<std::int64_t> ids;
        const auto found = log->aborted_transactions({from}, {to});
        REQUIRE(found);
        for (const auto& each : *found) ids.push_back(each.producer_id.value);
        return ids;
    }
    void prepare() {
        REQUIRE(lent(*log, [&] { return log->prepare_append({0}); }));
    }
};

}  // namespace

TEST_CASE("two transactions that one append aborts are both found by who reads in front of the second") {
    Transactions one;
    one.open();
    one.begin(1);
    one.begin(2);
    one.abort({2, 1});
    CHECK(one.aborted(0, 1) == std::vector<std::int64_t>{1});
    CHECK(one.aborted(0, 2) == std::vector<std::int64_t>{2, 1});
}

TEST_CASE("who asks for aborted transactions waits for no file once the log is prepared") {
    Transactions one;
    one.open();
    one.fill(15);
    SUBCASE("when there are some") {
        one.begin(7);
        one.abort({7});
    }
    SUBCASE("when there are none") {}
    const bool some = one.log->log_end_offset() > Offset{15};
    one.fill(40);
    SUBCASE("after a clean stop") { one.close_clean(); }
    SUBCASE("after a crash") {
        REQUIRE(checkpoint(one.machine, *one.log));
        one.die();
    }
    SUBCASE("in the same life") {}
    if (!one.machine.directory) {
        // Where there are none, no file is asked for.
        if (!some) one.disk.plan({os::Call::open, 1, Errc::io, true, ".txnindex"});
        one.open();
        one.prepare();
    }
    one.disk.plan({os::Call::open, 1, Errc::io, true, ".txnindex"});
    one.disk.plan({os::Call::read, 1, Errc::io, true, ".txnindex"});
    CHECK(one.aborted(0, 30) == (some ? std::vector<std::int64_t>{7} : std::vector<std::int64_t>{}));
    CHECK(one.machine.directory->state() == DirectoryState::online);
}

TEST_CASE("of too many producers one is forgotten that has been idle for long and has no open transaction") {
    ProducerState state(100);
    base::MonotonicTime now{};
    const auto put = [&](std::int64_t id, bool open) {
        ProducerEntry entry;
        entry.seen = now += std::chrono::seconds(1);
        if (open) entry.transaction_start = Offset{id};
        state.put({id}, entry);
    };
    put(0, true);
    for (std::int64_t id = 1; id < 100; ++id) put(id, false);
    put(1, false);  // Seen again.
    for (std::int64_t id = 100; id < 190; ++id) put(id, false);
    CHECK(state.size() == 100);
    CHECK(state.find({0}) != nullptr);
    CHECK(state.find({1}) != nullptr);
    for (std::int64_t id = 2; id < 92; ++id) CHECK(state.find({id}) == nullptr);
    for (std::int64_t id = 92; id < 190; ++id) CHECK(state.find({id}) != nullptr);
}

TEST_CASE("producers that nobody has heard of for long expire, not those with an open transaction") {
    Transactions one;
    one.open();
    one.begin(1);
    BatchSpec spec{{"12345"}};
    spec.producer = {{2}, {0}, 0};
    REQUIRE(append(*one.log, spec));
    const auto known = [&] {
        std::vector<std::int64_t> ids;
        for (const auto& each : *one.log->producers()) ids.push_back(each.producer_id.value);
        return ids;
    };
    const std::chrono::milliseconds age(one.machine.config->producer_id_expiration_ms);
    one.machine.runtime.pass(age / 2);
    spec.producer = {{3}, {0}, 0};
    REQUIRE(append(*one.log, spec));
    one.machine.runtime.pass(age / 2 + std::chrono::seconds(1));
    one.log->expire_producers(0);
    CHECK(known() == std::vector<std::int64_t>{1, 3});
    // Who has expired begins anew, with any sequence that starts an epoch.
    spec.producer = {{2}, {0}, 0};
    CHECK_FALSE(append(*one.log, spec)->duplicate);
}
