// SPDX-License-Identifier: Apache-2.0
#include "core/net/chain_sender.h"

#include <errno.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>

namespace klog::net {

using base::Errc;
using base::FileSlice;
using base::Result;
using base::SharedBytes;

namespace {

constexpr std::size_t vectors_max = 64;
constexpr std::int64_t would_block = -1;

// What a system call gave: bytes, would_block, or an error.
Result<std::int64_t> judged(ssize_t sent) {
    if (sent >= 0) return sent;
    switch (errno) {
        case EAGAIN:
        case ENOMEM:
        case ENOBUFS: return would_block;
        case EINTR: return 0;
        case EPIPE:
        case ECONNRESET:
        case ETIMEDOUT:
        case ENOTCONN: return base::fail(Errc::closed, "the peer is gone: {}", strerror(errno));
        default: return base::fail(Errc::io, "sending: {}", strerror(errno));
    }
}

}  // namespace

bool ChainSender::by_sendfile(const base::Chain::Piece& piece) const {
    const auto* slice = std::get_if<FileSlice>(&piece);
    return slice && slice->length > small_slice_bytes_max && slice->source->descriptor() >= 0;
}

Result<ChainSender::Progress> ChainSender::advance(int socket) {
    const auto& pieces = chain_.pieces();
    std::uint64_t turn = 0;
    while (piece_ < pieces.size()) {
        if (turn >= turn_bytes_max) return Progress::blocked;
        KLOG_TRY(const std::int64_t sent, by_sendfile(pieces[piece_]) ? send_file(socket) : gather_and_write(socket));
        if (sent == would_block) return Progress::blocked;
        turn += static_cast<std::uint64_t>(sent);
        consume(static_cast<std::uint64_t>(sent));
    }
    return Progress::done;
}

Result<std::size_t> ChainSender::read_slice(const FileSlice& slice, std::uint64_t from, std::span<char> into) {
    KLOG_TRY(const std::size_t n, slice.source->read_at(slice.position + from, into));
    if (n < into.size()) return base::fail(Errc::truncated, "a file ends {} bytes before its slice", into.size() - n);
    return n;
}

Result<std::int64_t> ChainSender::gather_and_write(int socket) {
    iovec vectors[vectors_max];
    std::size_t count = 0;
    std::size_t scratch_used = 0;
    std::uint64_t from = sent_of_it_;
    const auto& pieces = chain_.pieces();
    std::size_t at = piece_;
    for (; at < pieces.size() && count < vectors_max && !by_sendfile(pieces[at]); ++at, from = 0) {
        if (const auto* bytes = std::get_if<SharedBytes>(&pieces[at])) {
            vectors[count++] = {const_cast<char*>(bytes->view.data()) + from, bytes->view.size() - from};
            continue;
        }
        const auto& slice = std::get<FileSlice>(pieces[at]);
        const std::uint64_t left = slice.length - from;
        const std::size_t part = static_cast<std::size_t>(std::min(left, scratch_bytes_max - scratch_used));
        if (part == 0) break;
        if (!scratch_) scratch_ = std::make_unique_for_overwrite<char[]>(scratch_bytes_max);
        const std::span<char> into(scratch_.get() + scratch_used, part);
        KLOG_TRY_VOID(read_slice(slice, from, into));
        vectors[count++] = {into.data(), part};
        scratch_used += part;
        if (part < left) break;
    }
    msghdr message{};
    message.msg_iov = vectors;
    message.msg_iovlen = count;
    // What follows in a moment may share a packet with this.
    const int more = at < pieces.size() ? MSG_MORE : 0;
    return judged(::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT | more));
}

Result<std::int64_t> ChainSender::send_file(int socket) {
    const auto& slice = std::get<FileSlice>(chain_.pieces()[piece_]);
    auto position = static_cast<off_t>(slice.position + sent_of_it_);
    const ssize_t sent = ::sendfile(socket, slice.source->descriptor(), &position, slice.length - sent_of_it_);
    if (sent == 0) {
        return base::fail(Errc::truncated, "a file ends {} bytes before its slice", slice.length - sent_of_it_);
    }
    return judged(sent);
}

void ChainSender::consume(std::uint64_t bytes) {
    const auto& pieces = chain_.pieces();
    while (piece_ < pieces.size()) {
        const auto size_of = [](const auto& piece) -> std::uint64_t {
            if constexpr (requires { piece.view; })
                return piece.view.size();
            else
                return piece.length;
        };
        const std::uint64_t left = std::visit(size_of, pieces[piece_]) - sent_of_it_;
        if (bytes < left) {
            sent_of_it_ += bytes;
            return;
        }
        bytes -= left;
        sent_of_it_ = 0;
        ++piece_;
    }
}

}  // namespace klog::net
