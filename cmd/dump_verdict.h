// SPDX-License-Identifier: Apache-2.0
// What --verify finds out about one file. Private to cmd/dump_*.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cmd/dump_files.h"

namespace klog::cmd {

struct Verdict {
    /// A file that is all wrong is wrong often; further faults are counted only.
    static constexpr std::size_t faults_max = 1000;

    struct Fault {
        std::uint64_t position;
        std::string words;
    };

    explicit Verdict(DumpFile its_file) : file(std::move(its_file)) {}

    DumpFile file;
    std::uint64_t bytes = 0;
    std::uint64_t entries = 0;  // Batches of a log, entries or lines of others.
    std::uint64_t records = 0;  // Of a log.
    std::uint64_t gaps = 0;     // Of a log: places where offsets are left out, as compaction does.
    std::optional<std::int64_t> first_offset, next_offset;
    std::vector<Fault> faults;
    std::uint64_t fault_count = 0;

    bool ok() const { return fault_count == 0; }
    void fault(std::uint64_t position, std::string words) {
        if (++fault_count <= faults_max) faults.push_back({position, std::move(words)});
    }
};

}  // namespace klog::cmd
