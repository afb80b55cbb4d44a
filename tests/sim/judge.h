// SPDX-License-Identifier: Apache-2.0
// What clients were promised and what they saw, held against each other. The judge is told what is asked, answered and
// read, in the order in which it happens, and knows what a broker that loses nothing may do. Pure: no clock, no random,
// no I/O. Faults are gathered as sentences.
//
// Every record of a simulation carries a number of its own as its value, so that each can be told from all others.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "core/base/types.h"
#include "core/base/uuid.h"

namespace klog::sim {

using Value = std::uint64_t;

/// One partition of one incarnation of a topic.
struct Place {
    base::Uuid topic;
    std::int32_t partition = 0;
    auto operator<=>(const Place&) const = default;
    std::string to_string() const { return fmt::format("{}/{}", topic.to_string(), partition); }
};

/// A topic that was acknowledged.
struct Topic {
    std::string name;
    base::Uuid id;
    std::int32_t partitions = 0;  // Acknowledged;
    std::int32_t partitions_asked = 0;
    bool deletion_asked = false;
    bool deleted = false;   // Acknowledged.
    bool keeps_all = true;  // Retention has never been asked for: only DeleteRecords takes records away.
    struct Config {
        std::string value;
        bool known = false;
        /// Asked for in requests that were not answered: any of them may come late.
        std::set<std::string> doubtful;
    };
    std::map<std::string, Config> configs;
};

class Judge {
public:
    // ---- Topics and producers
    void topic_created(const std::string& name, const base::Uuid& id, std::int32_t partitions);
    Topic& topic(const base::Uuid& id) { return topics_.at(id); }
    const std::map<base::Uuid, Topic>& topics() const { return topics_; }
    void config_asked(const base::Uuid& id, const std::string& key, const std::string& value);
    /// `in_doubt`: after requests for it that were not answered.
    void config_acknowledged(const base::Uuid& id, const std::string& key, const std::string& value, bool in_doubt);
    void config_read(const base::Uuid& id, const std::string& key, const std::string& value);
    void producer_id_given(std::int64_t id);

    // ---- Records
    /// The number of a record that is about to be sent.
    Value new_record(const Place& place);
    /// acks=all was answered: from now on it is there, at this offset, and nowhere else.
    void acknowledged(Value value, std::int64_t offset);
    /// A reader was given it, below the high watermark: that is as good as a promise.
    void read(const Place& place, std::int64_t offset, Value value);
    /// A reader of this position was given these offsets; they are dense.
    void read_next(const Place& place, std::int64_t expected, std::int64_t offset);

    // ---- Ends of logs
    std::int64_t high_watermark(const Place& place) const;
    std::int64_t log_start(const Place& place) const;
    /// What was known when a question was asked: its answer may not fall behind.
    struct Asked {
        std::int64_t log_start = 0;
        std::int64_t high_watermark = 0;
        std::uint64_t life = 0;  // Of the broker.
    };
    std::uint64_t life() const { return life_; }
    Asked ask(const Place& place) const { return {log_start(place), high_watermark(place), life_}; }
    /// A client was told where a log starts, or ends for readers.
    void told_start(const Place& place, std::int64_t log_start, const Asked& asked);
    void told_end(const Place& place, std::int64_t high_watermark, const Asked& asked);
    void deletion_asked(const Place& place, std::int64_t before);
    /// Whether anybody has asked for records to go.
    bool front_may_go(const Place& place) const;
    void deletion_acknowledged(const Place& place, std::int64_t low_watermark);
    /// Where the log starts may be forgotten by a broker that ends without warning, as far as nobody was promised it.
    void broker_ended();

    // ---- The end
    void final_read_begins(const Place& place);
    /// Everything from `log_start` to the end has been read since it began.
    void final_read_ended(const Place& place, std::int64_t log_start, std::int64_t high_watermark);

    template <class... Args>
    void accuse(fmt::format_string<Args...> format, Args&&... args) {
        if (faults_.size() < faults_max) faults_.push_back(fmt::format(format, std::forward<Args>(args)...));
    }
    const std::vector<std::string>& faults() const { return faults_; }
    bool content() const { return faults_.empty(); }
    std::size_t acknowledged_records() const { return acknowledged_; }
    std::size_t records_read() const { return read_; }

private:
    static constexpr std::size_t faults_max = 20;

    struct Record {
        Place place;
        std::optional<std::int64_t> offset;  // Promised.
    };
    struct Log {
        std::map<std::int64_t, Value> promised;
        std::set<std::int64_t> present;  // In the final read.
        std::int64_t high_watermark = 0;
        std::int64_t start = 0;
        std::int64_t start_promised = 0;
        std::int64_t start_asked = 0;
    };
    void promise(Value value, std::int64_t offset, const char* how);

    std::map<base::Uuid, Topic> topics_;
    std::map<Place, Log> logs_;
    std::vector<Record> records_;
    std::set<std::int64_t> producer_ids_;
    std::uint64_t life_ = 1;
    std::size_t acknowledged_ = 0;
    std::size_t read_ = 0;
    std::vector<std::string> faults_;
};

}  // namespace klog::sim
