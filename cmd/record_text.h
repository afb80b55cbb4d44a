// SPDX-License-Identifier: Apache-2.0
// A record as the commands print and read it. Views point into the batch that was fetched or the input that was read.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/base/types.h"
#include "core/records/record.h"

namespace klog::cmd {

using HeaderText = records::Header;

/// What `consume` prints.
struct RecordText {
    std::string_view topic;
    base::PartitionId partition;
    base::Offset offset;
    base::LeaderEpoch leader_epoch = base::no_leader_epoch;
    base::TimestampMs timestamp_ms = -1;
    bool log_append_time = false;
    std::optional<std::string_view> key;
    std::optional<std::string_view> value;
    const std::vector<HeaderText>* headers = nullptr;  // Null: none.
};

/// What `produce` understood of its input. What the input did not say keeps its default.
struct RecordInput {
    std::optional<std::string_view> topic;
    std::optional<base::PartitionId> partition;
    std::optional<base::TimestampMs> timestamp_ms;
    std::optional<std::string_view> key;
    std::optional<std::string_view> value;
    std::vector<HeaderText> headers;

    /// Ready for the next record; keeps the room of `headers`.
    void clear() {
        topic.reset();
        partition.reset();
        timestamp_ms.reset();
        key.reset();
        value.reset();
        headers.clear();
    }
};

}  // namespace klog::cmd
