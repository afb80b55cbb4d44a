// SPDX-License-Identifier: Apache-2.0
// A walk over a log that does not end at damage: what is no batch is passed over as one stretch, up to the next place
// at which a whole batch of format 2 with a good CRC and a higher offset starts. For what looks at all of a file
// (--map) or saves what can be saved (--extract, --rebuild-index, --diff).
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "cmd/dump_stream.h"
#include "core/base/error.h"
#include "core/os/disk.h"
#include "core/records/builder.h"
#include "core/records/entry.h"

namespace klog::cmd {

class LogWalk {
public:
    /// A larger batch is not looked for behind damage.
    static constexpr std::uint64_t sought_batch_bytes_max = 128u << 20;
    /// Bytes that look like headers without being any make the search read what they announce: at most so many times
    /// the size of the file in all.
    static constexpr std::uint64_t sought_bytes_per_byte_max = 4;

    struct Stretch {
        std::uint64_t position = 0;
        std::uint64_t size = 0;
        std::optional<records::EntryView> entry;  // Valid until the next call. Nothing: damage.
        std::string damage;                       // What is wrong.
    };

    static base::Result<LogWalk> open(os::Disk& disk, const std::string& path);

    /// One batch (or message of an old format) whose CRC is good and whose offsets rise, or one stretch of damage.
    /// Nothing at the end. Errors are those of the disk.
    base::Result<std::optional<Stretch>> next();
    /// Bytes up to the end of what next() returned last.
    std::uint64_t position() const { return end_; }

private:
    LogWalk(EntryStream stream, std::shared_ptr<os::File> file) : stream_(std::move(stream)), file_(std::move(file)) {}
    base::Result<std::optional<Stretch>> pass_over(const base::Error& error);
    base::Result<std::optional<std::uint64_t>> seek(std::uint64_t from, std::uint64_t size);
    base::Result<bool> entry_or_end_at(std::uint64_t position);
    base::Result<bool> starts_at(std::uint64_t position, std::string_view header, std::uint64_t size);

    EntryStream stream_;
    std::shared_ptr<os::File> file_;  // Null: standard input, where nothing is looked for.
    std::uint64_t end_ = 0;
    std::int64_t last_offset_ = std::numeric_limits<std::int64_t>::min();
    std::uint64_t sought_bytes_ = 0;
    bool done_ = false;
};

/// Of a control batch that ends a transaction; nothing for any other batch.
std::optional<records::EndTransactionMarker> end_marker_of(const records::EntryView& batch);

}  // namespace klog::cmd
