// SPDX-License-Identifier: Apache-2.0
// What `klog produce` was asked to do. Private to cmd/produce*.cc.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cmd/connection_options.h"
#include "cmd/errors.h"
#include "cmd/quantity.h"
#include "cmd/record_source.h"
#include "cmd/text_codec.h"
#include "core/base/types.h"
#include "core/client/config.h"

namespace klog::cmd {

struct ProduceWish {
    std::optional<std::string> topic;  // None: the records name theirs.
    std::unique_ptr<RecordSource> source;
    std::optional<std::string> key;
    std::vector<std::pair<std::string, std::string>> headers;
    std::optional<base::PartitionId> partition;
    bool empty_is_null = false;
    bool value_named = true;   // The input has a place for values; without one and without -Z they are empty.
    bool spread_anew = false;  // The partitioner decides, whatever partition a record names.
    bool create = false;
    std::int32_t create_partitions = -1;  // -1: the broker's default.
    bool receipts = false;
    std::optional<std::int64_t> rate;  // Records per second at most.
};

ExitCode run_produce(client::Config config, ProduceWish& wish);

}  // namespace klog::cmd
