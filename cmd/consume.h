// SPDX-License-Identifier: Apache-2.0
// What `klog consume` was asked to do. Private to cmd/consume*.cc.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cmd/connection_options.h"
#include "cmd/errors.h"
#include "cmd/format.h"
#include "cmd/offsets_grammar.h"
#include "cmd/record_filter.h"
#include "cmd/selection.h"
#include "core/base/types.h"
#include "core/client/config.h"
#include "core/os/disk.h"

namespace klog::cmd {

struct ConsumeWish {
    std::optional<std::string> directory;  // Read files instead of asking a broker; no topics: all of them.
    TopicSelection topics;
    std::vector<base::PartitionId> partitions;  // None: all.
    OffsetExpression offsets;
    bool stop_at_end = false;
    std::optional<std::int64_t> count;
    bool json = false;
    Format format;  // Unless json.
    RecordFilter filter;
};

ExitCode run_consume(client::Config config, ConsumeWish& wish);
/// Of `wish.directory`; in cmd/dump_consume.cc.
ExitCode consume_directory(os::Disk& disk, ConsumeWish& wish, bool committed, int output);

}  // namespace klog::cmd
