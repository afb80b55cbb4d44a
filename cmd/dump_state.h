// SPDX-License-Identifier: Apache-2.0
// The records of __consumer_offsets and __transaction_state as JSON: names, order and values as Kafka's own converters
// make them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/error.h"

namespace klog::cmd {

enum class StateTopic { offsets, transactions };

/// By the topic's name.
std::optional<StateTopic> state_topic_of(std::string_view topic);

struct StateText {
    std::int16_t type = 0;             // Of the key.
    std::string_view name;             // "OffsetCommit"; empty: a type that is not known, and nothing below is set.
    std::string key;                   // The JSON object.
    std::int16_t version = 0;          // Of the value.
    std::optional<std::string> value;  // Nothing: the record deletes.
};

/// corrupt: the bytes are no such record.
base::Result<StateText> decode_state(StateTopic topic, std::optional<std::string_view> key,
                                     std::optional<std::string_view> value);

}  // namespace klog::cmd
