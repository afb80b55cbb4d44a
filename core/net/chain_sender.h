// SPDX-License-Identifier: Apache-2.0
// Moves a chain into a non-blocking socket: pieces in memory and small file slices gathered into one writev, large
// slices by sendfile, slices without a descriptor read part by part. Lives in the frame of one send.
#pragma once

#include <memory>
#include <string>

#include "core/base/chain.h"
#include "core/base/error.h"

namespace klog::net {

class ChainSender {
public:
    /// Slices up to this size are read and gathered: cheaper than a system call each.
    static constexpr std::uint32_t small_slice_bytes_max = 16 * 1024;
    /// What one writev carries of file slices that were read for it.
    static constexpr std::size_t scratch_bytes_max = 64 * 1024;
    /// After so much in one go the others on the shard get a turn, even if the socket takes more.
    static constexpr std::uint64_t turn_bytes_max = 2 * 1024 * 1024;

    explicit ChainSender(base::Chain chain) : chain_(std::move(chain)) {}

    enum class Progress { done, blocked };
    /// Sends until all is sent, the socket is full, or the turn is over.
    base::Result<Progress> advance(int socket);

private:
    bool by_sendfile(const base::Chain::Piece& piece) const;
    base::Result<std::int64_t> gather_and_write(int socket);
    base::Result<std::int64_t> send_file(int socket);
    base::Result<std::size_t> read_slice(const base::FileSlice& slice, std::uint64_t from, std::span<char> into);
    void consume(std::uint64_t bytes);

    base::Chain chain_;
    std::size_t piece_ = 0;         // The first that is not sent whole,
    std::uint64_t sent_of_it_ = 0;  // and how much of it is.
    std::unique_ptr<char[]> scratch_;
};

}  // namespace klog::net
