// SPDX-License-Identifier: Apache-2.0
// What the reading client does: it tails all partitions with a fetch session, reads from random offsets, asks where
// logs start and end, and at last reads everything and asks for everything. What it sees, the judge is told. Lives on
// the reader's machine.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "core/wire/messages/01_fetch.h"
#include "tests/sim/client.h"
#include "tests/sim/judge.h"
#include "tests/sim/world.h"

namespace klog::sim {

class Reader {
public:
    Reader(World& world, Judge& judge);

    void start();
    /// Reads on until it has caught up with all that the judge knows, then audits, then ends. To be called when nothing
    /// is written any more.
    void finish() { finishing_ = true; }
    bool ended() const { return ended_; }
    const std::string& doing() const { return doing_; }

private:
    /// One partition that is tailed.
    struct Tail {
        std::int64_t position = 0;
        std::int64_t told = -1;  // The position that the session knows; -1: none.
        bool lost = false;       // The position is out of range: to be looked up.
    };
    struct Session {
        std::int32_t id = 0;
        std::int32_t epoch = 0;
    };

    static runtime::Task<void> run(Reader* self);
    static runtime::Task<void> tail(Reader* self);
    static runtime::Task<void> read_at_random(Reader* self);
    runtime::Task<void> audit();

    void follow_topics();
    wire::FetchRequest tail_request();
    runtime::Task<bool> fetch_tails();
    bool take_tail(const Place& place, const wire::FetchResponse::Partition& partition, const Judge::Asked& asked);
    bool caught_up() const;
    void restart_session();

    /// Reads once, without a session. The position that follows; nothing: no answer, or an error that may pass.
    runtime::Task<std::optional<std::int64_t>> fetch_once(Place place, std::int64_t position);
    runtime::Task<std::optional<std::int64_t>> list_offset(Place place, std::int64_t which);
    std::int64_t take_records(const Place& place, std::int64_t position,
                              const wire::FetchResponse::Partition& partition, const Judge::Asked& asked);
    runtime::Task<void> read_whole(Place place);
    runtime::Task<void> audit_topics();
    runtime::Task<void> audit_configs(base::Uuid id);

    bool gone(const base::Uuid& id) const { return judge_.topics().at(id).deletion_asked; }
    runtime::SleepUntil pause(int ms_max);

    World& world_;
    Judge& judge_;
    base::Random random_;
    Link tail_link_, link_;
    std::map<Place, Tail> tails_;
    Session session_;
    std::vector<Place> forgotten_;
    bool finishing_ = false;
    bool ended_ = false;
    std::string doing_ = "reading";
    runtime::Scope scope_;
    runtime::Scope work_;
};

}  // namespace klog::sim
