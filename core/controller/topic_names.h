// SPDX-License-Identifier: Apache-2.0
// Which names a topic may have (org.apache.kafka.common.internals.Topic).
#pragma once

#include <string>
#include <string_view>

#include "core/base/error.h"

namespace klog::controller {

inline constexpr std::size_t topic_name_bytes_max = 249;
/// Where Kafka keeps its metadata; no client may create it.
inline constexpr std::string_view reserved_topic_name = "__cluster_metadata";

/// ASCII letters, digits, '.', '_' and '-'; not empty, not "." or "..", at most topic_name_bytes_max. Else
/// invalid_topic.
base::Result<> check_topic_name(std::string_view name);

/// Two names that differ only in '.' and '_' would give the same metric; they collide when these forms are equal.
std::string collision_form(std::string_view name);

}  // namespace klog::controller
