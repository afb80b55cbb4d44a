// SPDX-License-Identifier: Apache-2.0
// What to do about each of Kafka's errors. What an error means is wire::sentence_of.
#pragma once

#include <string_view>

#include "core/wire/errors.h"

namespace klog::cmd {

/// One or two sentences; never empty.
std::string_view remedy_of(wire::ErrorCode code);

/// By number, by Kafka's name in any case, by the name of Java's exception (NotLeaderOrFollowerException, with or
/// without its package) or by librdkafka's (ERR_NOT_LEADER_FOR_PARTITION and the like, where it is the same word).
std::optional<wire::ErrorCode> find_error(std::string_view text);

}  // namespace klog::cmd
