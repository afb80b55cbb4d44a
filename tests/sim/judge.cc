// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/judge.h"

#include <algorithm>

namespace klog::sim {

void Judge::topic_created(const std::string& name, const base::Uuid& id, std::int32_t partitions) {
    Topic topic;
    topic.name = name;
    topic.id = id;
    topic.partitions = topic.partitions_asked = partitions;
    if (!topics_.emplace(id, std::move(topic)).second) accuse("topic id {} was given twice", id.to_string());
}

void Judge::config_asked(const base::Uuid& id, const std::string& key, const std::string& value) {
    Topic& topic = topics_.at(id);
    topic.configs[key].doubtful.insert(value);
    if (key.starts_with("retention.")) topic.keeps_all = false;
}

void Judge::config_acknowledged(const base::Uuid& id, const std::string& key, const std::string& value, bool in_doubt) {
    Topic::Config& config = topics_.at(id).configs[key];
    config.value = value;
    config.known = true;
    if (!in_doubt) config.doubtful.erase(value);
}

void Judge::config_read(const base::Uuid& id, const std::string& key, const std::string& value) {
    const Topic& topic = topics_.at(id);
    const auto found = topic.configs.find(key);
    if (found == topic.configs.end() || !found->second.known) return;
    const Topic::Config& config = found->second;
    if (value != config.value && !config.doubtful.contains(value))
        accuse("{} of topic {} was set to {} and reads {}", key, topic.name, config.value, value);
}

void Judge::producer_id_given(std::int64_t id) {
    if (!producer_ids_.insert(id).second) accuse("producer id {} was given twice", id);
}

Value Judge::new_record(const Place& place) {
    records_.push_back({place, std::nullopt});
    return records_.size() - 1;
}

void Judge::promise(Value value, std::int64_t offset, const char* how) {
    Record& record = records_[value];
    if (record.offset && *record.offset != offset)
        return accuse("record {} of {} is {} at {}, and at {} before", value, record.place.to_string(), how, offset,
                      *record.offset);
    record.offset = offset;
    const auto [at, added] = logs_[record.place].promised.emplace(offset, value);
    if (!added && at->second != value)
        accuse("{} at {} held record {}, and now {} is {} there", record.place.to_string(), offset, at->second, value,
               how);
}

void Judge::acknowledged(Value value, std::int64_t offset) {
    ++acknowledged_;
    promise(value, offset, "acknowledged");
}

void Judge::read(const Place& place, std::int64_t offset, Value value) {
    ++read_;
    if (value >= records_.size())
        return accuse("{} at {} holds {}, which was never sent", place.to_string(), offset, value);
    if (records_[value].place != place)
        return accuse("{} at {} holds record {}, which was sent to {}", place.to_string(), offset, value,
                      records_[value].place.to_string());
    promise(value, offset, "read");
    logs_[place].present.insert(offset);
}

void Judge::read_next(const Place& place, std::int64_t expected, std::int64_t offset) {
    if (expected != offset) accuse("{}: {} follows where {} should", place.to_string(), offset, expected);
}

std::int64_t Judge::high_watermark(const Place& place) const {
    const auto log = logs_.find(place);
    return log == logs_.end() ? 0 : log->second.high_watermark;
}
std::int64_t Judge::log_start(const Place& place) const {
    const auto log = logs_.find(place);
    return log == logs_.end() ? 0 : log->second.start;
}

void Judge::told_start(const Place& place, std::int64_t log_start, const Asked& asked) {
    Log& log = logs_[place];
    const std::int64_t floor = std::min(asked.log_start, log.start);
    if (log_start < floor) accuse("{}: the log start went back from {} to {}", place.to_string(), floor, log_start);
    if (topics_.at(place.topic).keeps_all && log_start > log.start_asked)
        accuse("{}: the log starts at {}, and nobody has asked for more than {}", place.to_string(), log_start,
               log.start_asked);
    if (asked.life == life_) log.start = std::max(log.start, log_start);
}

void Judge::told_end(const Place& place, std::int64_t high_watermark, const Asked& asked) {
    Log& log = logs_[place];
    if (high_watermark < asked.high_watermark)
        accuse("{}: the high watermark went back from {} to {}", place.to_string(), asked.high_watermark,
               high_watermark);
    log.high_watermark = std::max(log.high_watermark, high_watermark);
}

void Judge::deletion_asked(const Place& place, std::int64_t before) {
    Log& log = logs_[place];
    log.start_asked = std::max(log.start_asked, before);
}
bool Judge::front_may_go(const Place& place) const {
    const auto log = logs_.find(place);
    return !topics_.at(place.topic).keeps_all || (log != logs_.end() && log->second.start_asked > 0);
}
void Judge::deletion_acknowledged(const Place& place, std::int64_t low_watermark) {
    Log& log = logs_[place];
    log.start_promised = std::max(log.start_promised, low_watermark);
    log.start = std::max(log.start, low_watermark);
}

void Judge::broker_ended() {
    ++life_;
    for (auto& [place, log] : logs_) log.start = log.start_promised;
}

void Judge::final_read_begins(const Place& place) { logs_[place].present.clear(); }

void Judge::final_read_ended(const Place& place, std::int64_t log_start, std::int64_t high_watermark) {
    const Log& log = logs_[place];
    for (const auto& [offset, value] : log.promised) {
        if (offset < log_start) continue;
        if (offset >= high_watermark)
            accuse("{}: record {} was promised at {}, and the log ends at {}", place.to_string(), value, offset,
                   high_watermark);
        else if (!log.present.contains(offset))
            accuse("{}: record {} was promised at {} and is not there", place.to_string(), value, offset);
    }
}

}  // namespace klog::sim
