// SPDX-License-Identifier: Apache-2.0
// Kafka's error codes as errors of a client: words for a person, with Kafka's name of the error in brackets.
#pragma once

#include <optional>
#include <string_view>

#include "core/base/error.h"
#include "core/wire/errors.h"

namespace klog::client {

base::Errc errc_of(wire::ErrorCode code);

/// "what: words of the broker, or else our own sentence (NAME)". `what` may be empty.
base::Error kafka_error(wire::ErrorCode code, std::string_view what = {},
                        std::optional<std::string_view> broker_words = std::nullopt);

}  // namespace klog::client
