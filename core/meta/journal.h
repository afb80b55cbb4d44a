// SPDX-License-Identifier: Apache-2.0
// The files of the embedded store (docs/metadata.md): a journal of transactions and a checkpoint of the whole tree,
// both made of record batches v2, so that dump-segment reads them.
//
//     <base>.checkpoint   every node after all transactions whose offsets are below <base>; written whole, then renamed
//     <base>.log          the transactions from there on: one batch for each
//
// A record is one node: key = path; value = data, or null when it was removed; header "stat" = czxid, mzxid, version,
// children made, owner, in decimal. The first record of a transaction also has "durable": the size of the journal that
// was known to be on disk when it was written, by which recovery tells a torn tail from damage. A transaction's id
// (zxid) is its batch's base offset plus one. The last record of a checkpoint has no key; its value is the number of
// nodes.
//
// One owner at a time; everything here blocks and belongs on the pool.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/types.h"
#include "core/meta/tree.h"
#include "core/os/disk.h"

namespace klog::meta {

/// A journal of this size is followed by a checkpoint, unless the last checkpoint was larger: then at twice its size.
inline constexpr std::uint64_t journal_bytes_before_checkpoint = 4u << 20;
/// No file of a store in its right mind is larger; a larger one is not read.
inline constexpr std::uint64_t store_file_bytes_max = 2u << 30;

struct JournalTransaction {
    std::int64_t zxid = 0;
    std::vector<NodeChange> changes;
};

class Journal {
public:
    struct Options {
        std::string directory;
        std::uint64_t bytes_before_checkpoint = journal_bytes_before_checkpoint;
    };
    /// Opens the directory, making it when missing, and restores the tree from it. A torn tail is cut; corrupt, naming
    /// the file, when something that was durable is damaged.
    static base::Result<std::unique_ptr<Journal>> open(os::Disk& disk, Options options, Tree& tree);

    /// The id for the next transaction; the one after it is larger by the number of its changes.
    std::int64_t next_zxid() const { return next_zxid_; }

    /// Writes the transactions, which carry consecutive ids from next_zxid() on, and syncs once. no_space: nothing
    /// happened. Any other error is final: all later calls fail too.
    base::Result<> append(std::span<const JournalTransaction> transactions, base::TimestampMs now_ms);

    bool checkpoint_due() const;
    /// Writes the tree, which holds exactly what was appended, and starts an empty journal. no_space: as before, the
    /// old journal goes on. Any other error is final.
    base::Result<> checkpoint(const Tree& tree, base::TimestampMs now_ms);

    std::uint64_t journal_bytes() const { return end_; }

private:
    Journal(os::Disk& disk, Options options) : disk_(disk), options_(std::move(options)) {}
    base::Result<> recover(Tree& tree);
    base::Result<> read_checkpoint(Tree& tree);
    base::Result<> read_journal(Tree& tree);
    base::Result<> remove_unused_journal(const std::string& name);
    base::Result<std::shared_ptr<os::File>> start_journal();
    base::Result<> remove_older();
    base::Result<> failed(base::Error error);
    base::Result<> write_and_sync(const std::string& bytes);
    std::string path_of(std::string_view suffix) const;

    os::Disk& disk_;
    Options options_;
    std::shared_ptr<os::File> file_;
    std::int64_t base_ = 0;  // Of the current checkpoint and journal.
    std::int64_t next_zxid_ = 1;
    std::uint64_t end_ = 0;  // Of the journal; everything before it is durable.
    std::uint64_t checkpoint_bytes_ = 0;
    std::optional<base::Error> failure_;
};

}  // namespace klog::meta
