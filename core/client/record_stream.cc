// SPDX-License-Identifier: Apache-2.0
#include "core/client/record_stream.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/records/builder.h"

namespace klog::client {

using base::Errc;
using base::Offset;
using base::Result;

Result<WholeEntries> whole_entries(std::string_view bytes) {
    WholeEntries whole;
    std::string_view rest = bytes;
    for (;;) {
        auto entry = records::take_entry(rest);
        if (!entry) {
            if (entry.error().code == Errc::truncated) break;
            return std::unexpected(std::move(entry).error());
        }
        if (!*entry) break;
        whole.next = (*entry)->next_offset();
        whole.bytes += (*entry)->size();
    }
    return whole;
}

base::Error RecordStream::at_fault(Offset offset, const base::Error& error) const {
    return {error.code, fmt::format("partition {} at offset {}: {} (CORRUPT_MESSAGE)", fetched_.where.partition, offset,
                                    error.message)};
}

/// Whether the records of this entry are for the consumer; keeps track of aborted transactions.
Result<bool> RecordStream::wanted(const records::EntryView& entry) {
    if (entry.last_offset() < fetched_.position) return false;
    if (!entry.is_batch()) return true;
    const records::BatchView batch = entry.batch();
    if (isolation_ == Isolation::read_committed) {
        for (; next_aborted_ < fetched_.aborted.size() && fetched_.aborted[next_aborted_].first <= batch.last_offset();
             ++next_aborted_)
            aborting_.insert(fetched_.aborted[next_aborted_].producer);
        if (batch.control()) {
            KLOG_TRY(auto control, records::EntryReader::open(entry, scratch_, inflated_bytes_max));
            records::Record record;
            KLOG_TRY(const bool any, control.next(record));
            if (any) {
                KLOG_TRY(const auto type, records::control_type(record));
                if (type == records::ControlType::abort) aborting_.erase(batch.producer_id());
            }
            return false;
        }
        if (batch.transactional() && aborting_.contains(batch.producer_id())) return false;
    }
    return !batch.control();
}

Result<bool> RecordStream::next_entry() {
    for (;;) {
        auto taken = records::take_entry(rest_);
        if (!taken) return std::unexpected(at_fault(fetched_.position, taken.error()));
        if (!*taken) return false;
        const records::EntryView& entry = **taken;
        if (!entry.compressed() && fetched_.until && entry.base_offset() >= *fetched_.until) return false;
        if (check_crcs_)
            if (auto good = entry.check_crc(); !good)
                return std::unexpected(at_fault(entry.base_offset(), good.error()));
        auto is_wanted = wanted(entry);
        if (!is_wanted) return std::unexpected(at_fault(entry.base_offset(), is_wanted.error()));
        if (!*is_wanted) continue;
        auto reader = records::EntryReader::open(entry, scratch_, inflated_bytes_max);
        if (!reader) return std::unexpected(at_fault(entry.base_offset(), reader.error()));
        reader_.emplace(std::move(*reader));
        leader_epoch_ = entry.partition_leader_epoch();
        log_append_time_ = entry.timestamp_type() == records::TimestampType::log_append_time;
        return true;
    }
}

Result<bool> RecordStream::next(StreamRecord& out) {
    for (;;) {
        if (!reader_) {
            KLOG_TRY(const bool more, next_entry());
            if (!more) return false;
        }
        auto got = reader_->next(out.record);
        if (!got) return std::unexpected(at_fault(out.record.offset, got.error()));
        if (!*got) {
            reader_.reset();
            continue;
        }
        if (out.record.offset < fetched_.position) continue;
        if (fetched_.until && out.record.offset >= *fetched_.until) return false;
        out.leader_epoch = leader_epoch_;
        out.log_append_time = log_append_time_;
        return true;
    }
}

}  // namespace klog::client
