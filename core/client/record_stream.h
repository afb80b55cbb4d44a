// SPDX-License-Identifier: Apache-2.0
// What one fetch brought of one partition, and the records in it that a consumer shall see: none before its position,
// none from its end on, no control records, none of aborted transactions when it reads committed. A RecordStream blocks
// while it decompresses and may be used on any one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/chain.h"
#include "core/base/error.h"
#include "core/base/types.h"
#include "core/client/config.h"
#include "core/client/metadata.h"
#include "core/records/entry.h"

namespace klog::client {

/// One batch inflates to no more than this.
inline constexpr std::size_t inflated_bytes_max = 1u << 30;

struct AbortedTransaction {
    base::ProducerId producer;
    base::Offset first;
};

struct Fetched {
    TopicPartition where;
    base::SharedBytes frame;  // Keeps `records` alive.
    std::string_view records;
    base::Offset position;              // Records before it are not wanted.
    std::optional<base::Offset> until;  // Nor those from it on.
    base::Offset next;                  // Where the next fetch goes on.
    base::Offset high_watermark, last_stable, log_start;
    std::vector<AbortedTransaction> aborted;  // Sorted by first offset.
};

/// A record with what its batch says of it.
struct StreamRecord {
    records::Record record;
    base::LeaderEpoch leader_epoch = base::no_leader_epoch;
    bool log_append_time = false;
};

class RecordStream {
public:
    RecordStream(Fetched fetched, bool check_crcs, Isolation isolation)
        : fetched_(std::move(fetched)), rest_(fetched_.records), check_crcs_(check_crcs), isolation_(isolation) {}
    RecordStream(const RecordStream&) = delete;
    RecordStream& operator=(const RecordStream&) = delete;

    const Fetched& fetched() const { return fetched_; }
    /// True: `out` holds the next record; its views live until the next call. corrupt and the like name the place.
    base::Result<bool> next(StreamRecord& out);

private:
    base::Result<bool> next_entry();
    base::Result<bool> wanted(const records::EntryView& entry);
    base::Error at_fault(base::Offset offset, const base::Error& error) const;

    Fetched fetched_;
    std::string_view rest_;
    bool check_crcs_;
    Isolation isolation_;
    std::optional<records::EntryReader> reader_;
    std::string scratch_;
    base::LeaderEpoch leader_epoch_ = base::no_leader_epoch;
    bool log_append_time_ = false;
    std::size_t next_aborted_ = 0;
    std::set<base::ProducerId> aborting_;  // Producers whose transaction that is open here was aborted.
};

/// The offset behind the last whole entry, and the bytes up to there. An incomplete entry at the end is normal.
struct WholeEntries {
    std::size_t bytes = 0;
    std::optional<base::Offset> next;
};
base::Result<WholeEntries> whole_entries(std::string_view bytes);

}  // namespace klog::client
