// SPDX-License-Identifier: Apache-2.0
// What the writing client does: producers (idempotent in bursts, acks=1, acks=0) and one administrator, who makes,
// grows, configures, empties and deletes topics. Each tells the judge what it asks and what it is answered. Lives on
// the writer's machine.
#pragma once

#include <array>
#include <deque>
#include <string>
#include <vector>

#include "core/records/compression.h"
#include "core/wire/messages/00_produce.h"
#include "tests/sim/client.h"
#include "tests/sim/judge.h"
#include "tests/sim/world.h"

namespace klog::sim {

class Workload {
public:
    Workload(World& world, Judge& judge);

    /// Starts everything on the writer's machine.
    void start();
    /// No new work: each producer sends one more burst, which must get through, then everything ends.
    void stop() { stopping_ = true; }
    bool ended() const { return ended_; }
    /// For messages: what has not ended.
    std::string unfinished() const;

private:
    static constexpr int producers_max = 4;
    static constexpr std::size_t topics_max = 5;
    static constexpr int in_flight_max = 4;  // Within the five batches that a broker remembers of a producer.

    struct Batch {
        std::string bytes;
        std::vector<Value> values;
        std::int64_t producer = -1;
        std::int32_t sequence = -1;
        bool acknowledged = false;
        bool answered = false;  // In this attempt.
        wire::ErrorCode error = wire::ErrorCode::none;
    };
    struct Producer {
        int index = 0;
        base::Random random;
        std::int64_t id = -1;  // None yet.
        std::int16_t epoch = 0;
        std::map<Place, std::int32_t> sequences;
        std::set<Place> known;  // Where one of its batches was acknowledged.
        bool ended = false;
    };

    static runtime::Task<void> run(Workload* self);
    static runtime::Task<void> produce(Workload* self, Producer* producer);
    static runtime::Task<void> administer(Workload* self);
    runtime::Task<void> send_burst(Producer* producer, Place place);
    runtime::Task<void> attempt(Producer* producer, Place place, std::deque<Batch>* burst);
    runtime::Task<void> send_unsure(Producer* producer, Place place, std::int16_t acks);
    runtime::Task<bool> get_producer_id(Producer* producer);
    static runtime::Task<void> send_one(Workload* self, std::shared_ptr<net::Peer> peer, wire::Version version,
                                        Place place, Batch* batch);
    Batch make_batch(Producer& producer, const Place& place, bool idempotent);
    void take_answer(const Place& place, const Batch& batch, bool in_order);

    runtime::Task<void> create_topic();
    runtime::Task<void> grow_topic(base::Uuid id);
    runtime::Task<void> delete_topic(base::Uuid id);
    runtime::Task<void> configure_topic(base::Uuid id);
    runtime::Task<void> delete_records(Place place);
    runtime::Task<base::Uuid> find_topic(std::string name);

    std::optional<Place> pick(base::Random& random) const;
    std::optional<base::Uuid> pick_topic();
    bool gone(const base::Uuid& id) const { return judge_.topics().at(id).deletion_asked; }
    Link& link_of(const Producer& producer) { return producer.index % 2 == 0 ? first_link_ : second_link_; }
    runtime::SleepUntil pause(base::Random& random, int ms_max) const;

    World& world_;
    Judge& judge_;
    Link first_link_, second_link_, admin_link_;
    std::vector<Producer> producers_;
    base::Random admin_random_;
    int next_topic_ = 0;
    std::vector<std::string> free_names_;   // Of deleted topics; no request that names them can still be under way.
    std::set<std::string> doubtful_names_;  // Named by requests without an answer, which may yet be served.
    bool admin_ended_ = false;
    bool stopping_ = false;
    bool ended_ = false;
    runtime::Scope scope_;
    runtime::Scope work_;
};

}  // namespace klog::sim
