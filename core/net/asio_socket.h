// SPDX-License-Identifier: Apache-2.0
// A non-blocking socket on an AsioShard, and waiting until it is ready: what the Asio streams and listeners share.
// Internal to core/net. Its users try the system call first and wait only when it would have blocked, so a socket that
// never blocks is never registered with the reactor. Waiting allocates nothing: the memory of Asio's operations is
// here.
#pragma once

#include <coroutine>
#include <memory>

#include "core/runtime/asio_shard.h"

namespace klog::net {

class AsioSocket {
public:
    /// Takes the descriptor, which is non-blocking, over. Made on any shard, used on `home`.
    AsioSocket(runtime::AsioShard& home, int descriptor);
    ~AsioSocket();                            // Nobody may be waiting, but in a teardown.
    AsioSocket(AsioSocket&& other) noexcept;  // While nobody waits.
    AsioSocket& operator=(AsioSocket&&) = delete;

    /// -1 once closed.
    int descriptor() const { return descriptor_; }
    bool closed() const { return descriptor_ < 0; }
    runtime::AsioShard& home() const { return *home_; }
    /// Those who wait are resumed, from the shard's event loop. Idempotent.
    void close();

    struct Core;
    class [[nodiscard]] Ready {
    public:
        Ready(AsioSocket& socket, bool to_write) : socket_(&socket), to_write_(to_write) {}
        bool await_ready() const noexcept { return socket_->closed(); }
        bool await_suspend(std::coroutine_handle<> frame);
        /// False: the socket is closed, or cannot be waited for.
        bool await_resume() const noexcept { return !failed_ && !socket_->closed(); }

    private:
        friend struct Core;
        friend class AsioSocket;
        AsioSocket* socket_;
        std::coroutine_handle<> frame_;
        bool to_write_;
        bool failed_ = false;
    };
    /// co_await readable(): one at a time; likewise writable().
    Ready readable() { return {*this, false}; }
    Ready writable() { return {*this, true}; }

private:
    struct Handler;
    runtime::AsioShard* home_;
    int descriptor_;
    Core* core_ = nullptr;  // Made by the first wait; dies with the last of us and Asio's operations.
};

}  // namespace klog::net
