// SPDX-License-Identifier: Apache-2.0
// A non-blocking socket on an AsioShard, and waiting until it is ready: what the Asio streams and listeners share.
// Internal to core/net. Its users try the system call first and wait only when it would have blocked, so a socket that
// never blocks is never registered with the reactor. Waiting allocates nothing: the memory of Asio's operations is
// here.
//
// A read that waits is Asio's own, because that costs one system call less than waiting until the socket is readable:
// the reactor knows from its edges when bytes come, while a plain wait has to arm it again each time.
#pragma once

#include <coroutine>
#include <memory>
#include <span>

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
        friend class AsioSocket;
        AsioSocket* socket_;
        std::coroutine_handle<> frame_;
        bool to_write_;
        bool failed_ = false;
    };
    /// co_await readable(): one at a time; likewise writable().
    Ready readable() { return {*this, false}; }
    Ready writable() { return {*this, true}; }

    struct Received {
        std::size_t bytes = 0;  // 0 without an error: the peer has closed.
        int error = 0;          // An errno.
    };
    class [[nodiscard]] Read {
    public:
        Read(AsioSocket& socket, std::span<char> into) : socket_(&socket), into_(into) {}
        bool await_ready() const noexcept { return socket_->closed(); }
        bool await_suspend(std::coroutine_handle<> frame);
        Received await_resume() const noexcept { return received_; }

    private:
        friend class AsioSocket;
        AsioSocket* socket_;
        std::span<char> into_;
        std::coroutine_handle<> frame_;
        Received received_;
    };
    /// co_await read(into): the bytes that are there, or the first that come. closed() tells whether we closed.
    Read read(std::span<char> into) { return {*this, into}; }

private:
    struct ReadyHandler;
    struct ReadHandler;
    /// The core, registered with the reactor; null when the kernel watches no more descriptors.
    Core* registered();

    runtime::AsioShard* home_;
    int descriptor_;
    Core* core_ = nullptr;  // Made by the first wait; dies with the last of us and Asio's operations.
};

}  // namespace klog::net
