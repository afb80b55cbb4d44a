// SPDX-License-Identifier: Apache-2.0
#include "cmd/pipes.h"

#include <cerrno>
#include <csignal>
#include <cstring>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace klog::cmd {

using base::Errc;
using base::fail;
using base::Result;
using runtime::Task;

InputPipe::InputPipe(runtime::Pool& pool, int descriptor)
    : pool_(pool), descriptor_(descriptor), wake_(eventfd(0, EFD_CLOEXEC)) {
    scope_.spawn(read_ahead());
}

InputPipe::~InputPipe() {
    if (wake_ >= 0) ::close(wake_);
}

Result<std::string> InputPipe::read_block() const {
    pollfd waited[2] = {{descriptor_, POLLIN, 0}, {wake_, POLLIN, 0}};
    for (;;) {
        if (poll(waited, 2, -1) < 0) {
            if (errno == EINTR) continue;
            return fail(Errc::io, "cannot wait for the input: {}", std::strerror(errno));
        }
        if (waited[1].revents != 0) return std::string();
        std::string block;
        ssize_t n = 0;
        block.resize_and_overwrite(block_bytes, [&](char* to, std::size_t size) {
            n = ::read(descriptor_, to, size);
            return n > 0 ? static_cast<std::size_t>(n) : 0U;
        });
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (n < 0) return fail(Errc::io, "cannot read the input: {}", std::strerror(errno));
        return block;
    }
}

Task<void> InputPipe::read_ahead() {
    while (!ended_) {
        if (blocks_.size() >= blocks_ahead_max) {
            co_await taken_.wait();
            continue;
        }
        auto block = co_await runtime::on_pool(pool_, [this] { return read_block(); });
        if (!block) failure_ = std::unexpected(std::move(block).error());
        if (!block || block->empty())
            ended_ = true;
        else if (!ended_)
            blocks_.push_back(std::move(*block));
        came_.notify_all();
    }
}

Task<Result<std::string>> InputPipe::next() {
    while (blocks_.empty() && !ended_) co_await came_.wait();
    if (blocks_.empty()) {
        if (!failure_) co_return std::unexpected(failure_.error());
        co_return std::string();
    }
    std::string block = std::move(blocks_.front());
    blocks_.pop_front();
    taken_.notify_all();
    co_return block;
}

void InputPipe::stop() {
    ended_ = true;
    blocks_.clear();
    const std::uint64_t one = 1;
    (void)!::write(wake_, &one, sizeof one);
    came_.notify_all();
    taken_.notify_all();
}

Task<void> InputPipe::close() {
    stop();
    co_await scope_.join();
}

Result<> write_stdout(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
        if (n < 0) {
            if (errno == EINTR) continue;
            if (errno == EAGAIN) {  // Somebody made the shared descriptor non-blocking.
                pollfd waited{STDOUT_FILENO, POLLOUT, 0};
                poll(&waited, 1, -1);
                continue;
            }
            // As if SIGPIPE had ended it; the threads of the pool have signals blocked.
            if (errno == EPIPE) _exit(128 + SIGPIPE);
            return fail(Errc::io, "cannot write the output: {}", std::strerror(errno));
        }
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
}

void ignore_sigpipe() { std::signal(SIGPIPE, SIG_IGN); }

}  // namespace klog::cmd
